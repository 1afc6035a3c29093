"""`agentnet mcp`: the bridge for hosts that only run commands, and the network's upstream servers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from agentnet.cli.commands import AsJson, Url

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
servers = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Upstream MCP servers of your tenant.")
app.add_typer(servers, name="servers")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `agentnet mcp servers list` shows it.")]


@app.callback()
def bridge(context: typer.Context, url: Url = None) -> None:
    """Bridge a host that only runs commands (Claude Desktop) to the gateway's MCP address, over stdio."""
    if context.invoked_subcommand is None:
        from agentnet.cli import bridge

        bridge.run_bridge(url)


@servers.command("list")
def list_servers(url: Url = None, json: AsJson = False) -> None:
    """List the upstream servers that your tenant sees."""
    from agentnet.cli import servers

    servers.show_servers(url, json)


@servers.command("add")
def add_server(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: lower case letters, digits and dashes.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Its URL, streamable HTTP.")],
    auth: Annotated[str, typer.Option("--auth", help="none, bearer, header or oauth (client credentials).")] = "none",
    header: Annotated[str, typer.Option("--header", help="With --auth header: the header's name.")] = "X-API-Key",
    token_url: Annotated[str | None, typer.Option("--token-url", help="With --auth oauth.")] = None,
    client_id: Annotated[str | None, typer.Option("--client-id", help="With --auth oauth.")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="With --auth oauth.")] = None,
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", metavar="PATH", help="File with the secret; unset: asked for.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Add an upstream server. Its secret is asked for, or read from a file; it is stored sealed."""
    from agentnet.cli import servers

    given: dict[str, Any] = {"header": header, "token_url": token_url, "client_id": client_id, "scope": scope}
    credential = servers.credential_of(auth, given, secret_file)
    new = {"name": name, "url": address, "description": description, "credential": credential}
    servers.add_server(url, new, json)


@servers.command("remove")
def remove_server(name: Name, url: Url = None) -> None:
    """Forget an upstream server and its secret."""
    from agentnet.cli import servers

    servers.remove_server(url, name)


@servers.command("test")
def test_server(name: Name, url: Url = None, json: AsJson = False) -> None:
    """Connect to an upstream server as the gateway does, and list its tools."""
    from agentnet.cli import servers

    servers.test_server(url, name, json)
