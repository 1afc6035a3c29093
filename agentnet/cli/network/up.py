"""`agentnet up` and `agentnet serve`: start, say where everything is, run until told to stop."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentnet.cli.command import exits
from agentnet.cli.command.loop import run
from agentnet.cli.network.hosts import SHOW_KEY_COMMAND, host_settings
from agentnet.cli.show import screen
from agentnet.database.address import safe_url
from agentnet.errors import AgentNetError, ConfigurationError, NotFoundError
from agentnet.identity.secret import admin_key_path, key_place
from agentnet.manifests.manifest import load_specialists, nearest
from agentnet.process.launch import (
    RunningNetwork,
    mcp_servers,
    network,
    single,
    specialist_directories,
    with_project_docs,
)
from agentnet.process.service import Service
from agentnet.settings import Settings, load_settings, missing_paths
from agentnet.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from rich.console import Console

logger = logging.getLogger(__name__)

PROJECT_DOCS = "Its documents are this project's docs; --knowledge DIR or AGENTNET_KNOWLEDGE_DIRS names your own."


def run_network(
    *,
    port: int | None,
    agents: Sequence[Path],
    servers: Sequence[Path],
    knowledge: Sequence[Path],
    only: Sequence[str],
    as_json: bool,
) -> None:
    """Run the network until a signal; return when everything has stopped."""
    settings = configured(agents=agents, servers=servers, knowledge=knowledge, port=port)
    for variable, path in missing_paths(settings):
        raise ConfigurationError(f"{variable} names {path}, which is not there.", hint="Make it, or name another.")
    configure_logging(settings)
    console = screen.progress()
    informed = with_project_docs(settings)
    if informed is not settings and (not only or "knowledge" in only):
        screen.say_on(console, PROJECT_DOCS)
    try:
        run(_serve_network(informed, only, as_json, console))
    except exits.Interrupted:
        console.print("Stopped.")


def run_service(
    kind: str,
    name: str,
    port: int | None,
    *,
    agents: Sequence[Path] = (),
    servers: Sequence[Path] = (),
    knowledge: Sequence[Path] = (),
) -> None:
    """Run one service until a signal."""
    ports: dict[str, Any] = {"port": port} if kind == "gateway" else {}
    settings = configured(agents=agents, servers=servers, knowledge=knowledge, **ports)
    configure_logging(settings)
    logger.info("%s:%s starts", kind, name)
    # No refusal: containers share their variables, and a volume is mounted where it is needed.
    for variable, path in missing_paths(settings):
        logger.warning("%s names %s, which is not there", variable, path)
    check_name(kind, name, settings)
    if port is None:
        port = settings.port if kind == "gateway" else settings.registry_port
    try:
        run(_serve_one(settings, Service(kind, name, port)))
    except exits.Interrupted:
        logger.info("stopped")


def check_name(kind: str, name: str, settings: Settings) -> None:
    """Raises `NotFoundError` for an agent or MCP server that no folder has: where one's own lie must be said."""
    option = {"agent": "--agents DIR or AGENTNET_AGENTS_DIRS", "mcp": "--servers DIR or AGENTNET_MCP_DIRS"}.get(kind)
    if option is None:
        return
    found = load_specialists(specialist_directories(settings)) if kind == "agent" else []
    names = [specialist.name for specialist in found] if kind == "agent" else mcp_servers(settings)
    if name not in names:
        what = "specialist" if kind == "agent" else "MCP server"
        hint = f"{nearest(name, names)} {option} names the folder of your own."
        raise NotFoundError(f"There is no {what} {name!r}.", hint=hint)


def configured(
    *,
    agents: Sequence[Path] = (),
    servers: Sequence[Path] = (),
    knowledge: Sequence[Path] = (),
    port: int | None = None,
) -> Settings:
    """The settings of the environment with the command's options over them. Raises `ConfigurationError`."""
    settings = load_settings()
    for folder in (*agents, *servers, *knowledge):
        # Said now: a folder that is not there would be an empty one to whoever looks into it.
        if not folder.is_dir():
            raise ConfigurationError(f"{folder} is not a folder.")
    update: dict[str, Any] = {
        "agents_dirs": [*settings.agents_dirs, *(folder.resolve() for folder in agents)],
        "mcp_dirs": [*settings.mcp_dirs, *(folder.resolve() for folder in servers)],
        "knowledge_dirs": [*settings.knowledge_dirs, *(folder.resolve() for folder in knowledge)],
    }
    if port is not None:
        update["port"] = port
    return settings.model_copy(update=update)


