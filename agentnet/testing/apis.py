"""Both APIs of an OpenAI-compatible server by one name each: reading a request, writing a turn whole or streamed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentnet.testing import chat, responses
from agentnet.testing.turns import Request
from agentnet.testing.wire import Api, Event, WireTurn

PATHS: dict[str, Api] = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}


def request_of(api: Api, body: Mapping[str, Any]) -> Request:
    """What a request asks."""
    return chat.request_of(body) if api == "chat" else responses.request_of(body)


def complaint(api: Api, body: Any) -> str | None:
    """Why a body is no request of that API; None when it is one."""
    if not isinstance(body, dict):
        return "The body must be a JSON object."
    if api == "chat" and not isinstance(body.get("messages"), list):
        return "messages must be a list."
    if api == "responses" and not isinstance(body.get("input"), list | str):
        return "input must be a string or a list."
    return None


def whole(api: Api, turn: WireTurn) -> Event:
    """The answer in one piece."""
    return chat.completion(turn) if api == "chat" else responses.response(turn)


def streamed(api: Api, turn: WireTurn) -> Iterator[Event]:
    """The answer as what a stream of it holds."""
    return chat.chunks(turn) if api == "chat" else responses.events(turn)


def frames(api: Api, events: Iterable[Event]) -> Iterator[str]:
    """Server-sent events; a stream of Chat Completions has an end of its own."""
    for event in events:
        named = f"event: {event['type']}\n" if api == "responses" and "type" in event else ""
        yield f"{named}data: {json.dumps(event)}\n\n"
    if api == "chat":
        yield "data: [DONE]\n\n"
