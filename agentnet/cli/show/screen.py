"""Where a command writes: the result to stdout, what happens meanwhile to stderr. Plain lines where nobody looks."""

import json
import re
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

# Direction characters too: with them a name can be shown as another ("Trojan Source", CVE-2021-42574).
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def output() -> Console:
    """For results. On a terminal it fits the width; in a file or a pipe lines stay whole."""
    return _console(stderr=False)


def progress() -> Console:
    """For what happens meanwhile."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        # Rich takes 80 where it finds no terminal, and breaks the lines that a script reads.
        console = Console(stderr=stderr, highlight=False, emoji=False, markup=False, width=160)
    return console


def print_json(value: Any) -> None:
    """`value` as JSON on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house's look."""
    made = Table(title=title, box=None, pad_edge=False, title_justify="left", header_style="bold", show_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=index == 0)
    return made


def clean(text: str) -> str:
    """`text` of others without what drives a terminal: escape sequences, control and direction characters."""
    return _CONTROL.sub("", text)


def duration(milliseconds: float) -> str:
    """Such as `84 ms`, `3.2 s`, `2 min 5 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
