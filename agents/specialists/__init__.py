"""The bundled specialists, one folder each, and the service that runs a specialist's folder."""
