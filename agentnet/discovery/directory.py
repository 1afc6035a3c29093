"""The client of the registry: what every service uses to be found and to find others."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field

from agentnet.errors import AgentNetError, NotFoundError, UnavailableError
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from agentnet.ids import EVERYONE

logger = logging.getLogger(__name__)

AUDIENCE = "registry"
TIMEOUT_SECONDS = 5.0
HEARTBEATS_PER_LEASE = 3
MOST_LISTED = 1000
"""Entries of one answer."""

Kind = Literal["agent", "mcp"]


class Entry(BaseModel):
    """One thing that can be found. The registry groups instances (replicas) of one name."""

    kind: Kind
    name: str
    instance: str = ""
    """The replica that registers; empty where the registry answers for all replicas."""
    tenant: str = EVERYONE
    url: str
    """Base URL of this instance, or of one live instance."""
    urls: list[str] = Field(default_factory=list[str])
    """All live instances, when the registry answers."""
    description: str = ""
    skills: list[str] = Field(default_factory=list[str])
    """Ids of skills, or names of tools."""
    words: str = ""
    """More text for search: skill descriptions, tags, examples."""
    document: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The Agent Card, or what the MCP server says of itself."""
    score: float | None = None
    """Relevance of a search result, 0 to 100."""


class Directory:
    """Calls the registry at `base_url`. Look-ups are made for a principal, so that a tenant sees what it may."""

    def __init__(self, base_url: str, http: httpx.AsyncClient, tokens: Tokens, service: str) -> None:
        self._base_url = base_url
        self._http = http
        self._tokens = tokens
        self._service = service

    async def search(self, principal: Principal, text: str, *, kind: Kind = "agent", limit: int = 5) -> list[Entry]:
        """Live entries that fit `text` best, best first."""
        body = {"text": text, "kind": kind, "limit": limit}
        answer = await self._call("POST", "/v1/search", principal=principal, json=body)
        return [Entry.model_validate(item) for item in answer["entries"]]

    async def list(self, principal: Principal, kind: Kind, *, limit: int = MOST_LISTED, after: str = "") -> list[Entry]:
        """The first live entries of a kind behind the name `after`, by name; `MOST_LISTED` at most."""
        params = {"kind": kind, "limit": limit, "after": after}
        answer = await self._call("GET", "/v1/entries", principal=principal, params=params)
        return [Entry.model_validate(item) for item in answer["entries"]]

    async def get(self, principal: Principal, kind: Kind, name: str) -> Entry:
        """The live entry of that name.

        Raises `NotFoundError`; its data say `known` where there was one, else they have the `nearest` names.
        """
        if name in ("", ".", "..") or "/" in name:  # no name, and another path: a server reads `%2F` as `/`
            raise NotFoundError(f"There is no {kind} {name!r}.")
        path = f"/v1/entries/{kind}/{quote(name, safe='')}"
        return Entry.model_validate(await self._call("GET", path, principal=principal))

    @asynccontextmanager
    async def registered(self, entry: Entry, lease_seconds: float) -> AsyncIterator[None]:
        """Keep `entry` registered for as long as the block runs; a registry that is away is tried again."""
        keeper = asyncio.create_task(self._keep(entry, lease_seconds), name=f"register {entry.kind}:{entry.name}")
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            try:
                await self._call("DELETE", _path(entry))
            except AgentNetError as error:
                logger.info("not deregistered, the lease will run out: %s", error)

    async def _keep(self, entry: Entry, lease_seconds: float) -> None:
        body = entry.model_dump(exclude={"urls", "score"}) | {"lease_seconds": lease_seconds}
        pause = lease_seconds / HEARTBEATS_PER_LEASE
        failures = 0
        while True:
            try:
                await self._call("PUT", _path(entry), json=body)
                failures = 0
            except AgentNetError as error:
                failures += 1
                if failures in (3, 30):  # one line for an outage, not one for each try
                    logger.warning("registry does not take %s:%s: %s", entry.kind, entry.name, error)
            # Soon at first: at the start of a network the registry is up a moment later.
            await asyncio.sleep(pause if not failures else min(pause, 0.2 * failures))

    async def _call(self, method: str, path: str, *, principal: Principal | None = None, **request: Any) -> Any:
        token = (
            self._tokens.mint(principal, AUDIENCE) if principal else self._tokens.for_service(self._service, AUDIENCE)
        )
        try:
            response = await self._http.request(
                method,
                self._base_url + path,
                headers={"authorization": f"Bearer {token}"},
                timeout=TIMEOUT_SECONDS,  # the client's own is for streams
                **request,
            )
        except httpx.HTTPError as error:
            raise UnavailableError(f"The registry does not answer ({type(error).__name__}).") from error
        if response.status_code == httpx.codes.NOT_FOUND.value:
            raise NotFoundError(_message(response), **_metadata(response))
        if response.is_error:
            raise UnavailableError(f"The registry answered {response.status_code}: {_message(response)}")
        return response.json() if response.content else None


def _path(entry: Entry) -> str:
    return f"/v1/entries/{entry.kind}/{entry.name}/{entry.instance}"


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase


def _metadata(response: httpx.Response) -> dict[str, str]:
    """What the registry says besides, of what it does not find."""
    try:
        [detail] = response.json()["error"]["details"]
        return {key: str(detail["metadata"][key]) for key in ("known", "nearest") if key in detail["metadata"]}
    except (ValueError, KeyError, TypeError):
        return {}
