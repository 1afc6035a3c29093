"""Bring the tables up to date: Alembic's migrations, run under an advisory lock so that replicas may start together."""

import threading
from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK_KEY = 0x6167_6E74
"""Advisory lock that one migrating process holds ("agnt")."""

_turn = threading.Lock()
"""Alembic keeps what it works on in globals: one thread of a process at a time."""


def newest() -> str:
    """The last revision that there is: they are numbers with leading zeros, and begin the names of their files."""
    return max(path.stem.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def applied(pool: "asyncpg.Pool[asyncpg.Record]") -> str | None:
    """The last revision that a database had; None without tables of ours."""
    if await pool.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await pool.fetchval("SELECT max(version_num) FROM alembic_version")
    return found


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` (postgresql://…) to `revision`. Blocks; run it in a thread.

    Several processes may call it at once: one works, the others wait and then find nothing to do. Raises what asyncpg
    does.
    """
    # Where there is something to do, and else not: with SQLAlchemy they are 1.2 s of CPU and 30 MB of every process.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy.exc import DBAPIError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url  # not an option: a per cent sign in a password would be interpolated
    try:
        with _turn:
            command.upgrade(config, revision)
    except DBAPIError as error:
        wrapped = error.orig  # SQLAlchemy's own, made of asyncpg's
        raise (wrapped.__cause__ if wrapped else None) or error from error
