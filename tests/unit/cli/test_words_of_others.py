"""What agents, servers and models say must not drive the terminal of whoever reads it, wherever it is printed."""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Artifact, Message, Part, StreamResponse, Task, TaskState, TaskStatus

from agentnet.cli.gateway.listings import print_tree
from agentnet.cli.network.finding import Finding, print_findings
from agentnet.cli.show import screen
from agentnet.cli.show.rendering import Trail
from agentnet.cli.tasks.outcome import Outcome
from agentnet.cli.tasks.talk import Talk
from agentnet.settings import Settings
from agentnet.tasks.steps import Step
from agentnet.telemetry.logs import configure_logging

EVIL = "a\x1b]0;PWNED\x07b\x1b[31mc\x1b[2Jd\u202ee\x9b5mf\x08g\x7fh\u2066i"
DRIVES = ("\x1b]0;", "\x07", "\x1b[2J", "\u202e", "\x9b", "\x08", "\x7f", "\u2066")
STATES = ("COMPLETED", "FAILED", "REJECTED", "CANCELED", "INPUT_REQUIRED")


def outcome(state: str) -> Outcome:
    status = TaskStatus(state=getattr(TaskState, f"TASK_STATE_{state}"), message=Message(parts=[Part(text=EVIL)]))
    task = Task(id="t", context_id="c", status=status)
    task.artifacts.append(Artifact(artifact_id="response", parts=[Part(text=f"{EVIL} answered")]))
    found = Outcome()
    found.take(StreamResponse(task=task))
    return found


def step(phase: str) -> Step:
    return Step("s", "tool", phase, EVIL, (EVIL,), "t", EVIL, 3, True, None)  # type: ignore[arg-type]


def in_a_table() -> None:
    table = screen.table("Name", EVIL, title=EVIL)
    table.add_row(EVIL, EVIL)
    screen.output().print(table)


def as_tree() -> None:
    task = {"id": EVIL, "agent": EVIL, "state": EVIL, "created_at": None, "parent_id": None}
    print_tree([task | {"ended_at": None, "seconds": None}], screen.output())


def as_log() -> None:
    root = logging.getLogger()
    before, level = [*root.handlers], root.level
    configure_logging(Settings(log_format="text", _env_file=None), sys.stderr)
    try:
        raise ValueError(EVIL)
    except ValueError:
        logging.getLogger("agentnet.test").warning("%s", EVIL, exc_info=True)
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def on_a_trail() -> None:
    with Trail(screen.progress()) as trail:
        trail.show(step("start"))
        trail.show(step("end"))
        trail.say(EVIL)


PLACES: dict[str, Callable[[], Any]] = {
    "say": lambda: screen.say(EVIL),
    "an error": lambda: screen.say(EVIL, error=True, red=EVIL),
    "say_on": lambda: screen.say_on(screen.output(), EVIL),
    "printed on a console": lambda: screen.progress().print(EVIL, style="red"),
    "rows": lambda: screen.print_rows((EVIL, "B"), [(EVIL, EVIL)]),
    "a table": in_a_table,
    "a tree": as_tree,
    "JSON": lambda: screen.print_json({EVIL: [EVIL]}),
    "findings": lambda: print_findings([Finding(EVIL, False, EVIL, EVIL)]),
    "a trail": on_a_trail,
    "a log": as_log,
    "a question": lambda: Talk().say_how_to_answer(outcome("INPUT_REQUIRED")),
    **{f"the end of a task: {state}": lambda state=state: Talk().finish(outcome(state), EVIL) for state in STATES},
    **{
        f"its end as JSON: {state}": lambda state=state: Talk(as_json=True).finish(outcome(state), EVIL)
        for state in STATES
    },
}


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_nothing_that_others_say_drives_the_terminal(
    place: str, is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    PLACES[place]()
    printed = "".join(capsys.readouterr())
    assert "PWNED" in printed or place == "a question", printed
    assert not [each for each in DRIVES if each in printed], repr(printed)


def test_json_keeps_what_it_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    value = {EVIL: [EVIL, "ordinary é \u4e2d", 1]}
    screen.print_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "ordinary é \u4e2d" in out
