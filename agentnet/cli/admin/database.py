"""What commands do at the database itself, beside the services or without them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from agentnet.database import Database
    from agentnet.settings import Settings

    Answer = TypeVar("Answer")


def at_database(settings: "Settings", work: "Callable[[Database], Awaitable[Answer]]") -> "Answer":
    """The answer of `work`, with the database open for as long as it takes. Raises `UnavailableError`."""
    from agentnet.cli.command.loop import run
    from agentnet.database import Database

    async def main() -> "Answer":
        database = await Database.open(settings)
        try:
            return await work(database)
        finally:
            await database.close()

    return run(main())
