"""Upstream servers behind the door: relayed as they are, or as providers behind the aggregate.

May import all other folders of `gateway.mcp` but `agents`. Start with `passthrough` (one server), then `calls` (many).
"""
