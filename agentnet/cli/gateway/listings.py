"""What the gateway knows, as tables: agents, tasks, cards, keys."""

import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import typer

from agentnet.cli.command.loop import run
from agentnet.cli.gateway.client import Gateway, client_settings, segment
from agentnet.cli.show import screen
from agentnet.errors import NotFoundError
from agentnet.telemetry.lines import terminal_columns

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

T = TypeVar("T")

NOTHING = "-"
WIDE = 130
"""Columns from which a task's id fits beside its parent's."""


def show_agents(url: str | None, as_json: bool) -> None:
    """`agentnet agents`."""
    agents = through_gateway(url, Gateway.agents)
    rows = ((_name(agent), agent["description"], _skills(agent), _count(agent.get("instances"))) for agent in agents)
    show(agents, ("Agent", "What it is for", "Skills", "Replicas"), rows, as_json, "agents", "No agent is registered.")


def show_tasks(url: str | None, limit: int, as_json: bool, **filters: str | None) -> None:
    """`agentnet tasks`."""
    listed = through_gateway(url, lambda gateway: gateway.tasks(limit, **filters))
    if as_json:
        screen.print_json(listed)
        return
    tasks = listed["tasks"]
    # Two ids do not fit into a terminal of 80: there the parent is left to --json and to `agentnet watch`.
    wide = not sys.stdout.isatty() or terminal_columns() >= WIDE
    rows = (
        (
            task["id"],
            task["agent"],
            _state(task["state"]) + (f": {words}" if (words := waits_for(task)) else ""),
            _moment(task["created_at"]) if wide else _moment(task["created_at"])[5:16],
            *((task.get("parent_id") or NOTHING,) if wide else ()),
        )
        for task in tasks
    )
    columns = ("Task", "Agent", "State", "Created", "Parent") if wide else ("Task", "Agent", "State", "Created")
    nothing = "There are no such tasks." if any(filters.values()) else "There are no tasks yet."
    show(tasks, columns, rows, False, "tasks", nothing)
    if token := listed.get("next_page"):
        total = f"{'more than ' if listed['more_than_total'] else ''}{listed['total']:,}"
        # The option on a line of its own: it is there to be copied.
        typer.echo(screen.clean(f"{len(tasks)} of {total} tasks. Those behind:\n--page {token}"), err=True)


def show_card(url: str | None, name: str | None) -> None:
    """`agentnet card`."""
    screen.print_json(through_gateway(url, lambda gateway: gateway.card(name)))


def show_keys(url: str | None, as_json: bool) -> None:
    """`agentnet keys list`."""
    keys = list(through_gateway(url, lambda gateway: gateway.call("GET", "/v1/keys"))["keys"])
    rows = ((key["id"], key["name"], key["tenant"], ", ".join(key["scopes"]), _key_state(key)) for key in keys)
    show(keys, ("Key", "Name", "Tenant", "Scopes", "State"), rows, as_json, "keys", "There are no keys.")


def create_key(url: str | None, wanted: dict[str, Any], as_json: bool) -> None:
    """`agentnet keys create`: the key on stdout, alone."""
    created = through_gateway(url, lambda gateway: gateway.call("POST", "/v1/keys", json=wanted))
    if as_json:
        screen.print_json(created)
        return
    screen.progress().print("This is the only time that the key is shown:")
    # Not through rich, which wraps and colours: this is what scripts take.
    typer.echo(created["key"])


def revoke_key(url: str | None, identifier: str) -> None:
    """`agentnet keys revoke`."""
    through_gateway(url, lambda gateway: gateway.call("DELETE", f"/v1/keys/{identifier}"))
    typer.echo(f"Revoked {identifier}.")


