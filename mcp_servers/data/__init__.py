"""Tables: files and the task log, asked with SQL on DuckDB, summarized and drawn."""
