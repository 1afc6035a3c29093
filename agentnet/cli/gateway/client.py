"""The CLI's client of a gateway: its own HTTP API, and the A2A connections behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from agentnet.cli.gateway.answers import error_of
from agentnet.errors import InvalidInputError, NotFoundError, UnauthenticatedError, UnavailableError
from agentnet.identity.secret import admin_key_path, read_key
from agentnet.settings import Settings, load_settings
from agentnet.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from agentnet.cli.gateway.a2a import AgentConnection

CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 30.0
CARD_PATH = "/.well-known/agent-card.json"


class Gateway:
    """Calls one gateway with one key. Open with `Gateway.open`; every call raises the project's own errors."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url.rstrip("/")
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, url: str | None = None) -> AsyncIterator["Gateway"]:
        """A client that is closed with the block."""
        address = url or settings.gateway_url
        if not address.startswith(("http://", "https://")):
            raise InvalidInputError(
                f"{address!r} is not the URL of a gateway.", hint="It begins with http:// or https://."
            )
        key = read_key(settings)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS)
        # No proxy of the environment's: it would get the key, and cannot reach a gateway on this machine. Certificates
        # of authorities are 50 ms of reading, and where there is no TLS nobody asks for them.
        tls = address.startswith("https://")
        async with httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False, verify=tls) as http:
            yield cls(address, http)

    async def answers(self) -> bool:
        """Whether a gateway answers at the address."""
        try:
            response = await self._http.get(f"{self.url}/health")
        except httpx.HTTPError:
            return False
        return response.is_success

    async def agents(self) -> list[dict[str, Any]]:
        """The agents that this key may ask."""
        return list((await self.call("GET", "/agents"))["agents"])

    async def tasks(self, limit: int = 20, **filters: str | None) -> dict[str, Any]:
        """A page of tasks, newest first, and whether there are more; `filters` are those of the HTTP API."""
        params: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
        return dict(await self.call("GET", "/v1/tasks", params={"limit": limit} | params))

    async def tree(self, task_id: str) -> list[dict[str, Any]]:
        """A task and all that it delegated, the task first."""
        top: dict[str, Any] = await self.call("GET", f"/v1/tasks/{_task_id(task_id)}/tree")
        return _flat(top)

    async def card(self, name: str | None = None) -> dict[str, Any]:
        """An agent's card; the network's own without a name. Raises `NotFoundError` that names the nearest."""
        path = f"/agents/{segment(name)}{CARD_PATH}" if name else CARD_PATH
        try:
            return dict(await self.call("GET", path))
        except NotFoundError:
            raise await self._no_such_agent(name) from None

    async def agent(self, name: str | None = None) -> "AgentConnection":
        """The connection to an agent at the address that its card names."""
        from agentnet.cli.gateway.a2a import AgentConnection  # with protobuf 0.15 s, which lists do without
        from agentnet.tasks.parts import keeps_pieces

        card = await self.card(name)
        known = name or str(card.get("name", ""))
        url = self._own(_json_rpc_url(card) or f"/agents/{known}")
        return AgentConnection(self._http, url, known, in_pieces=keeps_pieces(card))

    async def call(self, method: str, path: str, **request: Any) -> Any:
        """One call of the HTTP API; its JSON answer."""
        try:
            response = await self._http.request(method, self.url + path, **request)
        except httpx.HTTPError as error:
            raise no_gateway(self.url, error) from None
        if response.is_error:
            raise error_of(response)
        # DELETE answers 204 with nothing.
        return response.json() if response.content else None

    def _own(self, url: str) -> str:
        """The path of `url` at this gateway's own address: the key goes nowhere else, whatever a card says."""
        base = urlsplit(self.url)
        return f"{base.scheme}://{base.netloc}{urlsplit(url).path}"

    async def _no_such_agent(self, name: str | None) -> NotFoundError:
        names = [str(agent["name"]) for agent in await self.agents()]
        # Only near ones: a wrong guess sends people after the wrong agent.
        near = get_close_matches(name or "", names, n=1, cutoff=0.5)
        known = f"There are: {', '.join(sorted(names))}." if names else "None is registered; `agentnet up` starts them."
        hint = f"Did you mean {near[0]!r}?" if near else known
        return NotFoundError(f"There is no agent {name!r}." if name else "The network has no concierge.", hint=hint)


def client_settings() -> Settings:
    """Settings of a command that talks to a gateway; its logs are for those who ask for them."""
    settings = load_settings()
    level = settings.log_level if settings.log_level.upper() == "DEBUG" else "ERROR"
    configure_logging(settings.model_copy(update={"log_level": level}))
    return settings


def no_gateway(url: str, error: Exception | None = None) -> UnavailableError:
    """What to say when nothing answers."""
    why = f" ({type(error).__name__})" if error else ""
    return UnavailableError(f"No gateway answers at {url}{why}.", hint="Start one: `agentnet up`.")


def no_key(settings: Settings) -> UnauthenticatedError:
    """What to say when there is no key to send."""
    return UnauthenticatedError(
        "There is no key for the gateway.",
        hint=f"Set AGENTNET_API_KEY; {admin_key_path(settings)} is not there.",
    )


def _json_rpc_url(card: dict[str, Any]) -> str | None:
    for interface in card.get("supportedInterfaces", ()):
        if interface.get("protocolBinding") == "JSONRPC":
            return str(interface["url"])
    return None


def _flat(task: dict[str, Any]) -> list[dict[str, Any]]:
    below = [each for child in task["children"] for each in _flat(child)]
    return [{key: value for key, value in task.items() if key != "children"}, *below]


def _task_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise NotFoundError(f"There is no task {text!r}.", hint="`agentnet tasks` lists them.") from None


def segment(text: str) -> str:
    """`text` if it fits into a path. Raises `InvalidInputError`."""
    if text in ("", ".", "..") or "/" in text or "?" in text or "#" in text:
        raise InvalidInputError(f"{text!r} is not a name or an id.")
    return text
