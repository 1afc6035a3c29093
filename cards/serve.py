"""A card at its well-known addresses: bytes and ETag are made once for each card, not for each request."""

import hashlib
import json
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from a2a.types.a2a_pb2 import AgentCard
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cards.build import card_to_json

CARD_PATH = "/.well-known/agent-card.json"
OLDER_CARD_PATH = "/.well-known/agent.json"
MAX_AGE_SECONDS = 60


class CardResponse:
    """Serves one card, as protobuf or as JSON; `update` replaces it while it is served."""

    def __init__(self, card: AgentCard | dict[str, Any]) -> None:
        self._body = b""
        self._etag = ""
        self._modified = datetime.fromtimestamp(0, UTC)
        self._headers: dict[str, str] = {}
        self.update(card)

    @property
    def etag(self) -> str:
        """The strong ETag of the bytes that are served."""
        return self._etag

    def update(self, card: AgentCard | dict[str, Any]) -> None:
        """Serve `card` from now on. The same card again changes nothing, neither ETag nor Last-Modified."""
        data = card_to_json(card) if isinstance(card, AgentCard) else card
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        # An ETag that changes while the card does not has every client fetch it again (A2A 1.0 section 8.6).
        if body == self._body:
            return
        self._body = body
        self._etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        # HTTP dates have whole seconds (RFC 9110 section 5.6.7): a client would never have the newest.
        self._modified = datetime.now(UTC).replace(microsecond=0)
        self._headers = {
            "etag": self._etag,
            "last-modified": format_datetime(self._modified, usegmt=True),
            "cache-control": f"public, max-age={MAX_AGE_SECONDS}",
        }

    async def respond(self, request: Request) -> Response:
        """The answer to GET or HEAD: 200 with the card, or 304 when the client has it (RFC 9110 section 13)."""
        if self._is_known(request):
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, headers=self._headers, media_type="application/json")

    def routes(self) -> list[Route]:
        """Both well-known addresses, the same bytes."""
        return [Route(path, self.respond, methods=["GET"]) for path in (CARD_PATH, OLDER_CARD_PATH)]

    def _is_known(self, request: Request) -> bool:
        if tags := request.headers.get("if-none-match"):
            known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return "*" in known or self._etag in known
        if since := request.headers.get("if-modified-since"):
            return self._is_older_than(since)
        return False

    def _is_older_than(self, since: str) -> bool:
        try:
            moment = parsedate_to_datetime(since)
        except ValueError:
            return False
        return moment.tzinfo is not None and self._modified <= moment
