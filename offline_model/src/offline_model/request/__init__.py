"""The request: what was said and done, the tools, the steps. May import `language`. Start with `conversation`."""
