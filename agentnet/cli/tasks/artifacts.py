"""The files of a task on the user's disk."""

import json
import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path

from a2a.types import Artifact, Part

from agentnet.cli.gateway.wire import content_of
from agentnet.cli.show import screen
from agentnet.cli.tasks.outcome import Outcome, source_of
from agentnet.errors import ConfigurationError
from agentnet.files.names import clean_name
from agentnet.tasks.values import value_json

ANSWER_FILE = "answer.md"


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file part, and where it lies now: a path, or the URL that the agent named."""

    name: str
    media_type: str
    place: str
    source: tuple[str, ...]
    """Agents that passed it on; empty for the asked agent's own."""


def check_folder(directory: Path) -> None:
    """Raises `ConfigurationError` where nothing could be written into it: before an agent works for it."""
    there = next(each for each in (directory.absolute(), *directory.absolute().parents) if _is_there(each))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        why = "you may not write there" if there.is_dir() else f"{there} is no folder"
        raise ConfigurationError(f"Cannot write into {directory}: {why}.", hint="Choose a folder with --out.")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that may not be looked into
        return False


def save_files(outcome: Outcome, directory: Path) -> list[SavedFile]:
    """Write every file part below `directory`, which is made if there is one. No name leads out of it."""
    saved: list[SavedFile] = []
    taken: set[str] = set()
    for artifact, part in outcome.files():
        body = _body(part)
        name = _free_name(_name(artifact, part), taken)
        place = part.url if body is None else str(_write(directory, name, body))
        saved.append(SavedFile(name, part.media_type, place, source_of(artifact) or ()))
    return saved


def save_answer(text: str, directory: Path) -> SavedFile:
    """Write the answer beside its files; its links to files of the network lead to these."""
    body = screen.FILE_ADDRESS.sub(r"\1", text)
    return SavedFile(ANSWER_FILE, "text/markdown", str(_write(directory, ANSWER_FILE, body.encode())), ())


def _body(part: Part) -> bytes | None:
    kind = content_of(part)
    if kind == "raw":
        return part.raw
    if kind == "text":
        return part.text.encode()
    if kind == "data":
        return json.dumps(value_json(part.data), indent=2, ensure_ascii=False).encode()
    return None


def _name(artifact: Artifact, part: Part) -> str:
    # Agents of others often name no file: without a suffix no program opens it.
    suffix = mimetypes.guess_extension(part.media_type) or "" if part.media_type else ""
    return clean_name(part.filename or f"{artifact.name or artifact.artifact_id or 'file'}{suffix}")


def _free_name(name: str, taken: set[str]) -> str:
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 1
    # Two agents of one task may both send `chart.png`.
    while name in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    taken.add(name)
    return name


def _write(directory: Path, name: str, body: bytes) -> Path:
    path = directory / name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot write {path}: {error.strerror}.", hint="Choose a folder with --out."
        ) from None
    return path
