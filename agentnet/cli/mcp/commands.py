"""`agentnet mcp`: the bridge for hosts that only run commands, and the network's upstream servers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from agentnet.cli.command.options import AsJson, Url
from agentnet.errors import InvalidInputError

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
servers = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Upstream MCP servers of your tenant.")
profiles = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Profiles: who sees what at /mcp/NAME.")
app.add_typer(servers, name="servers")
app.add_typer(profiles, name="profiles")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `agentnet mcp servers list` shows it.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Its URL, streamable HTTP.")]
Header = Annotated[str, typer.Option("--header", help="With --auth header: the header's name.")]
TokenUrl = Annotated[str | None, typer.Option("--token-url", help="With --auth oauth.")]
ClientId = Annotated[str | None, typer.Option("--client-id", help="With --auth oauth.")]
Scope = Annotated[str | None, typer.Option("--scope", help="With --auth oauth.")]
SecretFile = Annotated[
    Path | None, typer.Option("--secret-file", metavar="PATH", help="File with the secret; unset: asked for.")
]
Description = Annotated[str, typer.Option("--description", help="What it is for.")]
Profile = Annotated[str, typer.Argument(metavar="NAME", help="The profile, as in /mcp/NAME.")]
Some = list[str] | None
CallSeconds = Annotated[
    float | None, typer.Option("--call-seconds", help="Longest time of a call; unset: the operator's.")
]
Timeouts = Annotated[
    Some, typer.Option("--timeout", metavar="TOOL=SECONDS", help="Longest time of tools like this; repeatable.")
]


@app.callback()
def bridge(context: typer.Context, url: Url = None) -> None:
    """Bridge a host that only runs commands (Claude Desktop) to the gateway's MCP address, over stdio."""
    # `agentnet mcp` alone is what hosts run; the commands below it are for people.
    if context.invoked_subcommand is None:
        from agentnet.cli.mcp import bridge

        bridge.run_bridge(url)


@servers.command("list")
def list_servers(url: Url = None, json: AsJson = False) -> None:
    """List the upstream servers that your tenant sees."""
    from agentnet.cli.mcp import servers

    servers.show_servers(url, json)


@servers.command("add")
def add_server(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: lower case letters, digits and dashes.")],
    address: Address,
    auth: Annotated[str, typer.Option("--auth", help="none, bearer, header or oauth (client credentials).")] = "none",
    header: Header = "X-API-Key",
    token_url: TokenUrl = None,
    client_id: ClientId = None,
    scope: Scope = None,
    secret_file: SecretFile = None,
    description: Description = "",
    call_seconds: CallSeconds = None,
    timeout: Timeouts = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Add an upstream server. Its secret is asked for, or read from a file; it is stored sealed."""
    from agentnet.cli.mcp import servers

    given: dict[str, Any] = {"header": header, "token_url": token_url, "client_id": client_id, "scope": scope}
    credential = servers.credential_of(auth, given, secret_file)
    new: dict[str, Any] = {"name": name, "url": address, "description": description, "credential": credential}
    new |= {"call_seconds": call_seconds, "timeouts": seconds_by_tool(timeout)}
    servers.add_server(url, new, json)


@servers.command("replace")
def replace_server(
    name: Name,
    address: Address,
    auth: Annotated[
        str | None, typer.Option("--auth", help="none, bearer, header or oauth; unset: the stored secret stays.")
    ] = None,
    header: Header = "X-API-Key",
    token_url: TokenUrl = None,
    client_id: ClientId = None,
    scope: Scope = None,
    secret_file: SecretFile = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for; unset: as it was.")] = None,
    call_seconds: CallSeconds = None,
    timeout: Timeouts = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Put another definition in the place of an upstream server's; what is not named stays, but for the address."""
    from agentnet.cli.mcp import servers

    given: dict[str, Any] = {"header": header, "token_url": token_url, "client_id": client_id, "scope": scope}
    # What is left out stays as it is stored; null would take it away.
    definition: dict[str, Any] = {"url": address} | ({} if description is None else {"description": description})
    if call_seconds is not None:
        definition["call_seconds"] = call_seconds
    if timeout:
        definition["timeouts"] = seconds_by_tool(timeout)
    if auth is not None:
        definition["credential"] = servers.credential_of(auth, given, secret_file)
    servers.replace_server(url, name, definition, json)


@servers.command("enable")
def enable_server(name: Name, url: Url = None, json: AsJson = False) -> None:
    """Switch an upstream server on."""
    from agentnet.cli.mcp import servers

    servers.switch_server(url, name, "enable", json)


@servers.command("disable")
def disable_server(name: Name, url: Url = None, json: AsJson = False) -> None:
    """Switch an upstream server off. It stays stored, with its secret."""
    from agentnet.cli.mcp import servers

    servers.switch_server(url, name, "disable", json)


@servers.command("remove")
def remove_server(name: Name, url: Url = None) -> None:
    """Forget an upstream server and its secret."""
    from agentnet.cli.mcp import servers

    servers.remove_server(url, name)


@servers.command("test")
def test_server(name: Name, url: Url = None, json: AsJson = False) -> None:
    """Connect to an upstream server as the gateway does, and list its tools."""
    from agentnet.cli.mcp import servers

    servers.test_server(url, name, json)


@profiles.command("list")
def list_profiles(url: Url = None, json: AsJson = False) -> None:
    """List the profiles of your tenant."""
    from agentnet.cli.mcp import profiles

    profiles.show_profiles(url, json)


@profiles.command("set")
def set_profile(
    name: Profile,
    server: Annotated[Some, typer.Option("--server", help="Only this MCP server; repeatable.")] = None,
    tool: Annotated[Some, typer.Option("--tool", help="Only tools like this pattern; repeatable.")] = None,
    agent: Annotated[Some, typer.Option("--agent", help="Only this agent; repeatable.")] = None,
    no_servers: Annotated[bool, typer.Option("--no-servers", help="No MCP server.")] = False,
    no_agents: Annotated[bool, typer.Option("--no-agents", help="No agent.")] = False,
    mode: Annotated[str, typer.Option("--mode", help="auto, list or find.")] = "auto",
    key: Annotated[Some, typer.Option("--key", metavar="ID", help="Bind this key to it; repeatable.")] = None,
    timeout: Timeouts = None,
    url: Url = None,
) -> None:
    """Store a profile, in place of the one of that name. Of what is not named it shows all."""
    from agentnet.cli.mcp import profiles

    definition: dict[str, Any] = {
        "servers": [] if no_servers else server,
        "tools": tool,
        "agents": [] if no_agents else agent,
        "mode": mode,
        "keys": key or [],
        "timeouts": seconds_by_tool(timeout),
    }
    profiles.set_profile(url, name, definition)


@profiles.command("remove")
def remove_profile(name: Profile, url: Url = None) -> None:
    """Delete a profile."""
    from agentnet.cli.mcp import profiles

    profiles.remove_profile(url, name)


def seconds_by_tool(given: list[str] | None) -> dict[str, float]:
    """Seconds by tool or pattern from `--timeout TOOL=SECONDS`. Raises `InvalidInputError` for another form."""
    return dict(_pair(text) for text in given or [])


def _pair(text: str) -> tuple[str, float]:
    # From the right: a pattern of tools may hold a = of its own.
    tool, _, seconds = text.rpartition("=")
    try:
        return tool, float(seconds)
    except ValueError:
        raise InvalidInputError(f"--timeout {text} is not TOOL=SECONDS.", hint="Such as 'report*=120'.") from None
