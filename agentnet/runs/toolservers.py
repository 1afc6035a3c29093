"""MCP servers as tools of a run, called over the tenant's connections for the task's tenant.

A call over a connection that broke is made again only when the tool's hints say that it may be; one in a session that
the server had forgotten is made again in a new one, for the server did not look at it.
"""

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import mcp
from agents import FunctionTool, Tool
from agents.tool_context import ToolContext
from cachetools import LRUCache
from mcp import types
from pydantic import ValidationError

from agentnet.arguments.errors import UnfitError
from agentnet.arguments.form import form_of_tool
from agentnet.arguments.texts import MAX_NAME
from agentnet.discovery.directory import Directory
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from agentnet.identity.origin import Origin
from agentnet.identity.tokens import Tokens
from agentnet.mcp.connection import CONNECT_SECONDS, CONNECTION_CLOSED, CUT_OFF, is_closed
from agentnet.runs.forms import carry, left_out, more_of
from agentnet.runs.journal import call_key
from agentnet.runs.scope import RunScope
from agentnet.runs.toolabsence import Absence
from agentnet.runs.toolconnections import CALL_SECONDS, ToolConnection, ToolConnections
from agentnet.runs.toolresults import rendered
from agentnet.runs.traits import mark, traits_of
from agentnet.upstreams.upstreams import Upstreams

logger = logging.getLogger(__name__)

NOT_MCP = (ValidationError, RuntimeError)
"""What the SDK's client raises for an answer that is no result."""
DIGEST_CHARACTERS = 8
IDEMPOTENCY_META = "agentnet.dev/idempotency-key"
CACHED_LISTS = 1024

Listed = list[types.Tool] | str
"""What a server offers, or why it offers nothing."""


class _ForgottenError(UnavailableError):
    """The server did not look at the call: it does not know its session."""


@dataclass(frozen=True)
class Served:
    """What the servers of an agent have for one run."""

    tools: list[Tool]
    missing: dict[str, str]
    """Servers whose tools are not there, and why."""
    by_name: Mapping[str, FunctionTool] = field(default_factory=dict[str, FunctionTool])
    """The same tools by their names."""
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """Tools that cannot be told to a model, and why."""

    @cached_property
    def note(self) -> str:
        """What the model is told of what is missing; empty where nothing is."""
        return "\n\n".join(filter(None, (self._away(), left_out(self.left_out))))

    @cached_property
    def more(self) -> str:
        """What the model is told of the tools beyond their descriptions, where they are listed to it."""
        return more_of(self.tools)

    def _away(self) -> str:
        if not self.missing:
            return ""
        lines = "\n".join(f"- {name}: {reason}" for name, reason in self.missing.items())
        return (
            f"The tools of these servers are not available now:\n{lines}\n"
            "Where the task needs them, say that they are missing; do not make up what they would have answered."
        )


