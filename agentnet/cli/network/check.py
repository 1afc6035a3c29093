"""`agentnet agents check`: what a start would say of folders, said without one."""

from collections.abc import Sequence
from pathlib import Path

import typer

from agentnet.cli.command import exits
from agentnet.cli.gateway.listings import through_gateway
from agentnet.cli.network.up import configured
from agentnet.cli.show import screen
from agentnet.errors import AgentNetError, ManifestError
from agentnet.manifests.manifest import Specialist, folders_in, load_specialist, load_specialists
from agentnet.manifests.references import wrong_references
from agentnet.process.launch import mcp_servers, specialist_directories
from agentnet.process.modelnames import wrong_models
from agentnet.upstreams.declarations import load_declarations

SERVERS = "/v1/mcp/servers"


def check_folders(directory: Path, servers: Sequence[Path]) -> None:
    """Print a line for each specialist and for each thing that is wrong; leave with 2 if anything is.

    Servers that admins added are known to a running network: it is asked where a name is of nothing else.
    """
    settings = configured(servers=servers)
    there = [*mcp_servers(settings), *(each.name for each in load_declarations(settings.mcp_servers_file).remote)]
    mine, unread = _read(directory)
    names = {specialist.name for specialist in mine}
    others = [each for each in load_specialists(specialist_directories(settings)) if each.name not in names]
    wrong, unasked = len(unread), ""
    for folder, error in unread:
        screen.say(f"{folder.name}: {error}")
    if _unknown(mine, there):
        stored, unasked = _stored()
        there += stored
    for specialist in mine:
        problems = [
            *wrong_references([specialist], there, [*mine, *others]),
            *wrong_models(settings, [specialist]),
            *_code(specialist),
        ]
        wrong += len(problems)
        for problem in problems:
            screen.say(f"{specialist.name}: {problem}")
        if not problems:
            typer.echo(f"{specialist.name}: well")
    if unasked and _unknown(mine, there):
        screen.say(f"MCP servers that admins added could not be asked for: {unasked}", error=True)
    if wrong:
        raise typer.Exit(exits.ERROR)


def _read(directory: Path) -> tuple[list[Specialist], list[tuple[Path, ManifestError]]]:
    """The specialists in `directory`, and the folders whose manifests are wrong. Raises `ManifestError`."""
    found: list[Specialist] = []
    wrong: list[tuple[Path, ManifestError]] = []
    for folder in folders_in(directory):
        try:
            found.append(load_specialist(folder))
        except ManifestError as error:
            wrong.append((folder, error))
    if not wrong:
        return load_specialists([directory]), []  # which looks at them together, too
    return found, wrong


def _unknown(specialists: Sequence[Specialist], there: Sequence[str]) -> bool:
    """Whether one of them names a server that is not `there`."""
    return any(name not in there for specialist in specialists for name in specialist.manifest.mcp_servers)


def _stored() -> tuple[list[str], str]:
    """The servers that a running network has besides, and why it could not be asked; empty where it could."""
    try:
        found = through_gateway(None, lambda gateway: gateway.call("GET", SERVERS))
    except AgentNetError as error:
        return [], str(error)
    return [str(each["name"]) for each in found["servers"]], ""


def _code(specialist: Specialist) -> list[AgentNetError]:
    """What is wrong with `tools.py` and `executor.py`, found by importing them."""
    from agentnet.runs.definition import form_of, load_tools  # takes a second to import
    from agentnet.runs.folder_code import load_executor

    try:
        if load_executor(specialist) is not None:
            return []
        unfit = load_tools(specialist).left_out
        form_of(specialist)
    except AgentNetError as error:
        return [error]
    return [
        ManifestError(f"{specialist.tools_file}: the tool {name!r} is left out: {reason}.")
        for name, reason in unfit.items()
    ]
