"""Documents on disk: which there are below the knowledge folders, and their text."""

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from agentnet.plural import plural
from mcp_servers.knowledge.pages import Pages, read_pages
from mcp_servers.knowledge.passages import PAGE_BREAK, Passage, split, title_of

ENDINGS = (".md", ".markdown", ".txt", ".text", ".rst", ".pdf")
MARKDOWN = (".md", ".markdown")
MAX_DOCUMENTS = 2000
MAX_BYTES = 5 * 1024 * 1024
MAX_PASSAGES = 10_000
SHOWN_PAGES = 5
SPLIT_VERSION = b"1"
"""Part of every hash: a new way to split makes all documents new."""


@dataclass(frozen=True, slots=True)
class Located:
    """A document on disk."""

    source: str
    """`<name of the root>/<path below it>`."""
    path: Path


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read."""

    source: str
    title: str
    hash: str
    text: str
    passages: list[Passage]
    missing: str = ""
    """A sentence on what of it could not be read."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to ingest: its files get sources that begin with `prefix`."""

    root: Path
    path: Path
    prefix: str

    def documents(self) -> list[Located]:
        """The documents below it, sorted; links that lead out of the root are left out. Blocks.

        Raises `TooLargeError` when there are too many.
        """
        found = sorted(self._found(), key=lambda item: item.source)
        if len(found) > MAX_DOCUMENTS:
            raise TooLargeError(f"{self.prefix} has {len(found)} documents; the limit is {MAX_DOCUMENTS}.")
        return found

    def _found(self) -> Iterator[Located]:
        for path in self.path.rglob("*"):
            hidden = any(part.startswith(".") for part in path.relative_to(self.path).parts)
            if path.suffix.lower() in ENDINGS and not hidden and (real := self._inside(path)):
                name = f"{self.prefix}{path.relative_to(self.path).as_posix()}"
                # A name that is not UTF-8 has half a surrogate pair for each byte, which no database takes.
                yield Located(name.encode("utf-8", "replace").decode().replace("\0", ""), real)

    def _inside(self, path: Path) -> Path | None:
        try:
            real = path.resolve()
            # A link must not lead out of what the operator opened.
            return real if real.is_file() and real.is_relative_to(self.root) else None
        except (OSError, RuntimeError):  # a link that leads to itself
            return None


def roots(folders: Sequence[Path]) -> list[Folder]:
    """The knowledge folders, each with a name of its own."""
    named: dict[str, Folder] = {}
    for folder in folders:
        root = folder.resolve()
        name, number = root.name or "root", 1
        while name in named and named[name].root != root:
            number += 1
            name = f"{root.name}-{number}"
        named[name] = Folder(root, root, f"{name}/")
    return list(named.values())


def find_folder(name: str, known: Sequence[Folder]) -> Folder:
    """The folder inside the knowledge folders that `name` means: a path, or a source's beginning. Blocks.

    Raises `NotFoundError` that names the knowledge folders, also for folders outside them.
    """
    if not known:
        raise InvalidInputError("No knowledge folders are set.", hint="The operator sets AGENTNET_KNOWLEDGE_DIRS.")
    asked = Path(name.strip())
    for folder in known:
        own = folder.prefix.rstrip("/")
        below = asked.relative_to(own) if asked.parts[:1] == (own,) else asked
        for candidate in (asked,) if asked.is_absolute() else (folder.root / below, folder.root / asked):
            path = candidate.resolve()
            if path.is_dir() and path.is_relative_to(folder.root):
                inner = path.relative_to(folder.root).as_posix()
                return Folder(folder.root, path, folder.prefix if inner == "." else f"{folder.prefix}{inner}/")
    names = ", ".join(folder.prefix.rstrip("/") for folder in known)
    raise NotFoundError(f"{name!r} is not a folder inside the knowledge folders, which are {names}.")


def hash_of(located: Located) -> str:
    """What tells whether a document changed. Blocks. Raises `TooLargeError`, `OSError`."""
    if located.path.stat().st_size > MAX_BYTES:
        raise TooLargeError(f"{located.source} is over the limit of {MAX_BYTES >> 20} MiB.")
    return hashlib.sha256(SPLIT_VERSION + located.path.read_bytes()).hexdigest()


def read(located: Located) -> Document:
    """Read and split a document. Blocks. Raises `InvalidInputError`, `TooLargeError`, `OSError`."""
    hashed = hash_of(located)
    ending = located.path.suffix.lower()
    missing = ""
    if ending == ".pdf":
        pages = read_pages(located.path, located.source)
        text, missing = _text_of(pages, located.source), _missing(pages, located.source)
    else:
        text = _plain_text(located, located.path.read_bytes())
    passages = split(text, markdown=ending in MARKDOWN)
    if len(passages) > MAX_PASSAGES:
        raise TooLargeError(f"{located.source} has {len(passages)} passages; the limit is {MAX_PASSAGES}.")
    name = located.source.rpartition("/")[2]
    title = title_of(text, name) if ending in MARKDOWN else name
    return Document(located.source, title, hashed, text, passages, missing)


def _plain_text(located: Located, body: bytes) -> str:
    is_wide = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Notes of older programs are in what Windows writes; a zero byte is in no text.
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "cp1252" or "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").replace(PAGE_BREAK, "\n")
    raise InvalidInputError(f"{located.source} is not text in UTF-8, UTF-16 or Windows-1252.")


def _text_of(pages: Pages, source: str) -> str:
    if not any(text.strip() for text in pages.texts):
        scanned = "it is scanned, and pictures of text are not read here" if pages.pictures else "it is empty"
        raise InvalidInputError(f"{source} has no text on its {plural(len(pages.texts), 'page')}: {scanned}.")
    cleaned = (text.replace("\0", "").replace(PAGE_BREAK, "\n") for text in pages.texts)
    return f"\n{PAGE_BREAK}\n".join(cleaned)


def _missing(pages: Pages, source: str) -> str:
    said = [
        f"{len(numbers)} of {plural(len(pages.texts), 'page')} {what[len(numbers) > 1]} ({_shown(numbers)})"
        for numbers, what in (
            (pages.pictures, ("is a picture without text", "are pictures without text")),
            (pages.unreadable, ("cannot be read", "cannot be read")),
        )
        if numbers
    ]
    return f"{source}: {' and '.join(said)}." if said else ""


def _shown(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:SHOWN_PAGES])) + (" and others" if len(numbers) > SHOWN_PAGES else "")