class ToolServers:
    """The MCP servers of one agent."""

    def __init__(self, directory: Directory, tokens: Tokens, upstreams: Upstreams | None = None) -> None:
        self._connections = ToolConnections(directory, tokens, upstreams)
        self._absences: dict[tuple[str, str], Absence] = {}
        self._made: LRUCache[tuple[str, ...], tuple[list[Listed], Served]] = LRUCache(CACHED_LISTS)
        """By tenant and servers: the lists that their tools were last made of, and these."""

    async def tools(self, principal: Principal, names: list[str], taken: frozenset[str] = frozenset()) -> Served:
        """The tools of the servers `names`, named by `tool_name` and unlike `taken`. A server that is away is left out,
        and named; so is a tool that no host of models would take.

        They are made once for a tenant, until a list is read anew, and shared by its runs: for whom a call is made it
        learns from the run that makes it.
        """
        found = await asyncio.gather(*(self._tools_of(principal, name) for name in names))
        key = (principal.tenant, *names)
        known = self._made.get(key)
        if known is None or any(one is not other for one, other in zip(known[0], found, strict=True)):
            known = self._made[key] = found, self._served(names, found, taken)
        return known[1]

    def _served(self, names: list[str], found: list[Listed], taken: frozenset[str]) -> Served:
        made: dict[str, FunctionTool] = {}
        unfit: dict[str, str] = {}
        missing = {name: tools for name, tools in zip(names, found, strict=True) if isinstance(tools, str)}
        for server, tools in zip(names, found, strict=True):
            # In one order, whatever that of the server is: a prompt begins with them, and is looked for in a cache.
            for tool in sorted(tools, key=lambda tool: tool.name) if not isinstance(tools, str) else ():
                name = tool_name(server, tool.name)
                name = tool_name(server, tool.name, marked=True) if name in made or name in taken else name
                try:
                    made[name] = self._as_tool(server, tool, name)
                except UnfitError as error:
                    logger.warning("the tool %.100r of %s is left out: %s", tool.name, server, error)
                    unfit[name] = str(error)
        return Served(list(made.values()), missing, made, unfit)

    async def connect(self, principal: Principal, names: list[str], taken: frozenset[str] = frozenset()) -> None:
        """Do what `tools` would, where all servers are there: one that is not is looked for when it is wanted."""
        with suppress(AgentNetError, mcp.MCPError, TimeoutError, *NOT_MCP):
            for name in names:
                await (await self._connections.get(principal, name)).tools()
            await self.tools(principal, names, taken)

    async def close(self) -> None:
        """Close every connection."""
        for absence in self._absences.values():
            absence.end()
        await self._connections.close()

    async def _tools_of(self, principal: Principal, name: str) -> Listed:
        """The tools, or why they are not there. A server that was away holds no task up while it is."""
        key = (principal.tenant, name)
        absence = self._absences.get(key)
        if absence is not None:
            return await absence.over(lambda: self._ask(principal, name))
        found = await self._ask(principal, name)
        if isinstance(found, str):
            self._absences[key] = Absence(found, lambda: self._absences.pop(key, None))
        return found

    async def _ask(self, principal: Principal, name: str) -> Listed:
        """The same, asked for; once more where the connection that was there turns out to be of no use."""
        before, reason = self._connections.known(principal, name), ""
        for _ in range(2):
            connection: ToolConnection | None = None
            try:
                connection = await self._connections.get(principal, name)
                return await connection.tools()
            except (AgentNetError, mcp.MCPError, TimeoutError, *NOT_MCP) as error:
                reason = str(error) if isinstance(error, AgentNetError | mcp.MCPError) else "It does not answer as MCP."
                logger.warning("tools of %s are not available: %s", name, reason)
            if connection is not None:
                await self._connections.drop(principal, name, connection)
            if connection is None or connection is not before:
                break
        return reason or "It does not answer."

    def _as_tool(self, server: str, tool: types.Tool, name: str) -> FunctionTool:
        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            return await self._call(server, tool, context, arguments)

        form = form_of_tool(name, tool.description or tool.title or tool.name, tool.input_schema)
        made = FunctionTool(
            name=name,
            description=form.description,
            params_json_schema=form.schema,
            on_invoke_tool=invoke,
            strict_json_schema=False,
        )
        return mark(carry(made, form), traits_of(tool.annotations))

    async def _call(self, server: str, tool: types.Tool, context: ToolContext[Any], arguments: str) -> str:
        scope: RunScope = context.context
        values = _arguments(arguments)
        try:
            result = await self._called(scope, server, tool, values)
        except AgentNetError:
            raise
        except Exception as error:  # of the SDK's client: its model is told, and the run goes on
            logger.exception("the tool %s of %s failed", tool.name, server)
            raise AgentNetError(
                f"{server}.{tool.name} failed ({type(error).__name__}); whether it was carried out is unknown."
            ) from error
        return await rendered(result, scope, context.tool_call_id, str(values.get("title") or tool.name))

    async def _called(
        self, scope: RunScope, server: str, tool: types.Tool, values: dict[str, Any]
    ) -> types.CallToolResult:
        """The result; over a connection that broke once more, if the tool may be called again or was not called."""
        repeatable = traits_of(tool.annotations).repeatable
        if not repeatable:
            # A connection that broke while idle shows it only when it is used.
            await self._check(scope.principal(), server)
        try:
            return await self._call_once(scope, server, tool.name, values)
        except _ForgottenError:
            pass
        except UnavailableError:
            if not repeatable:
                raise
        return await self._call_once(scope, server, tool.name, values)

    async def _check(self, principal: Principal, server: str) -> None:
        """Find out that the connection is broken before a call that must not be made twice, and connect anew."""
        connection = await self._connections.get(principal, server)
        try:
            async with asyncio.timeout(CONNECT_SECONDS), connection.used() as client:
                await client.session.list_tools()
        except mcp.MCPError as error:
            # A server may answer with an error and be whole.
            if connection.is_lost or await is_over(error, connection):
                await self._connections.drop(principal, server, connection)
        except (UnavailableError, TimeoutError):
            await self._connections.drop(principal, server, connection)
        except NOT_MCP:
            pass

    async def _call_once(self, scope: RunScope, server: str, tool: str, values: dict[str, Any]) -> types.CallToolResult:
        principal = scope.principal()
        connection = await self._connections.get(principal, server)
        # The same key in every replay: a server may know a repeated call by it.
        meta: Any = {IDEMPOTENCY_META: call_key.get()}
        if connection.outside is None:  # who asks what is no business of others
            meta |= Origin(scope.run.lease.task_id, scope.run.leased.context_id).as_meta()
        try:
            async with connection.used() as client, asyncio.timeout(CALL_SECONDS):
                return await client.call_tool(tool, values, meta=meta)
        except TimeoutError:
            raise AgentNetError(
                f"{server}.{tool} did not answer within {CALL_SECONDS:g} s; whether it was carried out is unknown."
            ) from None
        except NOT_MCP as error:
            raise AgentNetError(f"{server}.{tool} answered with what is no result ({type(error).__name__}).") from error
        except UnavailableError:
            await self._connections.drop(principal, server, connection)
            raise
        except mcp.MCPError as error:
            if connection.is_lost:
                await self._connections.drop(principal, server, connection)
                raise _ForgottenError(f"{server} has forgotten the session; {tool} was not called.") from error
            if await is_over(error, connection):
                await self._connections.drop(principal, server, connection)
                raise UnavailableError(
                    f"The connection to {server} broke; whether {tool} was carried out is unknown."
                ) from error
            raise AgentNetError(f"{server}.{tool}: {error}") from error


async def is_over(error: mcp.MCPError, connection: ToolConnection) -> bool:
    """Whether no answer came, because the connection or the answer's stream broke off; any other error is the answer.

    Servers have the client's code for this (-32000) for errors of their own.
    """
    if error.code == CONNECTION_CLOSED and error.message.startswith(CUT_OFF):
        return True
    return connection.broken or (is_closed(error) and await connection.has_ended())


def tool_name(server: str, tool: str, *, marked: bool = False) -> str:
    """`<server>_<tool>` with underscores for dashes. One that models do not take, and one that is `marked` for another
    has it already, ends with a digest."""
    name = f"{server}_{tool}".replace("-", "_")
    if not marked and re.fullmatch(r"[A-Za-z0-9_]{1,64}", name):
        return name
    digest = sha256(f"{server}\0{tool}".encode(errors="surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]
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
