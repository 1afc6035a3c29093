from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from agentnet.cli.show import screen
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
    step("model", "start", "gpt", "concierge", summary="waiting 30 s: rate limit"),
    step("model", "end", "gpt", "concierge", ms=30_000),
    step("model", "end", "gpt", "concierge", ms=9, ok=False, summary="The model gpt is spent."),
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
        "  concierge · model gpt  waiting 30 s: rate limit",
        "  concierge · model gpt  ✗ 9 ms  The model gpt is spent.",
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


LONG = "Write a short report of the documentation and of the task log, then have it reviewed and revise it once"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize(
    "each",
    [
        step("delegation", "start", "writer", "concierge", summary=LONG),
        step("tool", "end", "knowledge_search", "concierge/researcher", ms=84, summary=LONG),
        step("tool", "end", "knowledge_search", "concierge/researcher", ms=84, ok=False, summary=LONG),
        step("question", "start", "ask_user", "concierge/writer/reviewer", summary=LONG),
        step("delegation", "end", "writer", "concierge", ms=65_000, summary=LONG),
    ],
)
def test_the_line_of_a_step_fits_and_its_words_are_whole(each: Step, width: int) -> None:
    line = line_of(each, width)
    assert line is not None
    assert len(line) <= width
    assert {word.rstrip("…") for word in line.split("  ")[-1].split()} <= set(LONG.split()) | {"writer", "reviewer"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [chart](agentnet-file:%s/chart.png).", "See [chart](chart.png)."),
        ("File: agentnet-file:%s/chart.png", "File: chart.png"),
        ('{"files": ["agentnet-file:%s/my%%20notes.md"]}', '{"files": ["my notes.md"]}'),
        ("a agentnet-file:%s/a.csv b", "a a.csv b"),
        ("![](agentnet-file:%s/a.png)", "![](a.png)"),
        ("no file at all", "no file at all"),
    ],
)
def test_files_are_shown_by_their_names(text: str, shown: str) -> None:
    text = text % ("0123456789abcdef" * 2) if "%" in text else text
    assert screen.named(text) == shown
    line = line_of(step("tool", "end", "chart", "a", ms=1, summary=text), 200)
    assert line == f"  a · chart  ✓ 1 ms  {shown}"


ROWS = [
    ("0190c5a8-1c2d-7e3f-8a4b-5c6d7e8f9a0b", "researcher", "input-required", "11-30 10:43"),
    ("0190c5a8-1c2d-7e3f-8a4b-5c6d7e8f9a0c", "analyst", "completed", "11-30 10:44"),
]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (("Task", "Agent", "State", "Created"), ROWS),
        (
            ("", "Check", "Found", "What to do"),
            [("✗", "port of a registry", LONG, LONG), ("✓", "Python", "", "")],
        ),
        (("Agent", "What it is for", "Skills", "Replicas"), [("researcher", LONG, "Search documents", "1")]),
        (("Key", "Name", "Tenant", "Scopes", "State"), [("0123456789ab", "a laptop", "default", "admin", "active")]),
        (("Tenant", "Keys that hold", "Since"), [("default", "1", "2026-11-30")]),
    ],
)
@pytest.mark.parametrize("width", [80, 120])
def test_a_table_fits_and_its_words_are_whole(columns: tuple[str, ...], rows: list[Any], width: int) -> None:
    text = StringIO()
    Console(file=text, width=width, highlight=False, markup=False).print(screen.filled(columns, rows))
    assert max(map(len, text.getvalue().splitlines())) <= width
    assert set(" ".join(cell for row in rows for cell in row).split()) <= set(text.getvalue().split())


def test_a_pipe_has_the_width_that_columns_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert screen.output().width == 72
    monkeypatch.delenv("COLUMNS")
    assert screen.output().width == screen.PIPE_COLUMNS
