"""An HTTP API with an OpenAPI 3 document, presented as an MCP server: each operation is a tool."""
