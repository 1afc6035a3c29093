"""What the user sees and says of a job: its trail, its questions, its result."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from agentnet.cli.command import exits
from agentnet.cli.show import screen
from agentnet.cli.show.rendering import Trail
from agentnet.cli.tasks.artifacts import SavedFile, save_answer, save_files
from agentnet.cli.tasks.job import OUTPUT_DIRECTORY
from agentnet.cli.tasks.outcome import Outcome
from agentnet.tasks.values import value_json


class Talk:
    """What the user sees and says: the trail on stderr, the result on stdout, the answer to a question."""

    def __init__(self, *, as_json: bool = False, out: Path | None = None, console: Console | None = None) -> None:
        self.as_json = as_json
        self.out = out
        self.progress = console or screen.progress()
        self.output = console or screen.output()
        self._began = time.monotonic()
        self._asked = False
        self.is_late = False
        """Whether the task had ended before anybody looked: how long it took is not known here."""

    def say(self, text: str) -> None:
        """A line on the way."""
        if not self.as_json:
            screen.say_on(self.progress, screen.clean(text))

    def part_is_up(self, part: str, seconds: float) -> None:
        """Of a network that starts, for who waits before a terminal; a pipe is told once that it starts."""
        if self.progress.is_terminal:
            self.say(f"  {part:<20} {screen.duration(seconds * 1000):>8}")

    def say_how_to_answer(self, outcome: Outcome) -> None:
        """The command that takes the task up again."""
        self.say(f'It waits for your answer:\nagentnet ask --task {outcome.task_id} "…"')

    def trail(self) -> Trail:
        """Where steps are shown."""
        return Trail(Console(quiet=True) if self.as_json else self.progress)

    async def answer_to(self, question: str) -> str | None:
        """What the user answers; None where nobody sits."""
        self._ask(question)
        # In a pipe or a job nobody would ever type: it would hang until its own timeout.
        if self.as_json or not sys.stdin.isatty():
            return None
        self.progress.print("Your answer: ", end="")
        typed = await line()
        if not typed.endswith("\n"):
            self.progress.print()  # Ctrl-D ends no line by itself
        return typed.strip() or None

    def _ask(self, question: str) -> None:
        self._asked = True
        self.say(f"\n{screen.named(question)}\n")

    def finish(self, outcome: Outcome, agent: str) -> int:
        """Print the result; the exit code."""
        directory = self.out or Path(OUTPUT_DIRECTORY) / (outcome.task_id or "answer")
        files = save_files(outcome, directory)
        if (files or self.out) and outcome.succeeded and (text := outcome.answer()):
            files.append(save_answer(text, directory))
        if self.as_json:
            screen.print_json(_as_json(outcome, agent, files, time.monotonic() - self._began))
        else:
            self._print(outcome, files)
        if outcome.waits:
            return exits.QUESTION
        if outcome.refused:
            return exits.REFUSED
        return exits.OK if outcome.succeeded else exits.TASK_FAILED

    def _print(self, outcome: Outcome, files: list[SavedFile]) -> None:
        if outcome.data is not None and not self.output.is_terminal:  # for the next program
            screen.print_json(value_json(outcome.data.data))
        elif text := outcome.answer():
            self._print_markdown(screen.clean(screen.named(text)))
        for file in files:
            via = f"  (from {' → '.join(file.source)})" if file.source else ""
            screen.say_on(self.output, screen.clean(f"{file.place}{via}"))
        if outcome.waits:
            if not self._asked and outcome.said:
                self._ask(outcome.said)
            self.say_how_to_answer(outcome)
        elif not outcome.succeeded:
            became = "failed" if outcome.state_name == "failed" else f"was {outcome.state_name}"
            reason = outcome.said or "no reason was given"
            self.progress.print(screen.clean(screen.named(f"The task {became}: {reason}")), style="red")
        took = "" if self.is_late else f" after {screen.duration((time.monotonic() - self._began) * 1000)}"
        self.say(f"\n{outcome.state_name}{took}" + (f", task {outcome.task_id}" if outcome.task_id else ""))

    def _print_markdown(self, text: str) -> None:
        # Into a file goes what the agent wrote, not how it looks at the width of a terminal.
        if not self.output.is_terminal:
            self.output.print(text, soft_wrap=True)
            return
        from rich.markdown import Markdown

        self.output.print()
        self.output.print(Markdown(text))


PIECE_BYTES = 65_536
_typed = bytearray()
"""What came behind the line that was taken last."""


async def line() -> str:
    """A line from the terminal. Not `input` in a thread: nothing could stop that, and Ctrl-C must."""
    if sys.platform == "win32":
        return await asyncio.to_thread(sys.stdin.readline)
    # Not through sys.stdin: what it has taken of a pipe beyond one line, no event loop would tell of.
    while b"\n" not in _typed and (piece := await _piece(sys.stdin.fileno())):
        _typed.extend(piece)
    end = _typed.find(b"\n") + 1 or len(_typed)
    said, _typed[:] = bytes(_typed[:end]), _typed[end:]
    return said.decode(sys.stdin.encoding, "replace")


async def _piece(stdin: int) -> bytes:
    """What comes next; empty at the end."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(stdin, ready.set)
    except PermissionError:  # a file, for which nobody has to wait, and nobody can
        return os.read(stdin, PIECE_BYTES)
    try:
        await ready.wait()
        return os.read(stdin, PIECE_BYTES)
    finally:
        loop.remove_reader(stdin)


def _as_json(outcome: Outcome, agent: str, files: list[SavedFile], seconds: float) -> dict[str, Any]:
    return {
        "task_id": outcome.task_id,
        "context_id": outcome.context_id,
        "agent": agent,
        "state": outcome.state_name,
        "text": outcome.answer(),
        "data": None if outcome.data is None else value_json(outcome.data.data),
        "question": outcome.said if outcome.waits else None,
        "reason": None if outcome.waits or outcome.succeeded else outcome.said,
        "files": [
            {"name": file.name, "media_type": file.media_type, "place": file.place, "source": list(file.source)}
            for file in files
        ],
        "steps": [
            {
                "kind": step.kind,
                "path": list(step.path),
                "name": step.name,
                "ms": step.ms,
                "ok": step.ok,
                "summary": step.summary,
                "task_id": step.task_id,
                "peer_task_id": step.peer_task_id,
            }
            for step in outcome.steps.values()
        ],
        "seconds": round(seconds, 3),
    }
