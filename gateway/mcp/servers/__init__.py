"""Upstream servers behind the door: relayed as they are, or as providers behind the aggregate.

May import `aggregate`, `bridge`, `changes`, `messages`, `resumption`, `sessions` and `upstream` beside it. Start with
`passthrough` (one server), then `calls` (many).
"""
