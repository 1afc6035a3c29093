"""A running job as lines: who delegated what to whom, which tools were called, how long each took.

One line for each thing that happened, indented by depth, readable without colour. On a terminal a last line tells what
is going on right now.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from agentnet.cli.show import screen
from agentnet.tasks.steps import Step

LINE_CHARACTERS = 120
LEAST_SUMMARY = 16
"""Characters under which a summary says nothing, however narrow the terminal."""
_STYLES = {"delegation": "cyan", "handoff": "magenta", "question": "yellow"}


def line_of(step: Step, width: int = LINE_CHARACTERS) -> str | None:
    """The line of a step, of at most `width` characters; None where it says nothing, as a tool's start."""
    indent = "  " * len(step.path)
    what = _what(step)
    if what is None:
        return None
    mark = "" if step.phase == "start" else ("  ✓" if step.ok else "  ✗")
    took = f" {screen.duration(step.ms)}" if step.ms is not None and step.phase == "end" else ""
    head = screen.clean(f"{indent}{what}{mark}{took}")
    room = min(width, LINE_CHARACTERS) - len(head) - 2
    summary = screen.shortened(screen.clean(screen.named(step.summary)), max(room, LEAST_SUMMARY))
    return f"{head}  {summary}" if summary else head


def _what(step: Step) -> str | None:
    match step.kind, step.phase:
        case "delegation", "start":
            return f"{step.agent} → {step.name}"
        case "delegation", "end":
            return f"{step.agent} ← {step.name}"
        case "handoff", "start":
            return f"{step.agent} ⇒ {step.name} (takes over)"
        case "handoff", "end":
            return f"{step.agent} ⇐ {step.name}" if not step.ok else None
        case "question", "start":
            return f"{step.agent} asks"
        case "tool", "end":
            return f"{step.agent} · {step.name}"
        case "model", _ if not step.ok or (step.phase == "start" and step.summary):  # what it waits for
            return f"{step.agent} · model {step.name}"
        case _:
            return None


def _doing(step: Step) -> str:
    match step.kind:
        case "model" if step.summary:
            return f"{step.agent}: {step.summary}"
        case "model":
            return f"{step.agent} is thinking"
        case "tool":
            return f"{step.agent} uses {step.name}"
        case "question":
            return f"{step.agent} asks"
        case _:
            return f"{step.name} works for {step.agent}"


class Trail:
    """Prints steps as they come. A context manager: the moving line is gone when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, Step] = {}
        self._status: Status | None = console.status("waiting for the network") if console.is_terminal else None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def show(self, step: Step) -> None:
        """Print what there is to say of `step`."""
        if step.phase == "start":
            self._running[step.id] = step
        else:
            self._running.pop(step.id, None)
        if line := line_of(step, self._console.width):
            style = "red" if not step.ok else _STYLES.get(step.kind, "dim")
            screen.say_on(self._console, line, style)
        if self._status:
            # A status reads markup whatever its console does, and names of tools may hold brackets.
            self._status.update(escape(screen.clean(self._doing())))

    def say(self, text: str) -> None:
        """Print words that belong to no step."""
        self._console.print(screen.clean(screen.named(text)), style="dim")

    def _doing(self) -> str:
        innermost = sorted(self._running.values(), key=lambda step: len(step.path))[-3:]
        return "; ".join(dict.fromkeys(_doing(step) for step in innermost)) or "working"
