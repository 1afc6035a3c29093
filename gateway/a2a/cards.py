"""Cards as the gateway gives them out: every address in them leads back through the gateway."""

from dataclasses import dataclass
from typing import Any

import httpx
from cachetools import LRUCache
from starlette.requests import Request
from starlette.responses import Response

from agentnet.discovery.directory import Entry
from agentnet.errors import UnavailableError
from agentnet.identity import Principal
from cards import CardResponse, rewrite_card
from cards.serve import CARD_PATH
from gateway.a2a.catalog import ANYONE, ENTRY_AGENT, Catalog

TIMEOUT_SECONDS = 5.0
MAX_CARDS = 4096
FOR_ANYONE = "public, max-age=60"
FOR_TENANT = "private, max-age=60"


@dataclass(frozen=True, slots=True)
class _Served:
    source: dict[str, Any]
    response: CardResponse


class Cards:
    """Serves the cards of live agents; `base_url` is where clients reach the gateway."""

    def __init__(self, catalog: Catalog, http: httpx.AsyncClient, base_url: str) -> None:
        self._catalog = catalog
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._served: LRUCache[tuple[str, str, str], _Served] = LRUCache(MAX_CARDS)

    def address(self, name: str) -> str:
        """Where clients reach the agent `name`."""
        return f"{self._base_url}/agents/{name}"

    async def network(self, request: Request) -> Response:
        """The network's own card: the entry agent's, at the gateway's root.

        HTTP+JSON 0.3 alone leads to the agent's own address: at the root its tasks are where the network's own REST is.
        """
        return await self._respond(request, ENTRY_AGENT, self._base_url)

    async def agent(self, request: Request) -> Response:
        """The card of one agent. Raises `NotFoundError`."""
        name = request.path_params["name"]
        return await self._respond(request, name, self.address(name))

    async def _respond(self, request: Request, name: str, address: str) -> Response:
        known: Principal | None = request.scope.get("state", {}).get("principal")
        principal = known or ANYONE
        entry = await self._catalog.get(principal, name)
        served = await self._card(principal, entry, address)
        response = await served.respond(request)
        response.headers["cache-control"] = FOR_TENANT if known else FOR_ANYONE
        # What a tenant sees must not come out of a cache for others (RFC 9111 section 4.1).
        response.headers["vary"] = "Authorization, X-API-Key"
        return response

    async def _card(self, principal: Principal, entry: Entry, address: str) -> CardResponse:
        source = entry.document or await self._fetch(entry)
        key = (principal.tenant, entry.name, address)
        served = self._served.get(key)
        # Made once for what the registry says. Made anew for each GET, as the SDK does, it is 3,500 a second in place
        # of 20,000.
        if served is None or served.source != source:
            card = rewrite_card(source, address, self.address(entry.name))
            response = served.response if served else CardResponse(card)
            response.update(card)
            self._served[key] = _Served(source, response)
            return response
        return served.response

    async def _fetch(self, entry: Entry) -> dict[str, Any]:
        """The card as an instance serves it, for agents that were registered without one."""
        for url in self._catalog.instances(entry):
            try:
                response = await self._http.get(url + CARD_PATH, timeout=TIMEOUT_SECONDS)
                card = response.raise_for_status().json()
            except (httpx.HTTPError, ValueError):
                continue
            if isinstance(card, dict):
                return card
        raise UnavailableError(f"The agent {entry.name!r} does not give its card.", agent=entry.name)
