"""`GET /agents`: who is there."""

from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agentnet.discovery.directory import MOST_LISTED, Entry
from agentnet.frame.access import principal_of
from cards.serve import CARD_PATH
from gateway.a2a.cards import Cards
from gateway.a2a.catalog import Catalog, skills_of


class ListQuery(BaseModel):
    """What `GET /agents` takes."""

    limit: int = Field(default=MOST_LISTED, ge=1, le=MOST_LISTED)
    page: str = Field(default="", max_length=128)
    """`next_page` of the page before."""


class Listing:
    """The live agents that the caller's tenant sees."""

    def __init__(self, catalog: Catalog, cards: Cards) -> None:
        self._catalog = catalog
        self._cards = cards

    async def list(self, request: Request) -> Response:
        """A page of them, by name."""
        query = ListQuery.model_validate(dict(request.query_params))
        entries, following = await self._catalog.page(principal_of(request.scope), query.limit, query.page)
        return JSONResponse({"agents": [self._view(entry) for entry in entries], "next_page": following})

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
