"""Documents on disk: which there are below the knowledge folders, and their text."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from mcp_servers.knowledge.passages import PAGE_BREAK, Passage, split, title_of

ENDINGS = (".md", ".markdown", ".txt", ".text", ".rst", ".pdf")
MARKDOWN = (".md", ".markdown")
MAX_DOCUMENTS = 2000
MAX_BYTES = 5 * 1024 * 1024
MAX_PAGES = 500
MAX_PASSAGES = 10_000
SPLIT_VERSION = b"1"
"""Part of every hash: a new way to split makes all documents new."""

logging.getLogger("pypdf").setLevel(logging.ERROR)


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
            if path.suffix.lower() in ENDINGS and not hidden:
                real = path.resolve()
                # A link must not lead out of what the operator opened.
                if real.is_file() and real.is_relative_to(self.root):
                    yield Located(f"{self.prefix}{path.relative_to(self.path).as_posix()}", real)


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


def read(located: Located) -> Document:
    """Read and split a document. Blocks. Raises `InvalidInputError`, `TooLargeError`."""
    if located.path.stat().st_size > MAX_BYTES:
        raise TooLargeError(f"{located.source} is over the limit of {MAX_BYTES >> 20} MiB.")
    body = located.path.read_bytes()
    ending = located.path.suffix.lower()
    text = _pdf_text(located) if ending == ".pdf" else _plain_text(located, body)
    passages = split(text, markdown=ending in MARKDOWN)
    if len(passages) > MAX_PASSAGES:
        raise TooLargeError(f"{located.source} has {len(passages)} passages; the limit is {MAX_PASSAGES}.")
    title = title_of(text, located.path.name) if ending in MARKDOWN else located.path.name
    return Document(located.source, title, hashlib.sha256(SPLIT_VERSION + body).hexdigest(), text, passages)


def _plain_text(located: Located, body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError(f"{located.source} is not UTF-8 text.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").replace(PAGE_BREAK, "\n")


def _pdf_text(located: Located) -> str:
    try:
        pages = PdfReader(located.path).pages
        if len(pages) > MAX_PAGES:
            raise TooLargeError(f"{located.source} has {len(pages)} pages; the limit is {MAX_PAGES}.")
        texts = [page.extract_text().replace("\0", "").replace(PAGE_BREAK, "\n") for page in pages]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"{located.source} is not a readable PDF ({type(error).__name__}).") from None
    text = f"\n{PAGE_BREAK}\n".join(texts)
    # PDF fonts give halves of surrogate pairs, which PostgreSQL refuses.
    return text.encode("utf-8", "replace").decode()
