"""Arguments: what a tool is called with, from the words of a step and the names that tools gave."""
