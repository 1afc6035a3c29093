from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from agentnet.cli.show.rendering import Trail, line_of
from agentnet.cli.show.screen import duration
from agentnet.tasks.steps import Step, step_of


def step(kind: Any, phase: Any, name: str, path: str, **more: Any) -> Step:
    return Step(f"{kind}-{name}", kind, phase, name, tuple(path.split("/")), "t1", **more)


RECORDED = [
    step("model", "start", "offline", "concierge"),
    step("model", "end", "offline", "concierge", ms=3),
    step("delegation", "start", "writer", "concierge", summary="Write a\nreport."),
    step("tool", "start", "search", "concierge/writer"),
    step("tool", "end", "search", "concierge/writer", ms=84, summary="3 passages"),
    step("tool", "end", "fetch", "concierge/writer", ms=2050, ok=False, summary="no such page"),
    step("question", "start", "question", "concierge/writer", summary="Which year?"),
    step("delegation", "end", "writer", "concierge", ms=65_000),
    step("handoff", "start", "reviewer", "concierge"),
]


def test_recorded_steps_read_as_plain_lines() -> None:
    text = StringIO()
    with Trail(Console(file=text, width=100, highlight=False, markup=False)) as trail:
        for each in RECORDED:
            trail.show(each)
    assert text.getvalue().splitlines() == [
        "  concierge → writer  Write a report.",
        "    writer · search  ✓ 84 ms  3 passages",
        "    writer · fetch  ✗ 2.0 s  no such page",
        "    writer asks  Which year?",
        "  concierge ← writer  ✓ 1 min 5 s",
        "  concierge ⇒ reviewer (takes over)",
    ]


def test_a_long_summary_is_shortened() -> None:
    line = line_of(step("tool", "end", "search", "a", summary="x" * 500))
    assert line is not None
    assert len(line) < 150
    assert line.endswith("…")


def test_markup_in_what_agents_say_is_only_text() -> None:
    text = StringIO()
    console = Console(file=text, width=100, markup=False, highlight=False, force_terminal=True, no_color=True)
    with Trail(console) as trail:
        trail.show(step("tool", "start", "[/bold]", "a"))
        trail.show(step("tool", "end", "t", "a", summary="[/red] [link=x]"))
    assert "[/red] [link=x]" in text.getvalue()


def test_an_agent_cannot_drive_the_terminal() -> None:
    line = line_of(step("tool", "end", "t", "a", summary="\x1b]0;mine\x07\x1b[2J\u202eok"))
    assert line is not None
    assert line.isprintable()


def test_a_step_survives_the_wire() -> None:
    sent = step("tool", "end", "search", "a/b", ms=7)
    assert step_of(sent.as_metadata()) == sent


@pytest.mark.parametrize(("ms", "text"), [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (61_000, "1 min 1 s")])
def test_durations_are_short(ms: float, text: str) -> None:
    assert duration(ms) == text
