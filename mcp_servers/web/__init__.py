"""Public web pages, fetched behind the SSRF guard and read as Markdown."""
