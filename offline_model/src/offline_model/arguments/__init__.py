"""Arguments: what a tool is called with. May import `language` and `request`. Start with `filling`."""
