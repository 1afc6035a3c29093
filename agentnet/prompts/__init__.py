"""Prompts: how many tokens they take, what refusals tell of a context's size, and how a conversation is shortened.

Imports no other folder. Start with `shortening`.
"""
