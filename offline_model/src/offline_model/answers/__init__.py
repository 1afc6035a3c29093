"""Answers: what tools and texts hold, in words. Imports `arguments` and what it imports. Start with `answering`."""
