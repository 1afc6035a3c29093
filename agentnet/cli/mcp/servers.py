"""What `agentnet mcp servers` does, through the gateway."""

from pathlib import Path
from typing import Any

import typer

from agentnet.cli.gateway.client import segment
from agentnet.cli.gateway.listings import NOTHING, show, through_gateway
from agentnet.cli.show import screen
from agentnet.errors import ConfigurationError, InvalidInputError

PATH = "/v1/mcp/servers"


def show_servers(url: str | None, as_json: bool) -> None:
    """`agentnet mcp servers list`."""
    found = list(through_gateway(url, lambda gateway: gateway.call("GET", PATH))["servers"])
    rows = (
        (
            each["name"],
            each["url"],
            each["credential"] or NOTHING,
            "on" if each["enabled"] else "off",
            _origin(each),
            each["description"],
        )
        for each in found
    )
    columns = ("Server", "Address", "Credential", "State", "From", "What it is for")
    show(found, columns, rows, as_json, "servers", "There are no upstream servers.")


def add_server(url: str | None, new: dict[str, Any], as_json: bool) -> None:
    """`agentnet mcp servers add`."""
    added = through_gateway(url, lambda gateway: gateway.call("POST", PATH, json=new))
    _changed(added, f"Added {added['name']}. Try it: agentnet mcp servers test {added['name']}", as_json)


def replace_server(url: str | None, name: str, definition: dict[str, Any], as_json: bool) -> None:
    """`agentnet mcp servers replace`."""
    path = f"{PATH}/{segment(name)}"
    replaced = through_gateway(url, lambda gateway: gateway.call("PUT", path, json=definition))
    _changed(replaced, f"Replaced {name}. Try it: agentnet mcp servers test {name}", as_json)


def switch_server(url: str | None, name: str, verb: str, as_json: bool) -> None:
    """`agentnet mcp servers enable` and `disable`."""
    switched = through_gateway(url, lambda gateway: gateway.call("POST", f"{PATH}/{segment(name)}/{verb}"))
    _changed(switched, f"{name} is {'on' if switched['enabled'] else 'off'}.", as_json)


def remove_server(url: str | None, name: str) -> None:
    """`agentnet mcp servers remove`."""
    through_gateway(url, lambda gateway: gateway.call("DELETE", f"{PATH}/{segment(name)}"))
    typer.echo(f"Removed {name}.")


def test_server(url: str | None, name: str, as_json: bool) -> None:
    """`agentnet mcp servers test`."""
    found = through_gateway(url, lambda gateway: gateway.call("POST", f"{PATH}/{segment(name)}/test"))
    if as_json:
        screen.print_json(found)
        return
    # Names of tools are another's text: they must not drive the terminal.
    tools = ", ".join(screen.clean(tool) for tool in found["tools"]) or "no tools"
    screen.say(f"{name} answers in {screen.duration(found['ms'])} (protocol {found['protocol']}): {tools}")


def credential_of(auth: str, given: dict[str, Any], secret_file: Path | None) -> dict[str, Any] | None:
    """The credential as the gateway takes it; its secret from the file or the terminal. Raises `InvalidInputError`."""
    if auth == "none":
        return None
    if auth == "bearer":
        return {"type": "bearer", "token": _secret(secret_file)}
    if auth == "header":
        return {"type": "header", "name": given["header"], "value": _secret(secret_file)}
    if auth != "oauth":
        raise InvalidInputError(f"There is no --auth {auth}.", hint="It is none, bearer, header or oauth.")
    if not given["token_url"] or not given["client_id"]:
        raise InvalidInputError("--auth oauth needs --token-url and --client-id.")
    taken = {key: given[key] for key in ("token_url", "client_id", "scope") if given[key]}
    return {"type": "oauth", "client_secret": _secret(secret_file), **taken}


def _changed(server: dict[str, Any], said: str, as_json: bool) -> None:
    if as_json:
        screen.print_json(server)
    else:
        screen.say(said)


def _secret(path: Path | None) -> str:
    if path is None:
        # Never an option: the process list and the history of the shell would have it.
        return str(typer.prompt("Secret", hide_input=True))
    try:
        # Editors end a file with a line break, which is no part of a secret.
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _origin(server: dict[str, Any]) -> str:
    return "the operator's file" if server["declared"] else "this tenant"
