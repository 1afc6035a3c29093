"""`agentnet doctor`: is this machine ready, and if not, what is there to do."""

import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import typer

from agentnet.cli.command import exits
from agentnet.cli.command.loop import run
from agentnet.cli.show import screen
from agentnet.database import Database
from agentnet.database.address import REDIS, check_address, safe_url
from agentnet.database.migrate import MIGRATIONS
from agentnet.errors import AgentNetError, ConfigurationError
from agentnet.identity.keys import Keys
from agentnet.identity.secret import admin_key_path, read_key, signing_secret
from agentnet.process.launch import plan
from agentnet.process.service import bind
from agentnet.settings import Settings, load_settings

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_BYTES = 500 * 1024 * 1024
MINIMUM_POSTGRES = 150000
CLOCK_SKEW_SECONDS = 2.0
ANSWER_SECONDS = 5.0
OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `todo` says what to do when it is not well."""

    check: str
    ok: bool
    found: str
    todo: str = ""


def run_checks(as_json: bool) -> None:
    """Run every check, print what they found; leave with 1 if something is broken."""
    settings = load_settings()
    findings = run(_collect(settings))
    if as_json:
        screen.print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(exits.TASK_FAILED)


async def _collect(settings: Settings) -> list[Finding]:
    return [finding async for finding in checks(settings)]


async def checks(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding in its order; a check that fails never keeps the next from running."""
    yield _python()
    yield _data_directory(settings)
    yield _binding(settings)
    for finding in await _ports(settings):
        yield finding
    yield _specialists(settings)
    async for finding in _database(settings):
        yield finding
    if settings.redis_url:
        yield await _redis(settings.redis_url)
    yield await _model(settings)


def _print(findings: list[Finding]) -> None:
    table = screen.table("", "Check", "Found", "What to do")
    for finding in findings:
        table.add_row("✓" if finding.ok else "✗", finding.check, finding.found, finding.todo)
    screen.output().print(table)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= MINIMUM_PYTHON, version, "")


def _data_directory(settings: Settings) -> Finding:
    # The directory is made at the first start: what counts is where it would be.
    existing = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    todo = "Set AGENTNET_HOME to a directory that you may write to."
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Finding("data directory", False, f"{settings.home} cannot be written", todo)
    free = shutil.disk_usage(existing).free
    found = f"{settings.home}, {free // 1024**2} MiB free"
    if free < MINIMUM_FREE_BYTES:
        return Finding("data directory", False, found, f"Make room, or {todo[0].lower()}{todo[1:]}")
    return Finding("data directory", True, found)


def _binding(settings: Settings) -> Finding:
    try:
        signing_secret(settings)
    except AgentNetError as error:
        return Finding("address", False, error.message, error.hint or "")
    reach = "this machine only" if settings.is_loopback else "reachable from outside"
    return Finding("address", True, f"{settings.host}, {reach}")


async def _ports(settings: Settings) -> list[Finding]:
    ports = {"gateway": settings.port, "registry": settings.registry_port}
    return [await _port(settings, label, port) for label, port in ports.items()]


async def _port(settings: Settings, label: str, port: int) -> Finding:
    check = f"port of the {label}"
    try:
        # A port is asked by taking it: whoever holds it may not answer.
        bind(settings.host, port, label).close()
    except AgentNetError as error:
        if await _is_ours(f"http://{settings.reachable_host}:{port}"):
            return Finding(check, True, f"{port}, an Agent Network answers there")
        variable = "AGENTNET_PORT" if label == "gateway" else "AGENTNET_REGISTRY_PORT"
        return Finding(check, False, error.message, f"Stop the other program, or set {variable}.")
    return Finding(check, True, f"{port} is free")


