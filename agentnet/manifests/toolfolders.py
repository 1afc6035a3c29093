"""A user's own MCP servers: folders with a `server.py`, in the directories of `AGENTNET_MCP_DIRS`."""

import re
from collections.abc import Iterable
from pathlib import Path

from agentnet.errors import ConfigurationError
from agentnet.manifests.manifest import NAME_PATTERN, RESERVED_NAMES

SERVER_FILE = "server.py"


def find_tool_folders(directories: Iterable[Path]) -> dict[str, Path]:
    """Name to folder of every server in `directories`, each a server's folder or a folder of such, by name.

    Raises `ConfigurationError` for a directory without any, for a name that stands twice, and for a wrong name.
    """
    found: dict[str, Path] = {}
    for directory in directories:
        for folder in _folders(directory):
            name = folder.resolve().name  # "." has none
            if not re.fullmatch(NAME_PATTERN, name):
                raise ConfigurationError(
                    f"{folder}: {name!r} is not a name for an MCP server.",
                    hint="The folder's name is the server's: lower case letters, digits and dashes; a letter first.",
                )
            if name in RESERVED_NAMES:
                raise ConfigurationError(
                    f"{folder}: {name!r} is a name of the network's own.", hint="Give the folder another name."
                )
            if name in found:
                raise ConfigurationError(f"Two MCP servers are named {name!r}: {found[name]} and {folder}.")
            found[name] = folder
    return dict(sorted(found.items()))


def _folders(directory: Path) -> list[Path]:
    if (directory / SERVER_FILE).is_file():
        return [directory]
    folders = sorted(path.parent for path in directory.glob(f"*/{SERVER_FILE}"))
    if not folders:
        raise ConfigurationError(
            f"{directory} holds no MCP server.",
            hint=f"A server is a folder with {SERVER_FILE}; `agentnet new mcp` makes one.",
        )
    return folders
