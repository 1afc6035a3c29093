"""One request of an MCP client and the ways back to it: JSON-RPC, errors, the exchange, the reply, limits of time.

The ground floor of the MCP door: imports nothing else of `gateway.mcp`. May import `gateway.http`. Start with
`exchange`, then `inbound`, `reply`.
"""
