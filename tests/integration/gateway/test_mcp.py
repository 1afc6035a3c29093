"""The MCP endpoint, seen by the SDK's own client in both eras."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tests.integration.gateway.conftest import Network
from tests.integration.gateway.echo import PNG
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ["legacy", "2026-07-28"])]


@asynccontextmanager
async def host(network: Network, era: str) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {network.key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        async with Client(streamable_http_client(f"{network.url}/mcp", http_client=http), mode=era) as client:
            yield client


def text_of(result: types.CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, types.TextContent))


async def test_every_agent_is_a_tool_beside_find_agents(network: Network, era: str) -> None:
    await network.agent("web-reader")
    await network.agent("echo")
    await network.agent("private", tenant="other")
    async with host(network, era) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["echo", "find_agents", "web_reader"]
        assert "Says it again." in (tools[0].description or "")
        assert tools[0].input_schema["required"] == ["message"]
        found = await client.call_tool("find_agents", {"need": "repeat what it is told"})
        assert {agent["tool"] for agent in found.structured_content["agents"]} == {"echo", "web_reader"}


async def test_an_agent_that_comes_later_is_a_tool_too(network: Network, era: str) -> None:
    async with host(network, era) as client:
        await network.agent("late")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "late" not in [tool.name for tool in (await client.list_tools()).tools]:
                await asyncio.sleep(0.05)


async def test_an_answer_comes_with_its_task(network: Network, era: str) -> None:
    probe = await network.agent("echo")
    async with host(network, era) as client:
        result = await client.call_tool("echo", {"message": "hello"})
    assert text_of(result) == "echo: hello"
    assert not result.is_error
    assert result.structured_content["state"] == "completed"
    assert result.structured_content["answer"] == "echo: hello"
    assert result.structured_content["task_id"] and result.structured_content["context_id"]
    assert probe.principals[0].tenant == "acme"


async def test_steps_and_text_are_told_as_progress(network: Network, era: str) -> None:
    await network.agent("researcher")
    told: list[str] = []

    async def progress(_: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with host(network, era) as client:
        result = await client.call_tool("researcher", {"message": "steps please"}, progress_callback=progress)
    assert told == ["researcher: knowledge_search …", "researcher: knowledge_search (120 ms)", "echo: steps please"]
    assert text_of(result) == "echo: steps please"


async def test_progress_arrives_while_the_agent_still_works(network: Network, era: str) -> None:
    probe = await network.agent("echo")
    told: list[str] = []

    async def progress(_: float, total: float | None, message: str | None) -> None:
        told.append(message or "")
        probe.go.set()

    async with host(network, era) as client:
        result = await client.call_tool("echo", {"message": "slow"}, progress_callback=progress)
    assert told == ["first ", "second"]
    assert text_of(result) == "first second"


async def test_files_go_in_and_come_out(network: Network, era: str) -> None:
    await network.agent("echo")
    csv = {"name": "in.csv", "media_type": "text/csv", "base64": base64.b64encode(b"a,b").decode()}
    async with host(network, era) as client:
        result = await client.call_tool("echo", {"message": "files", "files": [csv]})
    text, image, table = result.content
    assert isinstance(text, types.TextContent) and text.text == "echo: files"
    assert isinstance(image, types.ImageContent) and base64.b64decode(image.data) == PNG
    assert isinstance(table, types.EmbeddedResource)
    assert isinstance(table.resource, types.BlobResourceContents) and table.resource.mime_type == "text/csv"


async def test_a_question_is_told_and_the_task_goes_on_with_the_answer(network: Network, era: str) -> None:
    await network.agent("echo")
    async with host(network, era) as client:
        result = await client.call_tool("echo", {"message": "ask"})
        assert result.structured_content["state"] == "input-required"
        assert text_of(result).startswith("Which colour?")
        task_id = result.structured_content["task_id"]
        result = await client.call_tool("echo", {"message": "blue", "task_id": task_id})
        assert result.structured_content == {
            "task_id": task_id,
            "context_id": result.structured_content["context_id"],
            "state": "completed",
            "answer": "echo: blue",
        }


@pytest.mark.parametrize(("word", "reason"), [("fail", "The disk is full."), ("reject", "Not my trade.")])
async def test_a_failure_is_an_error_with_its_reason(network: Network, era: str, word: str, reason: str) -> None:
    await network.agent("echo")
    async with host(network, era) as client:
        result = await client.call_tool("echo", {"message": word})
    assert result.is_error
    assert text_of(result) == reason


async def test_a_dead_agent_and_wrong_arguments_are_errors_that_say_what(network: Network, era: str) -> None:
    await network.agent("echo")
    await network.register("dead", ["http://127.0.0.1:9"])
    async with host(network, era) as client:
        result = await client.call_tool("dead", {"message": "hello"})
        assert result.is_error and "'dead' does not answer" in text_of(result)
        result = await client.call_tool("echo", {"mesage": "hello"})
        assert result.is_error and "message" in text_of(result)
        result = await client.call_tool("echo", {"message": "hello", "task_id": "no-such-task"})
        assert result.is_error
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("nobody", {"message": "hello"})


async def test_a_request_for_another_host_is_refused(network: Network, era: str) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"accept": "application/json, text/event-stream"}
    if era != "legacy":
        headers["mcp-protocol-version"] = era
    async with network.client() as http:
        evil = await http.post("/mcp", json=body, headers=headers | {"host": "evil.example"})
        assert evil.status_code == 421
        origin = await http.post("/mcp", json=body, headers=headers | {"origin": "http://evil.example"})
        assert origin.status_code == 403


async def test_without_a_session_there_is_no_stream_to_open_and_nothing_to_end(network: Network, era: str) -> None:
    async with network.client() as http:
        for method in ("GET", "DELETE"):
            headers = {"accept": "text/event-stream"} | ({"mcp-protocol-version": era} if era != "legacy" else {})
            response = await http.request(method, "/mcp", headers=headers)
            assert response.status_code == (400 if (era, method) == ("legacy", "DELETE") else 405)
