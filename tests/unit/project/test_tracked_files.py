"""What must never be in a tracked file: hosts of package registries, paths of one machine, secrets."""

import re
from pathlib import Path

import pytest

from tests.unit.project.repository import ROOT, tracked_files

# Each pattern is spelled so that it does not find itself.
FORBIDDEN = {
    "a package registry host": re.compile(
        r"py[p]i\.org|python[h]osted|registry\.n[p]mjs|(deb|security)\.d[e]bian|registry\.y[a]rnpkg"
    ),
    "a path of one machine": re.compile(
        r"/w[o]rk/(main|wt-|steering|venv|\.library|\.mirror)|/r[o]ot/|/h[o]me/[a-z]|/U[s]ers/[a-z]|/tmp/bash_j[o]bs"
    ),
    "a conflict of a merge": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE K[E]Y-----"),
    "a key of a model provider": re.compile(r"\bs[k]-(proj-)?[A-Za-z0-9]{32,}"),
}
LARGEST_FILE_BYTES = 1024 * 1024


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in tracked_files()
        if (match := FORBIDDEN[what].search(_text(path)))
    ]
    assert not found


def test_no_tracked_file_is_large() -> None:
    large = [str(path.relative_to(ROOT)) for path in tracked_files() if path.stat().st_size > LARGEST_FILE_BYTES]
    assert not large


def test_no_environment_file_is_tracked() -> None:
    assert not [path for path in tracked_files() if path.name in (".env", "compose.env") or path.suffix == ".key"]


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="ignore")
