"""`GET /agents`: who is there."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agentnet.discovery.directory import Entry
from agentnet.frame.access import principal_of
from cards.serve import CARD_PATH
from gateway.a2a.cards import Cards
from gateway.a2a.catalog import Catalog, skills_of


class Listing:
    """The live agents that the caller's tenant sees."""

    def __init__(self, catalog: Catalog, cards: Cards) -> None:
        self._catalog = catalog
        self._cards = cards

    async def list(self, request: Request) -> Response:
        """All of them, by name."""
        entries = await self._catalog.visible(principal_of(request.scope))
        return JSONResponse({"agents": [self._view(entry) for entry in entries]})

    def _view(self, entry: Entry) -> dict[str, Any]:
        address = self._cards.address(entry.name)
        return {
            "name": entry.name,
            "description": entry.description,
            "skills": skills_of(entry),
            "url": address,
            "card_url": address + CARD_PATH,
            "instances": len(entry.urls) or 1,
        }
