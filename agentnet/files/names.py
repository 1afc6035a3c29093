"""Names of files that others gave, made safe. Apart from `agentnet.files.store`, which needs the database."""

import re
from pathlib import PurePath

NAME_CHARACTERS = 120


def clean_name(name: str) -> str:
    """`name` without folders, white space and surprises; never empty."""
    base = re.sub(r"[^\w.\-]+", "-", PurePath(name.replace("\\", "/")).name).strip("-.")
    return base[-NAME_CHARACTERS:] or "file"
