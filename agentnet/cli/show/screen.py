"""Where a command writes: the result to stdout, what happens meanwhile to stderr. Plain lines where nobody looks."""

import errno
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import typer

from agentnet.telemetry.lines import CONTROL, columns_of, terminal_columns, wrapped
from agentnet.telemetry.lines import clean as clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

RED, RESET = "\x1b[31m", "\x1b[0m"
FILE_ADDRESS = re.compile(r"agentnet-file:[0-9a-f]{32}/([^\s)\]\"'<>]+)")
PIPE_COLUMNS = 160
LONGEST_WORD = 40
GAP = 2
"""Between two columns."""


def output() -> "Console":
    """For results. On a terminal it fits the width; in a file or a pipe lines stay whole."""
    return _console(stderr=False)


def progress() -> "Console":
    """For what happens meanwhile."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console as RichConsole  # 0.05 s, which JSON does without

    class Console(RichConsole):
        def render_str(self, text: str, **options: Any) -> "Text":
            """Of these Rich makes lines, tables and trees: nothing that others wrote drives a terminal."""
            return super().render_str(clean(text), **options)

        def on_broken_pipe(self) -> None:
            """Rich's own would end the process with SystemExit, amid whichever task prints."""
            with suppress(SystemExit):
                super().on_broken_pipe()  # nothing that follows is written
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    console = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        # Rich takes 80 where it finds no terminal, and breaks the lines that a script reads.
        console = Console(stderr=stderr, highlight=False, emoji=False, markup=False, width=PIPE_COLUMNS)
    return console


def say(text: str, *, error: bool = False, red: str = "") -> None:
    """Words for people, on stdout or stderr: on a terminal wrapped between words, elsewhere whole; `red` ones first."""
    stream = sys.stderr if error else sys.stdout
    text = " ".join(filter(None, (f"{RED}{clean(red)}{RESET}" if red else "", clean(text))))
    typer.echo(wrapped(text, terminal_columns()) if stream.isatty() else text, err=error)


def say_on(console: "Console", text: str, style: str | None = None) -> None:
    """The same on a console."""
    text = clean(text)
    shown = wrapped(text, console.width) if console.is_terminal else text
    console.print(shown, style=style, soft_wrap=True)


def print_json(value: Any) -> None:
    """`value` as JSON on stdout."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # JSON escapes of what drives a terminal the oldest characters alone. These stand in strings, for nothing else is of
    # others; escaped they are the same value.
    typer.echo(CONTROL.sub(lambda found: "".join(f"\\u{ord(each):04x}" for each in found[0]), text))


def table(*columns: str, title: str | None = None) -> "Table":
    """An empty table in the house's look."""
    from rich.table import Table

    made = Table(title=title, box=None, pad_edge=False, title_justify="left", header_style="bold", show_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=index == 0)
    return made


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout. In a pipe or a file each row is one line, however wide: what reads it reads lines."""
    if sys.stdout.isatty():
        output().print(filled(columns, rows))
        return
    lines = [[clean(each) for each in columns], *([" ".join(clean(cell).split()) for cell in row] for row in rows)]
    widths = [max(columns_of(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        padded = (cell + " " * (width - columns_of(cell)) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def filled(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """A table whose words stay whole for as long as they fit."""
    cells = [list(row) for row in rows]
    made = table(*columns)
    words = [[word for row in cells for word in row[index].split()] for index in range(len(columns))]
    widths = [min(max(map(len, each), default=0), LONGEST_WORD) for each in words]
    room = output().width - GAP * (len(columns) - 1)
    is_tight = sum(widths) > room
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    for column, width in zip(made.columns, widths, strict=True):
        column.min_width = width
        if is_tight:  # Rich would cut columns off: rather break the longest words, and lose nothing
            column.width, column.no_wrap = width, False
    for row in cells:
        made.add_row(*row)
    return made


def shortened(text: str, width: int) -> str:
    """`text` in one line of at most `width` characters, cut between words where there are any."""
    line = " ".join(text.split())
    if len(line) <= width:
        return line
    cut = line[: max(width - 1, 0)]
    whole = cut.rpartition(" ")[0] if line[len(cut) : len(cut) + 1] != " " else cut
    return f"{whole if len(whole) > width // 2 else cut}…"


def named(text: str) -> str:
    """`text` with the names of files in place of the addresses that only the network can open."""
    return FILE_ADDRESS.sub(lambda match: unquote(match[1]), text)


def duration(milliseconds: float) -> str:
    """Such as `84 ms`, `3.2 s`, `2 min 5 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