def show_deliveries(url: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """`agentnet push list`."""
    params = {"limit": limit} | ({"state": state} if state else {})
    found = list(through_gateway(url, lambda gateway: gateway.call("GET", "/v1/push", params=params))["deliveries"])
    rows = (
        (
            each["id"],
            each["agent"],
            each["state"],
            str(each["attempts"]),
            _moment(each["created_at"]),
            each["url"],
            each["last_error"] or NOTHING,
        )
        for each in found
    )
    columns = ("Delivery", "Agent", "State", "Tries", "Created", "Webhook", "Last error")
    show(found, columns, rows, as_json, "deliveries", "There are no such deliveries.")


def retry_delivery(url: str | None, identifier: str) -> None:
    """`agentnet push retry`."""
    path = f"/v1/push/{delivery_id(identifier)}/retry"
    through_gateway(url, lambda gateway: gateway.call("POST", path))
    typer.echo(f"{identifier} is tried again.")


def show_retention(url: str | None, as_json: bool) -> None:
    """`agentnet retention show`."""
    held = through_gateway(url, lambda gateway: gateway.call("GET", "/v1/retention"))["retention"]
    rows = (
        (state, _limit(rule["days"]), _limit(rule["count"]), "the network's" if rule["default"] else "your own")
        for state, rule in held.items()
    )
    show(held, ("Ended", "Days", "Tasks of an agent", "Rule"), rows, as_json, "retention", "")


def set_retention(url: str | None, state: str, days: int | None, count: int | None) -> None:
    """`agentnet retention set`."""
    _each_rule(url, state, "PUT", json={"days": days, "count": count})
    typer.echo("Set.")


def reset_retention(url: str | None, state: str) -> None:
    """`agentnet retention reset`."""
    _each_rule(url, state, "DELETE")
    typer.echo("The network's default holds.")


def waits_for(task: dict[str, Any]) -> str:
    """What a task waits for and since when; empty where it does not wait for its model."""
    found = task.get("waits_for")
    if not found:
        return ""
    return f"{found['what']} (model {found['model']}, since {_moment(found['since'])[11:]})"


def delivery_id(text: str) -> str:
    """`text` if it is the id of a delivery. Raises `NotFoundError`."""
    try:
        return str(UUID(text))
    except ValueError:
        raise NotFoundError(f"There is no delivery {text!r}.", hint="`agentnet push list` shows them.") from None


def print_tree(tasks: Sequence[dict[str, Any]], console: "Console") -> None:
    """Tasks by who delegated to whom."""
    from rich.tree import Tree

    children: dict[str | None, list[dict[str, Any]]] = {}
    ids = {task["id"] for task in tasks}
    for task in tasks:
        parent = task.get("parent_id")
        # The top of a subtree has a parent that is not listed.
        children.setdefault(parent if parent in ids else None, []).append(task)

    def grow(tree: "Tree", parent: str | None) -> None:
        for task in children.get(parent, ()):
            grow(tree.add(f"{task['agent']}  {_state(task['state'])}{_took(task)}  {task['id']}"), task["id"])

    root = Tree("", hide_root=True)
    grow(root, None)
    console.print(root)


def through_gateway(url: str | None, call: Callable[[Gateway], Awaitable[T]]) -> T:
    """The answer of one call. Raises the project's own errors."""

    async def main() -> T:
        async with Gateway.open(client_settings(), url) as gateway:
            return await call(gateway)

    return run(main())


def show(
    entries: Sequence[Any], columns: Sequence[str], rows: Iterable[Sequence[str]], as_json: bool, key: str, empty: str
) -> None:
    """`entries` as JSON under `key`, or `rows` as a table, or the sentence `empty` when there are none."""
    if as_json:
        screen.print_json({key: entries})
    elif not entries:
        screen.progress().print(empty)
    else:
        screen.print_rows(columns, rows)


def _each_rule(url: str | None, state: str, method: str, **request: Any) -> None:
    """Call for one state, or for `all` that there are."""

    async def calls(gateway: Gateway) -> None:
        states = (await gateway.call("GET", "/v1/retention"))["retention"] if state == "all" else [state]
        for each in states:
            await gateway.call(method, f"/v1/retention/{segment(each)}", **request)

    through_gateway(url, calls)


def _limit(number: int | None) -> str:
    return "all" if number is None else str(number)


def _name(agent: dict[str, Any]) -> str:
    return str(agent["name"])


def _skills(agent: dict[str, Any]) -> str:
    skills = agent.get("skills") or ()
    return ", ".join(
        str(skill.get("name") or skill.get("id")) if isinstance(skill, dict) else str(skill) for skill in skills
    )


def _count(instances: Any) -> str:
    return str(len(instances) if isinstance(instances, list) else instances or NOTHING)


def _state(state: Any) -> str:
    """The gateway may name a state or give A2A's number."""
    if isinstance(state, int):
        from agentnet.cli.gateway.wire import state_name

        return state_name(state)
    return str(state).removeprefix("TASK_STATE_").lower().replace("_", "-")


def _moment(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else NOTHING


def _took(task: dict[str, Any]) -> str:
    if not task.get("created_at") or not task.get("status_at"):
        return ""
    seconds = datetime.fromisoformat(task["status_at"]) - datetime.fromisoformat(task["created_at"])
    return f"  {screen.duration(seconds.total_seconds() * 1000)}"


def _key_state(key: dict[str, Any]) -> str:
    if key.get("revoked_at"):
        return f"revoked {_moment(key['revoked_at'])}"
    return f"until {_moment(key['expires_at'])}" if key.get("expires_at") else "active"
