"""What `agentnet mcp profiles` does, through the gateway."""

from typing import Any

import typer

from agentnet.cli.gateway.client import segment
from agentnet.cli.gateway.listings import NOTHING, show, through_gateway

PATH = "/v1/mcp/profiles"
ALL = "all"


def show_profiles(url: str | None, as_json: bool) -> None:
    """`agentnet mcp profiles list`."""
    found = list(through_gateway(url, lambda gateway: gateway.call("GET", PATH))["profiles"])
    rows = (
        (
            each["name"],
            _names(each["servers"]),
            _names(each["tools"]),
            _names(each["agents"]),
            each["mode"],
            _keys(each),
        )
        for each in found
    )
    columns = ("Profile", "Servers", "Tools", "Agents", "Mode", "Keys")
    show(found, columns, rows, as_json, "profiles", "There are no profiles: /mcp shows everything.")


def set_profile(url: str | None, name: str, definition: dict[str, Any]) -> None:
    """`agentnet mcp profiles set`."""
    path = f"{PATH}/{segment(name)}"
    through_gateway(url, lambda gateway: gateway.call("PUT", path, json=definition))
    typer.echo(f"Stored {name}: hosts attach to it at /mcp/{name}.")


def remove_profile(url: str | None, name: str) -> None:
    """`agentnet mcp profiles remove`."""
    through_gateway(url, lambda gateway: gateway.call("DELETE", f"{PATH}/{segment(name)}"))
    typer.echo(f"Removed {name}.")


def _names(names: list[str] | None) -> str:
    # None is all, an empty list is none.
    return ALL if names is None else ", ".join(names) or NOTHING


def _keys(profile: dict[str, Any]) -> str:
    return ", ".join(profile["keys"]) or NOTHING