async def _is_ours(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
            return (await http.get(f"{url}/health")).is_success
    except httpx.HTTPError:
        return False


def _specialists(settings: Settings) -> Finding:
    try:
        names = [service.name for service in plan(settings).services if service.kind == "agent"]
    except AgentNetError as error:
        return Finding("specialists", False, error.message, error.hint or "Mend the manifest.")
    return Finding("specialists", bool(names), ", ".join(names) or "none", "" if names else "Reinstall agentnet.")


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    began = time.monotonic()
    try:
        database = await Database.open(settings)
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
        for check in (_migrations, _clock):
            yield await check(database)
        yield await _keys(settings, database)
    finally:
        await database.close()


async def _migrations(database: Database) -> Finding:
    has = await database.pool.fetchval("SELECT max(version_num) FROM alembic_version")
    # Numbers with leading zeros: the last one by name is the newest.
    newest = max(path.stem.split("_")[0] for path in (Path(MIGRATIONS) / "versions").glob("[0-9]*.py"))
    todo = "" if has == newest else "Another version of agentnet uses this database; install the same everywhere."
    return Finding("migrations", not todo, f"{has}, newest {newest}", todo)


async def _clock(database: Database) -> Finding:
    before = datetime.now(UTC)
    there: datetime = await database.pool.fetchval("SELECT clock_timestamp()")
    # In the middle of the way there and back, as NTP reckons.
    here = before + (datetime.now(UTC) - before) / 2
    skew = abs((there - here).total_seconds())
    todo = "" if skew <= CLOCK_SKEW_SECONDS else "Synchronize the clocks (NTP): leases and tokens depend on them."
    return Finding("clock", not todo, f"{skew * 1000:.0f} ms from the database's", todo)


async def _keys(settings: Settings, database: Database) -> Finding:
    key = read_key(settings)
    if key is None:
        return Finding("key", True, "none yet; `agentnet up` makes the admin key at its first start")
    try:
        principal = await Keys(database).verify(key)
    except AgentNetError:
        if settings.api_key is None:
            return Finding("key", True, f"{admin_key_path(settings)}, not yet in this database; `agentnet up` adds it")
        return Finding(
            "key", False, "AGENTNET_API_KEY does not hold here", "Unset it, or create one: agentnet keys create"
        )
    return Finding("key", True, f"tenant {principal.tenant}, {', '.join(sorted(principal.scopes))}")


async def _redis(url: str) -> Finding:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    try:
        check_address(url, REDIS)
        client = Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
    except ConfigurationError as error:
        return Finding("Redis", False, error.message, error.hint or "")
    except ValueError as error:
        return Finding("Redis", False, f"{safe_url(url)}: {type(error).__name__}", f"It looks like {REDIS.example}.")
    try:
        await client.ping()
        return Finding("Redis", True, f"{safe_url(url)} answers")
    except (RedisError, OSError) as error:
        todo = "Check REDIS_URL, or unset it: the network is slower without, not broken."
        return Finding("Redis", False, f"{safe_url(url)}: {type(error).__name__}", todo)
    finally:
        await client.aclose()


async def _model(settings: Settings) -> Finding:
    return _model_here(settings) or await _model_at_endpoint(settings)


def _model_here(settings: Settings) -> Finding | None:
    from agentnet.models import installed_models, no_model  # takes a second to import

    if missing := no_model(settings):
        return Finding("model", False, missing.message, missing.hint or "")
    if settings.model != OFFLINE and settings.model in installed_models():
        return Finding("model", True, f"{settings.model}, installed")
    if settings.model == OFFLINE or not (settings.openai_api_key or settings.openai_base_url):
        found = "the built-in offline model: rules, not a language model"
        return Finding("model", True, found, "Set OPENAI_API_KEY (and OPENAI_BASE_URL, AGENTNET_MODEL) for a real one.")
    return None


async def _model_at_endpoint(settings: Settings) -> Finding:
    base_url = (settings.openai_base_url or "https://api.openai.com/v1").rstrip("/")
    headers = (
        {"authorization": f"Bearer {settings.openai_api_key.get_secret_value()}"} if settings.openai_api_key else {}
    )
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
            # The one request that costs nothing and needs the key.
            response = await http.get(f"{base_url}/models", headers=headers)
    except httpx.HTTPError as error:
        found = f"{safe_url(base_url)} does not answer ({type(error).__name__})"
        return Finding("model", False, found, "Check OPENAI_BASE_URL, or set AGENTNET_MODEL=offline.")
    if response.status_code in (401, 403):
        return Finding("model", False, f"{safe_url(base_url)} refuses the key", "Check OPENAI_API_KEY.")
    name = settings.model or "its default model"
    return Finding("model", True, f"{name} at {safe_url(base_url)}")
