"""`agentnet tenants`: who uses this network, each apart from the others; at the database itself.

A tenant is whoever has keys of that name. An admin's key manages the keys of its own tenant alone, so the first key of
another can only come from the operator, who has the database.
"""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli.command.options import AsJson
from agentnet.errors import ConflictError, InvalidInputError, NotFoundError
from agentnet.plural import plural

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from agentnet.identity.keys import Keys, StoredKey

    Answer = TypeVar("Answer")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")
FIRST_KEY = "first admin key"

Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and . _ @ -, at most 128.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Tenants of this network, at its database: list, create, close."
)


@app.command("list")
def list_tenants(json: AsJson = False) -> None:
    """List tenants with their keys."""
    from agentnet.cli.gateway.listings import show

    async def rows(keys: "Keys") -> "list[StoredKey]":
        return await keys.list()

    counted = [
        {
            "tenant": name,
            "keys": sum(key.tenant == name and key.is_active for key in found),
            "since": next(str(key.created_at) for key in found if key.tenant == name),  # the oldest is the first
        }
        for found in [at_keys(rows)]
        for name in sorted({key.tenant for key in found})
    ]
    cells = ((str(each["tenant"]), str(each["keys"]), str(each["since"])[:10]) for each in counted)
    show(counted, ("Tenant", "Keys that hold", "Since"), cells, json, "tenants", "There are none yet.")


@app.command("create")
def create_tenant(
    name: Name,
    days: Annotated[int | None, typer.Option("--days", min=1, max=3650, help="Days until its key expires.")] = None,
) -> None:
    """Make a tenant and print its first admin key, for the only time; with it the tenant makes others."""

    async def make(keys: "Keys") -> str:
        if any(key.is_active for key in await keys.list(name)):
            raise ConflictError(
                f"There is a tenant {name!r}.",
                hint="With its admin key: `agentnet keys create`. Lost? `tenants close`.",
            )
        return await keys.create(name, FIRST_KEY, scopes=["admin"], days=days)

    check(name)
    key = at_keys(make)
    typer.echo("This is the only time that the key is shown:", err=True)
    typer.echo(key)


@app.command("close")
def close_tenant(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Revoke every key of a tenant; its tasks stay, and `create` opens it again."""

    async def revoke(keys: "Keys") -> int:
        active = [key.id for key in await keys.list(name) if key.is_active]
        if not active:
            raise NotFoundError(f"No key of a tenant {name!r} holds.", hint="`agentnet tenants list` shows them.")
        for identifier in active:
            await keys.revoke(identifier, name)
        return len(active)

    check(name)
    if not yes:
        typer.confirm(f"Revoke every key of {name!r}?", abort=True)
    typer.echo(f"Revoked {plural(at_keys(revoke), 'key')} of {name}.")


def check(name: str) -> None:
    """Raises `InvalidInputError` for what is no name; `*`, which means every tenant, is none."""
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"{name!r} is no name for a tenant.", hint="Letters, digits and . _ @ -, at most 128; not a sign first."
        )


def at_keys(work: "Callable[[Keys], Awaitable[Answer]]") -> "Answer":
    """The answer of `work` on the keys of this network's database. Raises `UnavailableError`."""
    from agentnet.cli.admin.database import at_database
    from agentnet.identity.keys import Keys
    from agentnet.settings import load_settings

    return at_database(load_settings(), lambda database: work(Keys(database)))
