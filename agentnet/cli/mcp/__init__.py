"""Commands around the MCP door: the stdio bridge for hosts, profiles, upstream servers."""
