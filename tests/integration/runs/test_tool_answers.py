"""What a specialist's model is told of its tools: their answers and errors, as they are, and what is missing."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from agents.testing import assistant_message, function_call

from agentnet.runs import toolabsence, toolconnections
from agentnet.runs.toolresults import MAX_RESULT_CHARACTERS, is_told
from agentnet.testing import serving
from tests.integration.gateway.mcp.verbatim import Answer, Call, Verbatim, tool, verbatim
from tests.integration.runs.specialists_under_test import DONE, Replica, Specialist, sent, specialist
from tests.unit.agentnet.test_mcp_sessions import GONE

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [odd]
"""
CODES = [-32000, -32001, -32600, -32603, -31999, 0, 1, 404]
READS = {"annotations": {"readOnlyHint": True}}
IMAGE = base64.b64encode(b"\x89PNG").decode()


def calls(count: int) -> list[Any]:
    """The script of a model that calls the tool in each of so many tasks."""
    each = ([function_call("odd_act", {}, call_id="c1")], [assistant_message("done")])
    return [step for _ in range(count) for step in each]


@asynccontextmanager
async def worker_of(
    database_url: str, path: Path, count: int, answer: Answer, *tools: dict[str, Any]
) -> AsyncIterator[tuple[Verbatim, Specialist, Replica]]:
    """A specialist with the tools of a legacy server whose calls `answer` answers."""
    async with verbatim(answer, *(tools or (tool("act"),))) as (server, url):
        server.only = "legacy"
        async with specialist(database_url, path, calls(count), 1, MANIFEST, {"odd": url}) as (worker, [one]):
            yield server, worker, one


def told(worker: Specialist, task: int = 0) -> str:
    """What the model was told of its call."""
    said = worker.script.calls[2 * task + 1].input
    [output] = [
        item["output"] for item in said if isinstance(item, dict) and item.get("type") == "function_call_output"
    ]
    return str(output)


@pytest.mark.parametrize("hints", [{}, READS], ids=["may not be repeated", "may be repeated"])
@pytest.mark.parametrize("message", ["Connection closed", "The disk is full", "Session not found"])
async def test_an_error_of_any_code_is_told_once_and_never_called_twice(
    database_url: str, tmp_path: Path, hints: dict[str, Any], message: str
) -> None:
    error = {"code": 0, "message": message}

    async def answer(call: Call) -> None:
        await call.event(orjson.dumps({"jsonrpc": "2.0", "id": call.message["id"], "error": error}))
        await call.close()

    async with worker_of(database_url, tmp_path, len(CODES), answer, tool("act") | hints) as (server, worker, one):
        for number, code in enumerate(CODES):
            error["code"] = code
            assert (await sent(one, "act")).status.state == DONE
            assert told(worker, number).count(message) == 1
            assert len(server.bodies) == number + 1
        assert server.opened == 1  # nobody else's calls were disturbed


@pytest.mark.parametrize("hints", [{}, READS], ids=["may not be repeated", "may be repeated"])
async def test_a_session_that_the_server_forgot_is_opened_anew_however_it_says_so(
    database_url: str, tmp_path: Path, hints: dict[str, Any]
) -> None:
    async def answer(call: Call) -> None:
        await call.finish(b'{"content":[{"type":"text","text":"the answer"}]}')

    async with worker_of(database_url, tmp_path, len(GONE), answer, tool("act") | hints) as (server, worker, one):
        for number, spelling in enumerate(GONE):
            server.lost = [spelling]
            assert (await sent(one, "act")).status.state == DONE
            assert told(worker, number) == "the answer", spelling
            assert (len(server.bodies), server.opened) == (number + 1, number + 2)


async def test_a_result_over_a_mebibyte_arrives_and_says_that_it_is_cut(database_url: str, tmp_path: Path) -> None:
    async def answer(call: Call) -> None:
        text = "x" * 3 * 1024 * 1024
        await call.finish(orjson.dumps({"content": [{"type": "text", "text": text}], "structuredContent": {"t": text}}))

    async with worker_of(database_url, tmp_path, 1, answer) as (_, worker, one):
        assert (await sent(one, "act")).status.state == DONE
    assert told(worker).endswith(f"[cut here: {MAX_RESULT_CHARACTERS} of {3 * 1024 * 1024} characters]")


RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a link": (
        {"content": [{"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt", "mimeType": "text/plain"}]},
        "Resource: file:///a.txt (text/plain), a.txt",
    ),
    "a link with more": (
        {"content": [{"type": "resource_link", "uri": "a://b", "name": "b", "size": 7, "description": "All of it."}]},
        "Resource: a://b (7 bytes), b: All of it.",
    ),
    "structured content alone": ({"content": [], "structuredContent": {"sum": 23}}, '{"sum": 23}'),
    "structured content beside a word": (
        {"content": [{"type": "text", "text": "ok"}], "structuredContent": {"sum": 23}},
        'ok\n{"sum": 23}',
    ),
    "structured content that is told": (
        {"content": [{"type": "text", "text": "The sum is 23."}], "structuredContent": {"sum": 23, "exact": True}},
        "The sum is 23.",
    ),
    "an image": ({"content": [{"type": "image", "data": IMAGE, "mimeType": "image/png"}]}, "(image/png, 4 bytes)"),
    "a sound": ({"content": [{"type": "audio", "data": IMAGE, "mimeType": "audio/wav"}]}, "(audio/wav, 4 bytes)"),
    "no base64": (
        {"content": [{"type": "image", "data": "?", "mimeType": "image/png"}]},
        "[The tool gave an image (image/png) that cannot be read: it is not base64.]",
    ),
    "a text inside": (
        {"content": [{"type": "resource", "resource": {"uri": "a://b", "text": "inside"}}]},
        "inside",
    ),
    "a file inside": ({"content": [{"type": "resource", "resource": {"uri": "a://b", "blob": IMAGE}}]}, "4 bytes)"),
    "a kind that nobody knows": ({"content": [{"type": "hologram", "light": "blue"}]}, '"light": "blue"'),
    "a block that is none": ({"content": [7, {"type": "text", "text": "rest"}]}, "7\nrest"),
}


async def test_all_that_a_tool_gives_reaches_the_model_in_words(database_url: str, tmp_path: Path) -> None:
    given: list[dict[str, Any]] = []

    async def answer(call: Call) -> None:
        await call.finish(orjson.dumps(given[-1]))

    async with worker_of(database_url, tmp_path, len(RESULTS), answer) as (_, worker, one):
        for number, (name, (result, expected)) in enumerate(RESULTS.items()):
            given.append(result)
            assert (await sent(one, "act")).status.state == DONE, name
            assert expected in told(worker, number), name
            assert "structured" in name or "Error" not in told(worker, number), name


@pytest.mark.parametrize(
    "bad",
    [None, 7, {}, {"name": "x"}, {"name": 5, "inputSchema": {"type": "object"}}, {"name": "x", "inputSchema": []}],
)
async def test_one_bad_tool_takes_none_of_the_others_from_an_agent(database_url: str, tmp_path: Path, bad: Any) -> None:
    async def answer(call: Call) -> None:
        await call.finish(b'{"content":[]}')

    async with worker_of(database_url, tmp_path, 1, answer, tool("before"), bad, tool("act")) as (_, worker, one):
        assert (await sent(one, "act")).status.state == DONE
        names = {each.name for each in worker.script.calls[0].tools}
        assert {"odd_before", "odd_act"} <= names


async def test_an_expression_in_an_output_schema_holds_nobody_up(database_url: str, tmp_path: Path) -> None:
    async def answer(call: Call) -> None:
        structured = {"a": "a" * 40 + "!"}
        await call.finish(orjson.dumps({"content": [], "structuredContent": structured}))

    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    async with worker_of(database_url, tmp_path, 1, answer, tool("act") | {"outputSchema": schema}) as (_, worker, one):
        assert (await sent(one, "act")).status.state == DONE
    assert json.loads(told(worker)) == {"a": "a" * 40 + "!"}


async def test_a_server_that_hangs_is_remembered_as_away_and_the_model_is_told(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = 0
    back = anyio.Event()

    async def answer(call: Call) -> None:
        await call.finish(b'{"content":[]}')

    async with verbatim(answer, tool("act")) as (server, _):
        server.only = "legacy"

        async def gated(scope: Any, receive: Any, send: Any) -> None:
            nonlocal connections
            if scope["type"] == "http" and not back.is_set():
                connections += 1
                await back.wait()
            await server(scope, receive, send)

        monkeypatch.setattr(toolconnections, "CONNECT_SECONDS", 0.3)
        monkeypatch.setattr(toolabsence, "AGAIN_SECONDS", 3600.0)
        async with serving(gated) as gate:
            steps = [[assistant_message("no tool")]] * 3
            servers = {"odd": f"{gate}/mcp"}
            async with specialist(database_url, tmp_path, steps, 1, MANIFEST, servers) as (worker, [one]):
                for _ in range(3):
                    assert (await sent(one, "act")).status.state == DONE
                for call in worker.script.calls:
                    assert "odd: the MCP server odd did not answer" in str(call.system_instructions)
                    assert "odd_act" not in str(call.tools)
                assert connections == 1
                back.set()


@pytest.mark.parametrize(
    ("structured", "text", "expected"),
    [
        (None, "", True),
        ({}, "", True),
        ({"a": True, "b": None}, "", True),
        ({"a": 1}, "", False),
        ({"a": [1, 2, {"b": "three"}]}, "1, 2 and three", True),
        ({"a": 1.5, "b": "x", "c": "y"}, "1.5 x", True),
        ({"a": 1.5, "b": "x", "c": "y"}, "x", False),
        ("word", "a word", True),
        ([{"deep": [{"er": "word"}]}], "", False),
    ],
)
def test_whether_a_text_tells_of_structured_content(structured: Any, text: str, expected: bool) -> None:
    assert is_told(structured, text) == expected
