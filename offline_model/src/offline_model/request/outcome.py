"""Outcomes: what became of a step."""

import re
from dataclasses import dataclass

from offline_model.language.values import file_uris_in
from offline_model.request.plan import Step

FAILURE = "This failed: "
"""How an answer begins that tells of a failed tool."""
_NAME = re.compile(r"[^/]+$")


@dataclass(frozen=True)
class File:
    """A file that a step made."""

    uri: str
    name: str
    media_type: str = ""


@dataclass(frozen=True)
class Outcome:
    """A step that is over."""

    step: Step
    text: str
    ok: bool = True
    refused: bool = False
    """Nothing here can do it."""
    declined: bool = False
    """A peer was asked and answered that it cannot, or found nothing."""
    left_out: bool = False
    """It was never tried, because a step that it builds upon failed."""
    question: str = ""
    """What has to be answered first."""
    files: tuple[File, ...] = ()
    by: str = ""
    """The tool or agent that did it."""

    @property
    def uris(self) -> list[str]:
        """Files that it made or names."""
        return list(dict.fromkeys([*(file.uri for file in self.files), *file_uris_in(self.text)]))


def files_named(text: str) -> tuple[File, ...]:
    """The files of this network that `text` links to."""
    return tuple(File(uri, match[0] if (match := _NAME.search(uri)) else uri) for uri in file_uris_in(text))
