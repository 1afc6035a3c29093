"""A small HTTP API with an OpenAPI document, behind a key."""

import gzip
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

ITEM = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "nullable": True},
        "example": {"type": "string"},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
    },
}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def answers(schema: Any) -> dict[str, Any]:
    """A successful JSON answer of that schema."""
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "/v1"}],
    "components": {"schemas": {"Item": ITEM}},
    "paths": {
        "/items": {
            "get": {
                "operationId": "list.items",
                "summary": "List items",
                "parameters": [
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                    {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
                    {"name": "Transfer-Encoding", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": answers({"type": "array", "items": {"$ref": "#/components/schemas/Item"}}),
            },
            "post": {
                "operationId": "addItem",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}},
                },
                "responses": answers({"$ref": "#/components/schemas/Item"}),
            },
        },
        "/items/{id}": {
            "parameters": [ID],
            "get": {"operationId": "getItem", "responses": answers(ITEM)},
            "delete": {"operationId": "removeItem", "responses": {"204": {"description": "gone"}}},
        },
        "/text": {"get": {"operationId": "text", "responses": {"200": {"description": ""}}}},
        "/away": {"get": {"operationId": "away", "responses": {"302": {"description": ""}}}},
        "/large": {"get": {"operationId": "large", "responses": {"200": {"description": ""}}}},
        "/wrong": {"get": {"operationId": "wrong", "responses": answers(ITEM)}},
    },
}


@dataclass
class Api:
    """Serves it and keeps what it was asked."""

    key: str = "k"
    large: int = 0
    away: bool = False
    seen: list[Request] = field(default_factory=list[Request])
    document: dict[str, Any] = field(default_factory=lambda: DOCUMENT)

    def app(self) -> Starlette:
        """The ASGI app."""
        routes = [
            Route("/v1/items", self.items),
            Route("/v1/items", self.add, methods=["POST"]),
            Route("/v1/items/{id}", self.item, methods=["GET", "DELETE"]),
            Route("/v1/text", self.text),
            Route("/v1/away", self.elsewhere),
            Route("/v1/large", self.much),
            Route("/v1/wrong", self.wrong),
            Route("/openapi.json", self.described),
        ]
        return Starlette(routes=routes)

    async def described(self, _: Request) -> Response:
        return Response(status_code=503) if self.away else JSONResponse(self.document)

    def allowed(self, request: Request) -> bool:
        self.seen.append(request)
        return request.headers.get("x-api-key", request.headers.get("authorization")) == self.key

    async def items(self, request: Request) -> Response:
        if not self.allowed(request):
            return JSONResponse({"error": "no key"}, 401)
        return JSONResponse([{"id": 1, "name": ",".join(request.query_params.getlist("tag"))}])

    async def add(self, request: Request) -> Response:
        return JSONResponse(await request.json()) if self.allowed(request) else Response(status_code=401)

    async def item(self, request: Request) -> Response:
        if not self.allowed(request):
            return Response(status_code=401)
        if request.method == "DELETE":
            return Response(status_code=204)
        return JSONResponse({"id": 1, "name": request.path_params["id"]})

    async def text(self, request: Request) -> Response:
        self.allowed(request)
        return PlainTextResponse("plain")

    async def elsewhere(self, request: Request) -> Response:
        self.allowed(request)
        return RedirectResponse("/v1/text", 302)

    async def much(self, _: Request) -> Response:
        body = gzip.compress(b"x" * self.large)
        return Response(body, media_type="text/plain", headers={"content-encoding": "gzip"})

    async def wrong(self, _: Request) -> Response:
        return JSONResponse({"id": "not a number"})
