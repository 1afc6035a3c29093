"""Names of files that others gave, made safe. Apart from `agentnet.files.store`, which needs the database."""

import mimetypes
import re
from pathlib import PurePath

NAME_CHARACTERS = 120
# Not left to `mimetypes`: it reads the machine's tables, where Windows with Excel has .csv as application/vnd.ms-excel.
_KNOWN_TYPES = {".md": "text/markdown", ".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"}
JOINERS = "\u200c\u200d"
"""Cannot be seen, but words of several languages and many emoji are written with them."""


def plain_name(name: str) -> str:
    """`name` as it is shown and saved: no folders, nothing that cannot be seen or turns the direction of writing."""
    base = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(character for character in base if character.isprintable() or character in JOINERS)
    return shown.strip().strip(".")[-NAME_CHARACTERS:] or "file"


def clean_name(name: str) -> str:
    """`name` without folders, white space and surprises; never empty."""
    base = re.sub(r"[^\w.\-]+", "-", PurePath(name.replace("\\", "/")).name).strip("-.")
    return base[-NAME_CHARACTERS:] or "file"


def media_type_of(name: str) -> str | None:
    """The media type that files of this name have; None where nothing is known of it."""
    return _KNOWN_TYPES.get(PurePath(name).suffix.lower()) or mimetypes.guess_type(name)[0]
