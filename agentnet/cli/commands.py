"""The commands' names, options and help. Each imports what it does when it runs, which keeps `--help` quick."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from agentnet.cli.command.options import Agents, AsJson, Knowledge, Port, Servers, Url
from agentnet.errors import InvalidInputError


def up(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the gateway.")] = None,
    agents: Agents = None,
    servers: Servers = None,
    knowledge: Knowledge = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Only this agent or MCP server; repeatable.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Start the whole network in this process and serve until Ctrl-C."""
    from agentnet.cli.network import up

    folders = {"agents": agents or [], "servers": servers or [], "knowledge": knowledge or []}
    up.run_network(port=port, only=only or [], as_json=json, **folders)


def ask(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you want, in plain words.")],
    file: Annotated[
        list[Path] | None, typer.Option("--file", "-f", metavar="PATH", help="File to send along; repeatable.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", help="Ask this agent; unset asks the network's concierge.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="ID", help="Answer the question of this task.")] = None,
    context: Annotated[
        str | None, typer.Option("--context", metavar="ID", help="Go on with this conversation, as --json names it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where files go; unset: ./agentnet-output/<task>.")
    ] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", min=0.1, help="Give up after so many seconds.")] = None,
    url: Url = None,
    start: Annotated[bool, typer.Option(help="Start a network for this call if none answers.")] = True,
    json: AsJson = False,
) -> None:
    """Give the network a task, watch who does what, and get the result.

    Exit codes: 0 completed, 1 failed or canceled, 2 could not be asked, 3 waits for an answer, 4 refused.
    """
    from agentnet.cli.tasks import ask
    from agentnet.cli.tasks.job import Job

    wanted = Job(text=text, files=tuple(file or ()), agent=agent, task_id=task, out=out, timeout=timeout)
    job = replace(wanted, context_id=context)
    ask.run_job(job, url=url, start=start, as_json=json)


def tasks(
    agent: Annotated[str | None, typer.Option("--agent", help="Only this agent's.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only these: `working`, `input-required`, ...")] = None,
    context: Annotated[str | None, typer.Option("--context", help="Only this context's.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, newest first.")] = 20,
    page: Annotated[str | None, typer.Option("--page", help="Those behind, as the page before names it.")] = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """List tasks, newest first."""
    from agentnet.cli.gateway import listings

    listings.show_tasks(url, limit, json, agent=agent, state=state, context=context, page=page)


def watch(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where its files go.")] = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Follow a running task, or show the tree of one that has ended."""
    from agentnet.cli.tasks import ask

    ask.watch_task(task, url=url, out=out, as_json=json)


def chat(
    agent: Annotated[
        str | None, typer.Option("--agent", help="Talk with this agent; unset: the network's concierge.")
    ] = None,
    context: Annotated[
        str | None, typer.Option("--context", metavar="ID", help="Go on with this conversation.")
    ] = None,
    url: Url = None,
) -> None:
    """Talk with the network, line by line, in one conversation; an empty line or Ctrl-D ends it."""
    from agentnet.cli.tasks import chat

    chat.run_chat(agent, context, url)


def cancel(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.")],
    url: Url = None,
) -> None:
    """Cancel a task and all that it delegated."""
    from agentnet.cli.tasks import ask

    ask.cancel_task(task, url=url)


def card(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The agent; unset: the network's own.")] = None,
    url: Url = None,
) -> None:
    """Print an agent's card as JSON."""
    from agentnet.cli.gateway import listings

    listings.show_card(url, name)


def doctor(json: AsJson = False) -> None:
    """Check this machine and its settings, and say what to do."""
    from agentnet.cli.network import doctor

    doctor.run_checks(json)


def schema(
    of: Annotated[str, typer.Argument(metavar="[agent|models]", help="Of agent.yaml or of models.yaml.")] = "agent",
) -> None:
    """Print the JSON Schema of agent.yaml, or of models.yaml."""
    import json

    # Imported by the command that needs it, as everywhere here: `--help` has to answer in 0.4 s.
    from agentnet.manifests.manifest import manifest_schema
    from agentnet.models.endpoints.declared import models_schema

    schemas = {"agent": manifest_schema, "models": models_schema}
    if of not in schemas:
        raise InvalidInputError(f"There is no schema of {of!r}.", hint="There are: agent, models.")
    typer.echo(json.dumps(schemas[of](), indent=2))


def demo(
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="Data directory; unset: a temporary one.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where its files go.")] = None,
) -> None:
    """Start a network, give it one real job, show who does what, and stop it."""
    from agentnet.cli.network import demo

    demo.run_demo(home, out)


# In this order in the help: the everyday ones first.
ALL = (up, ask, chat, tasks, watch, cancel, card, demo, doctor, schema)

serve = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run one service: what a container does.")
agents = typer.Typer(rich_markup_mode=None, help="List the agents that can be asked, or check folders of your own.")
new = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make something new from a template.")


@agents.callback(invoke_without_command=True)
def list_agents(context: typer.Context, url: Url = None, json: AsJson = False) -> None:
    """List the agents that can be asked, or check folders of your own."""
    if context.invoked_subcommand is None:
        from agentnet.cli.gateway import listings

        listings.show_agents(url, json)


@agents.command("check")
def check_agents(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A specialist's folder, or a folder of such.")],
    servers: Servers = None,
) -> None:
    """Check specialists without starting anything: manifest, files, and every name in them."""
    from agentnet.cli.network import check

    check.check_folders(directory, servers or [])


@serve.command("agent")
def serve_agent(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The specialist.")],
    agents: Agents = None,
    port: Port = 0,
) -> None:
    """Run one specialist."""
    from agentnet.cli.network import up

    up.run_service("agent", name, port, agents=agents or [])


@serve.command("mcp")
def serve_mcp(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The MCP server.")],
    servers: Servers = None,
    knowledge: Knowledge = None,
    port: Port = 0,
) -> None:
    """Run one MCP server."""
    from agentnet.cli.network import up

    up.run_service("mcp", name, port, servers=servers or [], knowledge=knowledge or [])


@serve.command("registry")
def serve_registry(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port.")] = None,
) -> None:
    """Run the registry."""
    from agentnet.cli.network import up

    up.run_service("registry", "registry", port)


@serve.command("gateway")
def serve_gateway(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port.")] = None,
) -> None:
    """Run the gateway."""
    from agentnet.cli.network import up

    up.run_service("gateway", "gateway", port)


@new.command("agent")
def new_agent(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: lower case letters, digits and dashes.")],
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Folder of your specialists; made if it is not there.")
    ] = Path("my-agents"),
) -> None:
    """Make a specialist's folder that runs at once."""
    from agentnet.cli.network import scaffold

    scaffold.make_agent(name, directory)


@new.command("mcp")
def new_mcp(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: lower case letters, digits and dashes.")],
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Folder of your MCP servers; made if it is not there.")
    ] = Path("my-servers"),
) -> None:
    """Make an MCP server's folder that runs at once."""
    from agentnet.cli.network import scaffold

    scaffold.make_mcp(name, directory)
