"""`agentnet new agent NAME` and `agentnet new mcp NAME`: folders that run at once."""

import re
from pathlib import Path

from agentnet.cli.show import screen
from agentnet.errors import ConfigurationError, ConflictError, InvalidInputError
from agentnet.manifests.manifest import NAME_PATTERN


def make_agent(name: str, directory: Path) -> None:
    """Write the specialist's folder `directory`/`name`. Raises `ConflictError` when it is there already,
    or the network has one of that name."""
    from agentnet.cli.network.agent_template import agent_files
    from agentnet.manifests.manifest import load_specialists
    from agentnet.process.launch import specialist_directories
    from agentnet.settings import load_settings

    _check_name(name, "an agent")
    if name in {specialist.name for specialist in load_specialists(specialist_directories(load_settings()))}:
        raise ConflictError(f"The network has an agent {name!r}.", hint="Choose another name.")
    folder = _write(directory / name, agent_files(name, directory))
    screen.say(f"Made {folder}. Run it: agentnet up --agents {directory}")


def make_mcp(name: str, directory: Path) -> None:
    """Write the MCP server's folder `directory`/`name`. Raises `ConflictError` when it is there already,
    or the network has one of that name."""
    from agentnet.cli.network.mcp_template import mcp_files
    from agentnet.process.launch import mcp_servers
    from agentnet.settings import load_settings

    _check_name(name, "an MCP server")
    if name in mcp_servers(load_settings()):
        raise ConflictError(f"The network has an MCP server {name!r}.", hint="Choose another name.")
    folder = _write(directory / name, mcp_files(name, directory))
    screen.say(f"Made {folder}. Run it: agentnet up --servers {directory}")


def _check_name(name: str, what: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidInputError(
            f"{name!r} is not a name for {what}.", hint="Lower case letters, digits and dashes; a letter first."
        )


def _write(folder: Path, files: dict[str, str]) -> Path:
    # Before anything is written: half of a folder over another is worse than none.
    if folder.exists():
        raise ConflictError(f"{folder} is already there.", hint="Nothing was written.")
    try:
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Cannot write {folder}: {error.strerror}.") from None
    return folder
