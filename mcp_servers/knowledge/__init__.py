"""Documents: ingested, searched by PostgreSQL full text, cited by source and line."""