class Progress:
    """Says what a starting network does: one line for each part that answers."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    def __call__(self, part: str, seconds: float) -> None:
        self._console.print(f"  {part:<20} {screen.duration(seconds * 1000):>8}")


async def _serve_network(settings: Settings, only: Sequence[str], as_json: bool, console: "Console") -> None:
    began = time.monotonic()
    screen.say_on(console, f"Starting the network; data lies in {settings.home}")
    screen.say_on(console, f"  {_database_line(settings)}")
    if line := _model_line(settings):
        screen.say_on(console, f"  {line}", "yellow")
    # Beside the start, and not in its loop, which imports hold up for longer than the look may take.
    looking = asyncio.create_task(asyncio.to_thread(_model_lines, settings), name="look at the model")
    async with network(settings, only=only, report=Progress(console)) as running:
        for line in await looking:
            screen.say_on(console, line)
        console.print(f"Ready after {screen.duration((time.monotonic() - began) * 1000)}.")
        if as_json:
            screen.print_json(described(running))
        else:
            _print_addresses(running, screen.output())
        await _until_cancelled(console)


async def _serve_one(settings: Settings, service: Service) -> None:
    if service.kind == "agent" and (line := _model_line(settings)):
        logger.warning(line)
    async with single(settings, service) as served:
        logger.info("%s answers at %s", service.label, served.url)
        # Until the first signal cancels it.
        await asyncio.Event().wait()


async def _until_cancelled(console: "Console") -> None:
    try:
        await asyncio.Event().wait()
    finally:
        console.print("Stopping; once more Ctrl-C ends at once.")


def described(running: RunningNetwork) -> dict[str, Any]:
    """All addresses and the hosts' settings, for machines."""
    return {
        "gateway": running.gateway_url,
        "mcp": f"{running.gateway_url}/mcp",
        "admin_key_file": str(admin_key_path(running.settings)),
        "services": [
            {"kind": served.service.kind, "name": served.service.name, "url": served.url} for served in running.services
        ],
        "hosts": {
            entry.host: {"file": entry.file, "settings": entry.settings} for entry in host_settings(running.settings)
        },
    }


def _print_addresses(running: RunningNetwork, console: "Console") -> None:
    table = screen.table("Service", "Address")
    for served in running.services:
        table.add_row(served.service.label, served.url)
    table.add_row("agents (A2A)", f"{running.gateway_url}/agents")
    table.add_row("tools (MCP)", f"{running.gateway_url}/mcp")
    console.print()
    console.print(table)
    screen.say_on(console, f"\nThe key: {SHOW_KEY_COMMAND}   (it is {key_place(running.settings)})")
    for entry in host_settings(running.settings):
        screen.say_on(console, f"\n{entry.host}, {entry.file} - {entry.note}", "bold")
        # Whole lines, or what is pasted has line breaks in it.
        console.print(json.dumps(entry.settings, indent=2), soft_wrap=True)
    console.print('\nAsk it: agentnet ask "What can you do?"      Stop it: Ctrl-C\n')


def _database_line(settings: Settings) -> str:
    if settings.database_url:
        return f"PostgreSQL at {safe_url(settings.database_url)}"
    first = "" if (settings.home / "postgres").exists() else ", made now: the first start takes longer"
    return f"the embedded PostgreSQL{first}"


def _model_lines(settings: Settings) -> list[str]:
    from agentnet.cli.network.up_model import model_lines

    try:
        return asyncio.run(model_lines(settings))
    except AgentNetError as error:  # said where it is used: the network serves all the same
        return [f"The model: {error}"]


def _model_line(settings: Settings) -> str:
    """What to do where there is no model: tools are served all the same, and agents that need none. Else empty."""
    from agentnet.models import no_model

    return str(no_model(settings) or "")
