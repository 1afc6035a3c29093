"""MCP servers as tools of a run, called over the tenant's connections for the task's tenant.

A call over a connection that broke is made again only when the tool's hints say that it may be.
"""

import asyncio
import base64
import json
import logging
import re
from hashlib import sha256
from typing import Any

import mcp
from agents import FunctionTool, Tool
from agents.tool_context import ToolContext
from mcp import types

from agentnet.discovery.directory import Directory
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from agentnet.mcp.connection import CONNECT_SECONDS, is_closed
from agentnet.runs.journal import call_key
from agentnet.runs.scope import RunScope
from agentnet.runs.toolconnections import CALL_SECONDS, ToolConnections
from agentnet.runs.traits import mark, traits_of
from agentnet.upstreams.upstreams import Upstreams

logger = logging.getLogger(__name__)

MAX_RESULT_CHARACTERS = 60_000
MAX_NAME = 64
DIGEST_CHARACTERS = 8
IDEMPOTENCY_META = "agentnet.dev/idempotency-key"


class ToolServers:
    """The MCP servers of one agent."""

    def __init__(self, directory: Directory, tokens: Tokens, upstreams: Upstreams | None = None) -> None:
        self._connections = ToolConnections(directory, tokens, upstreams)

    async def tools(self, principal: Principal, names: list[str]) -> list[Tool]:
        """The tools of the servers `names`, named by `tool_name`. A server that is away is left out, and logged."""
        found = await asyncio.gather(*(self._tools_of(principal, name) for name in names))
        made: dict[str, Tool] = {}
        for server, tools in zip(names, found, strict=True):
            for tool in tools:
                name = tool_name(server, tool.name)
                name = name if name not in made else tool_name(server, tool.name, marked=True)
                made[name] = self._as_tool(principal, server, tool, name)
        return list(made.values())

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    async def _tools_of(self, principal: Principal, name: str) -> list[types.Tool]:
        try:
            return await (await self._connections.get(principal, name)).tools()
        except (AgentNetError, mcp.MCPError, TimeoutError) as error:
            logger.warning("tools of %s are not available: %s", name, error)
            await self._connections.drop(principal, name)
            return []

    def _as_tool(self, principal: Principal, server: str, tool: types.Tool, name: str) -> FunctionTool:
        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            return await self._call(principal, server, tool, context, arguments)

        made = FunctionTool(
            name=name,
            description=tool.description or tool.name,
            params_json_schema=dict(tool.input_schema),
            on_invoke_tool=invoke,
            strict_json_schema=False,
        )
        return mark(made, traits_of(tool.annotations))

    async def _call(
        self, principal: Principal, server: str, tool: types.Tool, context: ToolContext[Any], arguments: str
    ) -> str:
        scope: RunScope = context.context
        values = _arguments(arguments)
        result = await self._called(principal, server, tool, values)
        return await _rendered(result, scope, context.tool_call_id, str(values.get("title") or tool.name))

    async def _called(
        self, principal: Principal, server: str, tool: types.Tool, values: dict[str, Any]
    ) -> types.CallToolResult:
        """The result; over a connection that broke once more, if the tool may be called again."""
        if not traits_of(tool.annotations).repeatable:
            await self._check(principal, server)  # a connection that broke while idle shows it only when it is used
            return await self._call_once(principal, server, tool.name, values)
        try:
            return await self._call_once(principal, server, tool.name, values)
        except UnavailableError:
            await self._connections.drop(principal, server)
            return await self._call_once(principal, server, tool.name, values)

    async def _check(self, principal: Principal, server: str) -> None:
        """Find out that the connection is broken before a call that must not be made twice, and connect anew."""
        try:
            connection = await self._connections.get(principal, server)
            async with asyncio.timeout(CONNECT_SECONDS):
                await (await connection.client()).session.list_tools()
        except (UnavailableError, TimeoutError, mcp.MCPError):
            await self._connections.drop(principal, server)

    async def _call_once(
        self, principal: Principal, server: str, tool: str, values: dict[str, Any]
    ) -> types.CallToolResult:
        connection = await self._connections.get(principal, server)
        client = await connection.client()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                # The same key in every replay: a server may know a repeated call by it.
                return await client.call_tool(tool, values, meta={IDEMPOTENCY_META: call_key.get()})  # type: ignore[arg-type]
        except TimeoutError:
            raise AgentNetError(f"{server}.{tool} did not answer within {CALL_SECONDS:g} s.") from None
        except mcp.MCPError as error:
            if is_closed(error) or connection.broken:
                raise UnavailableError(
                    f"The connection to {server} broke; whether {tool} was carried out is unknown."
                ) from error
            raise AgentNetError(f"{server}.{tool}: {error}") from error


def tool_name(server: str, tool: str, *, marked: bool = False) -> str:
    """`<server>_<tool>` with underscores for dashes. One that models do not take, and one that is `marked` for another
    has it already, ends with a digest."""
    name = f"{server}_{tool}".replace("-", "_")
    if not marked and re.fullmatch(r"[A-Za-z0-9_]{1,64}", name):
        return name
    digest = sha256(f"{server}\0{tool}".encode()).hexdigest()[:DIGEST_CHARACTERS]
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)  # what OpenAI takes, 64 characters of it
    return f"{plain[: MAX_NAME - DIGEST_CHARACTERS - 1]}_{digest}"


def _arguments(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text) if text.strip() else {}
    except ValueError:
        raise AgentNetError("The arguments are not a JSON object.") from None
    if not isinstance(values, dict):
        raise AgentNetError("The arguments are not a JSON object.")
    return values


async def _rendered(result: types.CallToolResult, scope: RunScope, call_id: str, title: str) -> str:
    """A tool's result as text; images and files become artifacts of the task, named by their URI in the text."""
    texts: list[str] = []
    for number, content in enumerate(result.content):
        match content:
            case types.TextContent():
                texts.append(content.text)
            case types.ImageContent() | types.AudioContent():
                extension = content.mime_type.partition("/")[2].partition("+")[0] or "bin"
                name = f"{title[:60]}.{extension}"
                body = base64.b64decode(content.data)
                ref = await scope.attach_file(f"{call_id}-{number}", name, content.mime_type, body)
                texts.append(f"File: {ref.uri} ({ref.media_type}, {ref.size} bytes)")
            case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
                texts.append(resource.text)
            case types.EmbeddedResource(resource=types.BlobResourceContents() as blob):
                body = base64.b64decode(blob.blob)
                media_type = blob.mime_type or "application/octet-stream"
                ref = await scope.attach_file(f"{call_id}-{number}", str(blob.uri), media_type, body)
                texts.append(f"File: {ref.uri} ({ref.media_type}, {ref.size} bytes)")
            case _:
                texts.append(f"[{content.type}]")
    text = "\n".join(texts)
    if result.is_error:
        raise AgentNetError(text or "The tool failed.")
    return text if len(text) <= MAX_RESULT_CHARACTERS else text[:MAX_RESULT_CHARACTERS] + "\n[cut here]"
