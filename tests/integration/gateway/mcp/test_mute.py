"""Servers that speak both eras and keep no sessions in the older one: their questions and changes reach older hosts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.server.mcpserver import MCPServer

from agentnet.process.service import bind
from tests.integration.gateway.echo import serving
from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.everything import MODERN, Stage
from tests.integration.gateway.mcp.raw import ACCEPT, LEGACY, LegacySession, answer_in, request
from tests.integration.gateway.mcp.test_aggregate import answer_ada, text_of
from tests.integration.gateway.mcp.watcher import watching
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("profile", ["", "alone"])]

NOTE = "alpha://notes/today"


async def decline(_: object, __: object) -> types.ElicitResult:
    return types.ElicitResult(action="decline")


async def mute(place: Place, profile: str, **options: Any) -> tuple[Stage, str]:
    """A server without sessions, and what its names begin with."""
    stage = await place.server("alpha", stateless=True, **options)
    if profile:
        await place.put_profile(profile, servers=["alpha"], agents=[])
    return stage, "" if profile else "alpha__"


def versions_of(stage: Stage, method: str) -> set[str]:
    """The versions of the requests of one method."""
    bodies = [headers for headers in stage.headers if headers.get("content-length", "0") != "0"]
    pairs = zip(bodies, stage.messages, strict=True)
    return {headers.get("mcp-protocol-version", "") for headers, body in pairs if body.get("method") == method}


@asynccontextmanager
async def called(place: Place, profile: str, prefix: str, **options: Any) -> AsyncIterator[tuple[Client, str]]:
    async with place.host("legacy", profile, **options) as client:
        yield client, text_of(await client.call_tool(f"{prefix}greet", {}))


@pytest.mark.parametrize(("answer", "said"), [(answer_ada, "Hello, Ada!"), (decline, "Hello, nobody!")])
async def test_a_question_reaches_an_older_host_and_its_answer_the_server(
    place: Place, profile: str, answer: Any, said: str
) -> None:
    _, prefix = await mute(place, profile)
    for replica in (0, 1):
        async with called(place, profile, prefix, replica=replica, elicitation_callback=answer) as (client, greeted):
            assert greeted == said
            assert text_of(await client.call_tool(f"{prefix}echo", {"text": "hi"})) == "alpha: hi"
            note = (await client.read_resource(NOTE)).contents[0]
            assert isinstance(note, types.TextResourceContents)
            assert note.text == "A note of alpha."


async def test_progress_errors_and_prompts_pass_with_questions(place: Place, profile: str) -> None:
    stage, prefix = await mute(place, profile)
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)
        stage.go.set()

    async with place.host("legacy", profile, elicitation_callback=answer_ada) as client:
        stage.go.set()
        assert text_of(await client.call_tool(f"{prefix}wait", {}, progress_callback=progress)) == "done"
        with pytest.raises(MCPError, match="disk"):
            await client.call_tool(f"{prefix}fail", {})
        said = (await client.get_prompt(f"{prefix}review", {"code": "1"})).messages[0].content
        assert isinstance(said, types.TextContent)
        assert said.text == "Review this for alpha: 1"


async def test_updates_of_resources_reach_an_older_host(place: Place, profile: str) -> None:
    stage, prefix = await mute(place, profile)
    async with watching(place, "legacy", NOTE, profile=profile) as watcher:
        for _ in range(3):
            await watcher.client.call_tool(f"{prefix}touch", {})
            await watcher.until(NOTE)
    assert stage.subscribed == []


async def test_a_host_that_cannot_be_asked_is_relayed_in_its_own_era(place: Place, profile: str) -> None:
    stage, prefix = await mute(place, profile)
    async with place.host("legacy", profile) as client:
        assert text_of(await client.call_tool(f"{prefix}echo", {"text": "hi"})) == "alpha: hi"
    versions = versions_of(stage, "tools/call")
    assert versions
    assert MODERN.decode() not in versions


@pytest.mark.parametrize(
    ("capabilities", "has_session"),
    [({}, False), ({"roots": {}}, True), ({"sampling": {}}, True), ({"elicitation": {}}, True), ({"x": {}}, False)],
)
async def test_only_who_can_be_asked_has_a_session_at_a_profile_of_one_server_without_resources(
    place: Place, profile: str, capabilities: dict[str, Any], has_session: bool
) -> None:
    server = MCPServer[Any]("alpha", log_level="ERROR")
    server.add_tool(lambda text: f"said {text}", "say", description="Says it.", structured_output=False)
    listener = bind("127.0.0.1", 0, "alpha")
    await place.stack.enter_async_context(
        serving(server.streamable_http_app(stateless_http=True, json_response=True), listener)
    )
    await place.register("alpha", f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")
    await place.put_profile("alone", servers=["alpha"], agents=[])
    path = f"/mcp/{profile}".rstrip("/")
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        params = {"protocolVersion": LEGACY, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}}
        begun = await http.post(place.urls[0] + path, json=request("initialize", params), headers=ACCEPT)
        assert ("mcp-session-id" in begun.headers) == (has_session or not profile)
        session = LegacySession(http, path)
        session.headers |= {"mcp-protocol-version": LEGACY}
        if "mcp-session-id" in begun.headers:
            session.headers |= {"mcp-session-id": begun.headers["mcp-session-id"]}
        name = "say" if profile else "alpha__say"
        for url in place.urls:
            called = await session.post(url, request("tools/call", {"name": name, "arguments": {"text": "hi"}}))
            assert (await answer_in(called))["result"]["content"][0]["text"] == "said hi"
