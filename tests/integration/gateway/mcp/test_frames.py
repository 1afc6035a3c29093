"""Frames that no client should send, on the wire, in both eras: no 500, no hang, nothing of another tenant's."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import ACCEPT, LegacySession, modern, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

METHODS = (
    "initialize", "ping", "server/discover", "tools/list", "tools/call", "prompts/list", "prompts/get",
    "resources/list", "resources/read", "resources/templates/list", "resources/subscribe", "resources/unsubscribe",
    "completion/complete", "logging/setLevel", "tasks/get", "tasks/cancel", "tasks/update", "subscriptions/listen",
    "notifications/cancelled", "notifications/initialized", "notifications/progress", "sampling/createMessage", "",
)  # fmt: skip
NAMES = ("alpha__echo", "alpha__greet", "alpha__fail", "find_agents", "echo", "classified__echo", "alpha", "")
URIS = ("alpha://notes/today", "classified://notes/today", "classified+classified://notes/today", "alpha+x", "::", "\0")
VERSIONS = ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2099-01-01", "", "\x7f")
META = "io.modelcontextprotocol/"
SECRETS = (b"classified: hi", b"A note of classified")
SECONDS = PATIENCE_SECONDS

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
meta = st.fixed_dictionaries(
    {},
    optional={
        META + "protocolVersion": st.sampled_from(VERSIONS) | values,
        META + "clientCapabilities": st.just({"elicitation": {}}) | values,
        META + "clientInfo": values,
        META + "logLevel": st.sampled_from(("debug", "error")) | values,
        "progressToken": values,
        "traceparent": values,
    },
)
params = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES) | values,
        "arguments": st.just({"text": "hi"}) | values,
        "uri": st.sampled_from(URIS) | values,
        "ref": st.fixed_dictionaries(
            {"type": st.sampled_from(("ref/prompt", "ref/resource")), "name": st.sampled_from(NAMES)}
        )
        | values,
        "argument": values,
        "cursor": st.sampled_from(("0", "1", "-1", "99999999999999999999")) | values,
        "level": values,
        "taskId": st.sampled_from(("alpha~s1", "classified~s1", "~", "alpha~n")) | values,
        "requestState": values,
        "inputResponses": values,
        "protocolVersion": st.sampled_from(VERSIONS) | values,
        "capabilities": values,
        "clientInfo": values,
        "requestId": values,
        "notifications": st.just({"toolsListChanged": True}) | values,
        "_meta": meta | values,
    },
)
messages = (
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.just("2.0") | values,
            "id": st.integers() | st.text(max_size=8) | values,
            "method": st.sampled_from(METHODS) | values,
            "params": params | values,
            "result": values,
            "error": values,
        },
    )
    | values
)
sound = st.builds(request, st.sampled_from(METHODS), params, st.integers() | st.text(max_size=8))
frames = st.builds(json.dumps, sound | messages | st.lists(messages, max_size=4)).map(str.encode) | st.binary(
    max_size=64
)
header_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
headers = st.fixed_dictionaries(
    {},
    optional={
        "mcp-protocol-version": st.sampled_from(VERSIONS),
        "mcp-method": st.sampled_from([method for method in METHODS if method]),
        "mcp-name": st.sampled_from([name for name in NAMES if name]) | st.just("=?base64?!?="),
        "mcp-session-id": header_texts,
        "last-event-id": st.sampled_from(("alpha~1", "classified~1", "~", "x")),
        "mcp-param-x": header_texts,
        "accept": st.sampled_from(("application/json", "text/event-stream", "*/*", "text/html")),
        "content-type": st.sampled_from(("application/json", "text/plain")),
    },
)
verbs = st.sampled_from(("POST",) * 8 + ("GET", "DELETE", "PUT"))
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Send = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
async def send(place: Place, caplog: pytest.LogCaptureFixture) -> Any:
    """Sends a frame to one of the addresses, and looks at what comes back."""
    stage = await place.server("alpha")
    stage.go.set()
    await place.server("classified", tenant="other")
    await place.network.agent("echo")
    await place.put_profile("alpha", servers=["alpha"], agents=[])
    caplog.set_level(logging.ERROR)
    key = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=key, timeout=SECONDS, trust_env=False) as http:
        session = await LegacySession.open(http, place.urls[0], elicitation={})
        straight = await LegacySession.open(http, place.urls[0], "/mcp/alpha", elicitation={})

        async def send(verb: str, profile: str, body: bytes, sent: dict[str, str], in_session: bool) -> None:
            own = straight if profile else session
            extra = {"mcp-session-id": own.headers["mcp-session-id"]} if in_session else {}
            url = f"{place.urls[0]}/mcp{profile}"
            async with asyncio.timeout(SECONDS):
                async with http.stream(verb, url, content=body, headers=ACCEPT | sent | extra) as response:
                    assert response.status_code < 500, (verb, url, body, sent, await response.aread())
                    if response.headers.get("content-type", "").startswith("application/json"):
                        heard = await response.aread()
                        assert not [secret for secret in SECRETS if secret in heard]
                        assert b"Traceback" not in heard and b"went wrong inside" not in heard, (body, sent, heard)
            assert not [record for record in caplog.records if record.name.startswith("gateway")], caplog.text

        yield send


@often
@given(verb=verbs, profile=st.sampled_from(("", "/alpha", "/nowhere")), body=frames, sent=headers, inside=st.booleans())
async def test_any_frame_is_answered_and_none_breaks_the_gateway(
    send: Send, verb: str, profile: str, body: bytes, sent: dict[str, str], inside: bool
) -> None:
    await send(verb, profile, body, sent, inside)


@often
@given(method=st.sampled_from(METHODS), given_params=params, profile=st.sampled_from(("", "/alpha")))
async def test_modern_requests_with_any_parameters_are_answered(
    send: Send, method: str, given_params: dict[str, Any], profile: str
) -> None:
    kept = {key: value for key, value in given_params.items() if key != "_meta"}
    message, sent = modern(method, kept, elicitation={})
    named = kept.get("name", kept.get("uri"))
    sent = {key: value for key, value in sent.items() if key != "mcp-name"}
    if isinstance(named, str) and named.isascii() and named.isprintable() and named.strip() == named:
        sent["mcp-name"] = named
    await send("POST", profile, json.dumps(message).encode(), sent, False)


@often
@given(method=st.sampled_from(METHODS), given_params=params, profile=st.sampled_from(("", "/alpha")))
async def test_requests_of_a_session_with_any_parameters_are_answered(
    send: Send, method: str, given_params: dict[str, Any], profile: str
) -> None:
    sent = {"mcp-protocol-version": "2025-11-25"}
    kept = {key: value for key, value in given_params.items() if key != "requestId"}
    await send("POST", profile, json.dumps(request(method, kept)).encode(), sent, True)


async def test_a_body_nested_too_deeply_or_too_large_is_refused(place: Place) -> None:
    async with place.network.client() as http:
        deep = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 500 + b"]" * 500 + b"}}"
        response = await http.post("/mcp", content=deep, headers=ACCEPT)
        assert response.status_code == 413
        assert "deep" in response.json()["error"]["message"]
        response = await http.post("/mcp", content=b" " * (5 * 1024 * 1024), headers=ACCEPT)
        assert response.status_code == 413


async def test_a_batch_of_the_one_revision_that_has_them_is_answered_in_one(place: Place) -> None:
    await place.server("alpha")
    batch = [
        request("ping", identifier=1),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request("tools/call", {"name": "alpha__echo", "arguments": {"text": "hi"}}, 2),
        request("nothing/there", identifier=3),
    ]
    async with place.network.client() as http:
        response = await http.post("/mcp", json=batch, headers=ACCEPT | {"mcp-protocol-version": "2025-03-26"})
        answers = {answer["id"]: answer for answer in response.json()}
        assert answers.keys() == {1, 2, 3}
        assert answers[2]["result"]["content"][0]["text"] == "alpha: hi"
        assert answers[3]["error"]["code"] == -32601
        response = await http.post("/mcp", json=batch, headers=ACCEPT | {"mcp-protocol-version": "2025-11-25"})
        assert response.status_code == 400


async def test_a_message_of_a_batch_that_is_refused_costs_the_others_nothing(place: Place) -> None:
    await place.server("alpha")
    async with place.network.client() as http:
        session = await LegacySession.open(http, place.urls[0])
        del session.headers["mcp-protocol-version"]
        nobodys = {"jsonrpc": "2.0", "id": "nobody asked", "result": {}}
        asked = request("tools/call", {"name": "alpha__echo", "arguments": {"text": "hi"}}, 7)
        response = await session.post(place.urls[0], [nobodys, asked])
        assert (response.status_code, [one["id"] for one in response.json()]) == (200, [7])
        assert response.json()[0]["result"]["content"][0]["text"] == "alpha: hi"
        assert (await session.post(place.urls[0], [nobodys])).status_code == 400
