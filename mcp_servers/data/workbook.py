"""Workbooks (.xlsx): their sheets as rows of text, read as a stream and within limits.

A workbook is a ZIP file: what it says of its sizes is looked at before anything is unpacked, and the process it is
read in has a limit of memory.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl.reader.excel import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from agentnet.errors import InvalidInputError, TooLargeError

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_RATIO = 200
"""Spreadsheets shrink to a tenth; bombs to a thousandth and less."""
MAX_MEMBERS = 5000
MAX_SHEETS = 20

Rows = Iterator[tuple[int, list[str]]]


@contextmanager
def open_workbook(path: Path, label: str) -> Iterator[dict[str, Rows]]:
    """The sheets of a workbook by their names, each to be read once. Raises `InvalidInputError`, `TooLargeError`."""
    _look_at(path, label)
    with path.open("rb") as file:
        try:
            book = load_workbook(file, read_only=True, data_only=True)
            sheets = {sheet.title: _rows(sheet) for sheet in book.worksheets[:MAX_SHEETS]}
            yield sheets
        except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, ParseError,
                IndexError, OSError, EOFError) as error:  # fmt: skip
            raise InvalidInputError(f"{label} is not a readable workbook ({type(error).__name__}).") from None


def _look_at(path: Path, label: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        raise InvalidInputError(f"{label} is not a readable workbook.") from None
    unpacked = sum(member.file_size for member in members)
    too_dense = unpacked > 1 << 20 and any(
        member.file_size > (1 << 20) and member.file_size > MAX_RATIO * max(1, member.compress_size)
        for member in members
    )
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES or too_dense:
        raise TooLargeError(
            f"{label} unpacks to {unpacked >> 20} MiB in {len(members)} parts; the limits are "
            f"{MAX_UNPACKED_BYTES >> 20} MiB, {MAX_MEMBERS} parts, and {MAX_RATIO} times its size.",
            limit=MAX_UNPACKED_BYTES,
        )


def _rows(sheet: Any) -> Rows:
    # A workbook may say that it has a million rows where it has ten.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        yield number, [_text(value) for value in row]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)
