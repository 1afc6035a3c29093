"""`agentnet partitions`: months of events and journals, at the database itself."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.plural import plural

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from agentnet.database import Database
    from agentnet.retention.partitions import Partitions

    Answer = TypeVar("Answer")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Months of task events in the database: list, make, drop."
)


@app.command("list")
def list_partitions() -> None:
    """List the partitions with their sizes."""
    from agentnet.cli.show import screen

    found = at_partitions(lambda partitions: partitions.list())
    table = screen.table("Table", "Partition", "Tasks begun before", "MiB")
    for each in found:
        until = f"{each.until:%Y-%m-%d}" if each.until else "any other"
        table.add_row(each.table, each.name, until, f"{each.size / 2**20:.1f}")
    if found:
        screen.output().print(table)
    else:
        screen.progress().print("The tables are whole. `agentnet partitions make` splits them by month.")


@app.command("make")
def make(
    months: Annotated[int, typer.Option("--months", min=1, max=120, help="How many months ahead.")] = 3,
) -> None:
    """Split the tables by month, if they are not yet, and make partitions ahead. For a monthly timer."""
    at_partitions(lambda partitions: partitions.make(datetime.now(UTC), months))
    typer.echo("Done.")


@app.command("drop")
def drop(
    before: Annotated[datetime, typer.Option("--before", formats=["%Y-%m-%d"], help="Day, in UTC.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget every task of the months that were over by then, whatever the rules of retention say."""
    # The option has no zone, and partitions begin by UTC.
    moment = before.replace(tzinfo=UTC)
    if not yes:
        # Rules of retention can be put right; a partition that was dropped is gone.
        typer.confirm(f"Forget every task that began in a month that was over by {moment:%Y-%m-%d}?", abort=True)
    gone = at_partitions(lambda partitions: partitions.drop(moment))
    typer.echo(f"Forgotten: {plural(gone, 'task')}.")


def at_partitions(work: "Callable[[Partitions], Awaitable[Answer]]") -> "Answer":
    """The answer of `work` on a connection of its own. Raises `UnavailableError`."""
    from agentnet.cli.admin.database import at_database
    from agentnet.retention.partitions import Partitions
    from agentnet.settings import load_settings

    async def on_connection(database: "Database") -> "Answer":
        async with database.pool.acquire() as connection:
            return await work(Partitions(connection))

    return at_database(load_settings(), on_connection)
