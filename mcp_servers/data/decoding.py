"""The characters of a text file: which encoding its bytes are in, and what separates the cells of a line."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 64 * 1024
SAMPLE_LINES = 50
DELIMITERS = (",", ";", "\t", "|")
MAX_CELL_CHARACTERS = 1 << 20

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)
"""Excel's own first line, which names what separates the cells."""
_NUMBER_WITH_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


@dataclass(frozen=True, slots=True)
class Text:
    """A text file, and how it is read."""

    path: Path
    encoding: str
    is_guessed: bool = False
    """Whether nothing in the bytes says that it is this encoding."""

    def head(self) -> list[str]:
        """Its first lines; the last may be cut off."""
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            # Lines may end in any way, in one file in several.
            return re.split(r"\r\n|\r|\n", file.read(HEAD_BYTES))[:SAMPLE_LINES]

    def rows(self, delimiter: str | None = None) -> Iterator[tuple[int, list[str]]]:
        """Its rows with the number of the line that each ends in. Raises `csv.Error`."""
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        skip = separator_line(self.head()) is not None
        with self.path.open(encoding=self.encoding, newline="") as file:
            # Strict: a quote that is never closed would make all that follows one cell.
            reader = csv.reader(file, delimiter=delimiter or self.delimiter(), strict=True)
            if skip:
                next(reader, None)
            for cells in reader:
                yield reader.line_num, cells

    def delimiter(self) -> str:
        """What separates its cells: what Excel's first line says, else what cuts most lines into as many cells."""
        lines = self.head()
        if named := separator_line(lines):
            return named
        lines = [re.sub(r'"[^"]*"', "", line) for line in lines if line.strip()]
        commas = [line for line in lines if "," in line]
        if lines and "," not in lines[0] and commas and all(map(_NUMBER_WITH_COMMA.fullmatch, commas)):
            # One column of numbers with decimal commas.
            return max((sign for sign in DELIMITERS if sign != ","), key=lines[0].count)
        return max(DELIMITERS, key=lambda sign: _evenness(sign, lines))


def separator_line(lines: list[str]) -> str | None:
    """What the line `sep=;` names, where it is the first."""
    match = _SEPARATOR.fullmatch(lines[0]) if lines else None
    return match[1] if match else None


def _evenness(sign: str, lines: list[str]) -> tuple[float, int]:
    counts = Counter(line.count(sign) for line in lines)
    cut = {count: times for count, times in counts.items() if count}
    if not cut:
        return 0.0, 0
    most = max(cut, key=lambda count: (cut[count], count))
    return cut[most] / len(lines), most


def decode(path: Path) -> Text:
    """`path` as text: by its byte order mark, else UTF-16 by its zero bytes, else UTF-8, else what Windows writes.

    Raises `UnicodeError` when it is none of these.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return Text(path, encoding)
    if head.count(0) > len(head) // 4:
        even, odd = head[::2].count(0), head[1::2].count(0)
        return Text(path, "utf-16-le" if odd > even else "utf-16-be")
    for encoding in ("utf-8", "cp1252", "latin-1"):
        if _fits(path, encoding):
            return Text(path, encoding, is_guessed=encoding != "utf-8")
    raise UnicodeError("it has zero bytes, as text has none")


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                if b"\0" in chunk:
                    raise UnicodeDecodeError(encoding, chunk[:1], 0, 1, "a zero byte, as text has none")
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
