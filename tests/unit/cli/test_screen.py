"""What is printed: wrapped between words on a terminal, whole lines in a pipe."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from agentnet.cli.show import screen
from agentnet.telemetry.lines import wrapped

WORDS = [
    "short",
    "It waits for your answer, and what it asks is a little longer than the terminal is wide today, is it not?",
    "  indented words go on under their first one, so that one sees to which of the lines above they belong at all",
    "https://example.org/" + "a" * 120 + " is an address that is there to be copied, and not to be broken anywhere",
    "長い文字列 " * 30,
    "two lines\n\nand words behind an empty one that are longer than the terminal is wide, which happens every day now",
    "a (from concierge → analyst) " * 8,
    "\x1b[31mred words that are longer than the line is wide, but not by what makes them red, or so one hopes\x1b[0m",
]


@pytest.mark.parametrize("text", WORDS)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_words_are_whole_and_lines_fit(text: str, width: int) -> None:
    shown = wrapped(text, width)
    assert shown.split() == text.split()
    for line in shown.split("\n"):
        columns = sum(2 if "\u3000" < each < "\ufaff" else 1 for each in screen.clean(line))
        assert columns <= width or " " not in line.strip()


@pytest.mark.parametrize("text", WORDS)
def test_what_fits_is_left_as_it_is(text: str) -> None:
    assert wrapped(text, 1000) == text


def test_a_row_in_a_pipe_is_one_line_however_wide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen.print_rows(("Agent", "For", "N"), [("writer", "many words " * 40, "1"), ("é長", "two\nlines", "")])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["Agent", "For", "N"]
    assert first.startswith("writer  many words many")
    assert first.endswith("words  1")
    assert second == "é長    two lines" or second.split() == ["é長", "two", "lines"]


COMMANDS = [
    ("ask", "anything", "--no-start"),
    ("ask", " "),
    ("watch", "nonsense-that-is-no-id-of-any-task-in-this-network"),
    ("up", "--agents", "a-folder-that-is-not-there/and-never-was"),
    ("up", "--only", "nobody"),
    ("agents", "check", "."),
    ("serve", "agent", "nobody"),
    ("card", "--url", "nowhere"),
    ("schema", "nothing"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("width", [50, 80])
def test_an_error_on_a_terminal_is_wrapped_between_words(command: tuple[str, ...], width: int, tmp_path: Path) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "agent.yaml").write_text("name: wrong\ndescription: It is wrong.\nskilz: []\n")
    ours = {"AGENTNET_HOME": str(tmp_path), "COLUMNS": str(width), "NO_COLOR": "1", "AGENTNET_PORT": "9"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTNET_")} | ours
    outer, inner = pty.openpty()
    arguments = [sys.executable, "-m", "agentnet", *command]
    with subprocess.Popen(arguments, cwd=tmp_path, env=environment, stdout=inner, stderr=inner, stdin=inner) as process:
        os.close(inner)
        shown = b""
        try:
            while piece := os.read(outer, 4096):
                shown += piece
        except OSError:  # the other end is closed
            pass
    os.close(outer)
    assert process.returncode == 2
    lines = shown.decode().splitlines()
    assert lines
    assert [line for line in lines if len(line) > width and " " in line.strip()] == []


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("columns", [2, 3, 5, 9])
def test_no_column_is_cut_off_where_words_are_long(width: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"AGENTNET_REGISTRY_URL_{index}/with-more-behind-it" for index in range(columns)]
    monkeypatch.setenv("COLUMNS", str(width))
    console = screen.output()
    with console.capture() as printed:
        console.print(screen.filled(["" for _ in words], [words]))
    lines = printed.get().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in printed.get()
    assert sorted("".join(lines).replace(" ", "")) == sorted("".join(words))
