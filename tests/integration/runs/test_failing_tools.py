"""What the function of a tool raises is seen: in its step, in the log with file and line, by its model in words."""

import logging
from pathlib import Path

import pytest
from agents.testing import assistant_message, function_call
from google.protobuf.json_format import MessageToDict

from agentnet.tasks.steps import STEPS, step_of
from tests.integration.runs import specialists_under_test
from tests.integration.runs.specialists_under_test import DONE, sent, specialist
from tests.integration.tasks.replicas import context, request

pytestmark = pytest.mark.anyio

EXITS = "The agent's code tried to end the process (SystemExit: 3)."
CANCELLED = "The agent's code cancelled its own work; nobody had asked for that."
DEEP = "The agent's code raised BaseException."
FAILING = '''

def raising() -> None:
    raise ValueError("boom")

@function_tool
async def fails(text: str) -> str:
    """Fail."""
    raising()
    return text

@function_tool
def fails_in_a_thread(text: str) -> str:
    """Fail."""
    raising()
    return text

@function_tool
async def divides(text: str) -> str:
    """Fail."""
    return str(1 / 0)

@function_tool
async def tells_a_secret(text: str) -> str:
    """Fail."""
    raise RuntimeError("no answer of postgresql://me:hunter2@db")

@function_tool
async def says_nothing(text: str) -> str:
    """Fail."""
    raise RuntimeError

@function_tool(failure_error_function=lambda context, error: "in my own words")
async def words_it_itself(text: str) -> str:
    """Fail."""
    raising()
    return text

@function_tool
async def looks_up(text: str) -> str:
    """Fail."""
    return {}[text]

@function_tool
async def exits(text: str) -> str:
    """Fail."""
    raise SystemExit(3)

@function_tool
def exits_in_a_thread(text: str) -> str:
    """Fail."""
    raise SystemExit(3)

@function_tool
async def is_cancelled(text: str) -> str:
    """Fail."""
    import asyncio

    raise asyncio.CancelledError

@function_tool
async def raises_deep(text: str) -> str:
    """Fail."""
    raise BaseException("deep")
'''


@pytest.mark.parametrize(
    ("tool", "reason", "told"),
    [
        ("fails", "ValueError: boom", "the tool failed (ValueError: boom)"),
        ("fails_in_a_thread", "ValueError: boom", "the tool failed (ValueError: boom)"),
        ("divides", "ZeroDivisionError: division by zero", "the tool failed (ZeroDivisionError: division by zero)"),
        ("tells_a_secret", "RuntimeError: no answer of postgresql://me:hunter2@db", "postgresql://me:[redacted]@db)"),
        ("says_nothing", "RuntimeError", "the tool failed (RuntimeError)"),
        ("words_it_itself", "ValueError: boom", "in my own words"),
        ("looks_up", "KeyError: 'x'", "the tool failed (KeyError: 'x')"),
        ("exits", EXITS, EXITS),
        ("exits_in_a_thread", EXITS, EXITS),
        ("is_cancelled", CANCELLED, CANCELLED),
        ("raises_deep", DEEP, DEEP),
    ],
)
async def test_a_tool_that_raises_shows_its_reason_and_is_logged_with_file_and_line(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tool: str,
    reason: str,
    told: str,
) -> None:
    monkeypatch.setattr(specialists_under_test, "TOOLS", specialists_under_test.TOOLS + FAILING)
    steps = [[function_call(tool, {"text": "x"}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        with_steps = context()
        with_steps.requested_extensions.add(STEPS)
        with caplog.at_level(logging.ERROR):
            events = [event async for event in one.handler.on_message_send_stream(request("go"), with_steps)]
        outputs = [item.get("output") for item in worker.script.calls[1].input if isinstance(item, dict)]
    told_of = [MessageToDict(event) for event in events]
    found = [step_of(each.get("statusUpdate", each).get("metadata", {})) for each in told_of]
    ended = [step for step in found if step and step.kind == "tool" and step.phase == "end"]
    assert [(step.name, step.ok, step.summary) for step in ended] == [(tool, False, reason)]
    assert any(told in str(output) for output in outputs)
    assert f"the tool {tool} failed" in caplog.text
    assert "tools.py" in caplog.text
    assert ", line " in caplog.text


async def test_a_tool_that_works_is_well(database_url: str, tmp_path: Path) -> None:
    steps = [[function_call("note", {"text": "a"}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (_, [one]):
        assert (await sent(one, "go")).status.state == DONE
