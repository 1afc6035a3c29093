"""The text of a PDF, page by page, read in a process of its own.

PDFs come from everywhere, and the library that reads them may raise anything, take all memory or never end: this must
be the end of the process, and one line in a report.
"""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.errors import InvalidInputError, TooLargeError

MAX_PAGES = 500
SECONDS = 30.0
MEMORY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Pages:
    """The text of each page, and what could not be had."""

    texts: list[str]
    pictures: list[int]
    """Numbers of pages that have a picture and no text, as scanned ones have."""
    unreadable: list[int]
    """Numbers of pages that cannot be read."""


def read_pages(path: Path, source: str) -> Pages:
    """The pages of the PDF at `path`. Blocks. Raises `InvalidInputError`, `TooLargeError`, which name `source`."""
    command = [sys.executable, "-m", __name__, str(path)]
    try:
        # This module, and a path that the operator opened.
        done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS, env=_environment())  # noqa: S603
    except subprocess.TimeoutExpired:
        raise TooLargeError(f"{source} takes more than {SECONDS:g} seconds to read.") from None
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise InvalidInputError(f"{source} is not a readable PDF: reading it needs too much memory.") from None
    if reason := said.get("error"):
        raise InvalidInputError(f"{source} is not a readable PDF ({reason}).")
    if (count := said["count"]) > MAX_PAGES:
        raise TooLargeError(f"{source} has {count} pages; the limit is {MAX_PAGES}.")
    return Pages(said["texts"], said["pictures"], said["unreadable"])


def _environment() -> dict[str, str]:
    # Named one by one: a secret is not inherited by what reads the files of strangers.
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _read(path: str) -> dict[str, Any]:
    # Only in the process that reads: its import takes a third of a second.
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(path)
        count = len(reader.pages)
        said: dict[str, Any] = {"count": count, "texts": [], "pictures": [], "unreadable": []}
        for number in range(count if count <= MAX_PAGES else 0):
            _read_page(reader, number, said)
    except Exception as error:  # noqa: BLE001 - pypdf raises anything, NotImplementedError and AssertionError too
        return {"error": type(error).__name__}
    if count and len(said["unreadable"]) == count:
        return {"error": said["reason"]}
    return said


def _read_page(reader: Any, number: int, said: dict[str, Any]) -> None:
    text = ""
    try:
        page = reader.pages[number]
        text = page.extract_text()
        if not text.strip() and _has_picture(page):
            said["pictures"].append(number + 1)
    except Exception as error:  # noqa: BLE001 - one page that cannot be read is no reason to lose the others
        said["unreadable"].append(number + 1)
        said["reason"] = type(error).__name__
    # Fonts give halves of surrogate pairs, which no database takes.
    said["texts"].append(text.encode("utf-8", "replace").decode())


def _has_picture(page: Any) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources is not None else None
    drawn = objects.get_object().values() if objects is not None else ()
    return any(item.get_object().get("/Subtype") in {"/Image", "/Form"} for item in drawn)


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limit()
    sys.stdout.write(json.dumps(_read(sys.argv[1])))
