"""The request: what was said and done so far, the tools, the steps of the work, and what became of each."""
