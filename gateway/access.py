"""Who may use which route of the gateway."""

from collections.abc import Callable

from starlette.types import Scope

from agentnet.frame.access import ADMINISTRATOR, CALLER, PUBLIC, USER, Rule, Rules, without_credential
from agentnet.identity.principal import USE

# A wrong credential is refused all the same: who has one is told at the card, not at the first message.
CARD = Rule(is_open=without_credential)
RELAYED = Rule(USE, is_told=True)
"""Refused as A2A has it, with the id of the caller's request."""


def rules(admits: Callable[[Scope], bool]) -> Rules:
    """The table. `admits` tells which requests the MCP door takes without a key."""
    door = Rule(USE, is_open=admits, is_told=True)
    return {
        **dict.fromkeys(("* /mcp", "* /mcp/", "* /mcp/{profile}"), door),
        "GET /mcp/.well-known/{path:path}": PUBLIC,
        "GET /mcp/{profile}/.well-known/{path:path}": PUBLIC,
        "GET /.well-known/jwks.json": PUBLIC,
        "GET /.well-known/agent-card.json": CARD,
        "GET /.well-known/agent.json": CARD,
        "GET /agents/{name}/.well-known/agent-card.json": CARD,
        "GET /agents/{name}/.well-known/agent.json": CARD,
        "GET /agents": USER,
        "GET /agents/{name}": CALLER,
        "* /agents/{name}": RELAYED,
        "* /agents/{name}/{path:path}": RELAYED,
        "GET /": PUBLIC,
        "POST /": RELAYED,
        "* /message:send": RELAYED,
        "* /message:stream": RELAYED,
        "* /tasks": RELAYED,
        "* /tasks/{path:path}": RELAYED,
        "* /extendedAgentCard": RELAYED,
        "* /v1/message:send": RELAYED,
        "* /v1/message:stream": RELAYED,
        "* /v1/card": RELAYED,
        "* /v1/tasks/{path:path}": RELAYED,
        "GET /v1/tasks": USER,
        "GET /v1/tasks/{id:uuid}": USER,
        "GET /v1/tasks/{id:uuid}/tree": USER,
        "GET /v1/push": USER,
        "POST /v1/push/{id:uuid}/retry": USER,
        "GET /v1/retention": USER,
        "PUT /v1/retention/{state}": ADMINISTRATOR,
        "DELETE /v1/retention/{state}": ADMINISTRATOR,
        "GET /v1/keys": ADMINISTRATOR,
        "POST /v1/keys": ADMINISTRATOR,
        "DELETE /v1/keys/{id}": ADMINISTRATOR,
        "GET /v1/mcp/profiles": ADMINISTRATOR,
        "PUT /v1/mcp/profiles/{name}": ADMINISTRATOR,
        "DELETE /v1/mcp/profiles/{name}": ADMINISTRATOR,
        "GET /v1/mcp/servers": ADMINISTRATOR,
        "POST /v1/mcp/servers": ADMINISTRATOR,
        "GET /v1/mcp/servers/{name}": ADMINISTRATOR,
        "PUT /v1/mcp/servers/{name}": ADMINISTRATOR,
        "DELETE /v1/mcp/servers/{name}": ADMINISTRATOR,
        "POST /v1/mcp/servers/{name}/enable": ADMINISTRATOR,
        "POST /v1/mcp/servers/{name}/disable": ADMINISTRATOR,
        "POST /v1/mcp/servers/{name}/test": ADMINISTRATOR,
    }
