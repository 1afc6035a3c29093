"""`agentnet agents check`: what a start would say of folders, said without one."""

from collections.abc import Sequence
from pathlib import Path

import typer

from agentnet.cli.command import exits
from agentnet.cli.network.up import configured
from agentnet.errors import AgentNetError
from agentnet.manifests.manifest import Specialist, load_specialists
from agentnet.manifests.references import wrong_references
from agentnet.process.launch import mcp_servers, specialist_directories
from agentnet.upstreams.declarations import load_declarations


def check_folders(directory: Path, servers: Sequence[Path]) -> None:
    """Print a line for each specialist and for each thing that is wrong; leave with 2 if anything is.

    Servers that admins added are in a database, which is not asked: names of such are said to be known at a start only.
    """
    settings = configured(servers=servers)
    there = [*mcp_servers(settings), *(each.name for each in load_declarations(settings.mcp_servers_file).remote)]
    mine = load_specialists([directory])
    names = {specialist.name for specialist in mine}
    others = [each for each in load_specialists(specialist_directories(settings)) if each.name not in names]
    wrong = 0
    for specialist in mine:
        problems = [*wrong_references([specialist], there, [*mine, *others]), *_code(specialist)]
        wrong += len(problems)
        for problem in problems:
            typer.echo(f"{specialist.name}: {problem}")
        if not problems:
            typer.echo(f"{specialist.name}: well")
    if wrong:
        raise typer.Exit(exits.ERROR)


def _code(specialist: Specialist) -> list[AgentNetError]:
    """What is wrong with `tools.py` and `executor.py`, found by importing them."""
    from agentnet.runs.definition import load_tools  # takes a second to import
    from agentnet.runs.folder_code import load_executor

    try:
        if load_executor(specialist) is None:
            load_tools(specialist)
    except AgentNetError as error:
        return [error]
    return []
