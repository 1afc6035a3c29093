"""What a file is: by its first bytes where they tell, then by the ending of its name, then by its media type."""

import json
import zipfile
from pathlib import Path

from agentnet.errors import InvalidInputError
from mcp_servers.data.decoding import decode
from mcp_servers.data.models import Format

HEAD_BYTES = 64 * 1024
FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
MEDIA_TYPES: dict[str, Format] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/x-csv": "csv",
    "application/vnd.ms-excel": "csv",  # as browsers on Windows call CSV files
    "text/tab-separated-values": "tsv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
BLANK = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Marks of byte order and what a text without a letter has, in each encoding."""
WORKBOOK_PART = "xl/workbook.xml"


def recognize(path: Path, label: str, media_type: str = "") -> Format:
    """The format of the file at `path`. Raises `InvalidInputError` when it is no table. Blocks."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not head.strip(BLANK) and not file.read(1):
            raise InvalidInputError(f"{label} is empty.")
    said = FORMATS.get(Path(label).suffix.lower()) or MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())
    if head.startswith(b"PAR1"):
        kind: Format | None = "parquet"
    elif head.startswith(b"PK\x03\x04"):
        kind = "xlsx" if said == "xlsx" or _is_workbook(path) else None
    else:
        kind = _text_format(path, head, said)
    if kind is None and head.startswith(b"%PDF"):
        raise InvalidInputError(
            f"{label} is a PDF, which is not a table.",
            hint="Put it into a folder that `agentnet up --knowledge FOLDER` reads, then ask about it.",
        )
    if kind is None:
        raise InvalidInputError(f"{label} is not a table; a file ends in {', '.join(FORMATS)}.")
    return kind


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return WORKBOOK_PART in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _text_format(path: Path, head: bytes, said: Format | None) -> Format | None:
    """What a text is; what is said of it counts, unless it is plainly something else."""
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first in {b"{", b"["} and said not in {"json", "jsonl"} and (found := _json_format(head)):
        return found
    if said in {"csv", "tsv"} or first in {b"{", b"["}:
        return said
    return "csv" if _is_delimited(path) else said


def _json_format(head: bytes) -> Format | None:
    lines = head.decode("utf-8-sig", "replace").split("\n")
    try:
        json.loads(lines[0])
    except ValueError:
        return "json" if lines[0].strip() in {"{", "["} or lines[0].lstrip().startswith(('{"', "[{", "[[")) else None
    return "jsonl" if lines[0].lstrip().startswith("{") and len(lines) > 1 and lines[1].strip() else "json"


def _is_delimited(path: Path) -> bool:
    """Whether this is a text in which each line has as many cells, two at least."""
    try:
        text = decode(path)
    except UnicodeError:
        return False
    # The last may be cut off.
    lines = [line for line in text.head()[:-1] if line.strip()]
    counts = {line.count(text.delimiter()) for line in lines}
    return len(lines) > 1 and len(counts) == 1 and counts != {0}
