"""`agentnet doctor`: is this machine ready, and if not, what is there to do."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict

import httpx
import typer

from agentnet.cli.command import exits
from agentnet.cli.command.loop import run
from agentnet.cli.network.doctor_database import database_findings
from agentnet.cli.network.doctor_model import model_findings
from agentnet.cli.network.finding import Finding, print_findings
from agentnet.cli.network.model_advice import Say, say_nothing, say_on_stderr
from agentnet.cli.show import screen
from agentnet.database.address import REDIS, check_address, safe_url
from agentnet.errors import AgentNetError, ConfigurationError
from agentnet.identity.secret import SECRET_FILE, signing_secret
from agentnet.process.launch import plan
from agentnet.process.service import bind
from agentnet.settings import Problem, Settings, missing_paths, misspelt, place_of, read_settings

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_BYTES = 500 * 1024 * 1024
ANSWER_SECONDS = 5.0
NOT_READY = 503
FREE = "is free"
ANSWERS = "an Agent Network answers"


def run_checks(as_json: bool, *, call: bool = True) -> None:
    """Run every check, print what they found; leave with 1 if something is broken. `call`: models are asked, too."""
    settings, problems = read_settings()
    say = say_nothing if as_json else say_on_stderr
    findings = [*_settings(settings, problems), *run(_collect(settings, problems, call, say))]
    if as_json:
        screen.print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        print_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(exits.TASK_FAILED)


async def _collect(settings: Settings, problems: list[Problem], call: bool, say: Say) -> list[Finding]:
    return [finding async for finding in checks(settings, problems, call=call, say=say)]


async def checks(
    settings: Settings, problems: Sequence[Problem] = (), *, call: bool = True, say: Say | None = None
) -> AsyncIterator[Finding]:
    """Every finding in its order; a check that fails never keeps the next from running."""
    yield _python()
    yield _data_directory(settings)
    yield _binding(settings)
    for finding in await _ports(settings):
        yield finding
    yield _specialists(settings)
    async for finding in database_findings(settings):
        yield finding
    if settings.redis_url:
        yield await _redis(settings.redis_url)
    async for finding in model_findings(settings, problems, call=call, say=say):
        yield finding


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


def _settings(settings: Settings, problems: list[Problem]) -> Iterator[Finding]:
    """What is wrong in the environment and `.env`; the other checks go on with the defaults in its place."""
    for problem in problems:
        yield Finding("settings", False, f"{problem.where}: {problem.wrong}", f"For example {problem.example}")
    for name, near in misspelt().items():
        yield Finding("settings", True, f"{name} is no setting and does nothing", f"Did you mean {near}?")
    for variable, path in missing_paths(settings):
        yield Finding("settings", False, f"{variable} names {path}, which is not there", "Make it, or name another.")


def _binding(settings: Settings) -> Finding:
    # On this machine alone a secret is made at the first start: not by us, who only look.
    if settings.secret is not None or not settings.is_loopback or (settings.home / SECRET_FILE).exists():
        try:
            signing_secret(settings)
        except (AgentNetError, OSError) as error:
            return Finding("address", False, getattr(error, "message", str(error)), getattr(error, "hint", None) or "")
    reach = "this machine only" if settings.is_loopback else "reachable from outside"
    return Finding("address", True, f"{settings.host}, {reach}")


async def _ports(settings: Settings) -> list[Finding]:
    gateway = await _port(settings, "gateway", settings.port)
    if settings.registry_url:
        registry = await _registry_at(settings.registry_base_url)
    else:
        registry = await _port(settings, "registry", settings.registry_port)
    if FREE in registry.found and ANSWERS in gateway.found:
        missing = f"none answers at {settings.registry_base_url}, while the gateway does"
        registry = Finding(
            "registry", False, missing, "Start it: agentnet serve registry. Or set AGENTNET_REGISTRY_URL."
        )
    return [gateway, registry]


async def _port(settings: Settings, label: str, port: int) -> Finding:
    check = f"port of the {label}"
    try:
        # A port is asked by taking it: whoever holds it may not answer.
        bind(settings.host, port, label).close()
    except AgentNetError as error:
        url = f"http://{settings.reachable_host}:{port}"
        if await _answers(f"{url}/health"):
            if await _answers(f"{url}/ready", ready=True):
                return Finding(check, True, f"{port}, {ANSWERS} there")
            return Finding(check, False, f"{port}, {ANSWERS} there, but is not ready", "Its log says why.")
        variable = "AGENTNET_PORT" if label == "gateway" else "AGENTNET_REGISTRY_PORT"
        return Finding(check, False, error.message, f"Stop the other program, or set {variable}.")
    return Finding(check, True, f"{port} {FREE}")


async def _registry_at(url: str) -> Finding:
    if await _answers(f"{url}/ready", ready=True):
        return Finding("registry", True, f"{url} answers")
    return Finding(
        "registry", False, f"{url} does not answer", "Start it: agentnet serve registry. Or mend AGENTNET_REGISTRY_URL."
    )


async def _answers(url: str, *, ready: bool = False) -> bool:
    """Whether something does; `ready`: and does not say that what it stands on is away."""
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
            response = await http.get(url)
    except httpx.HTTPError:
        return False
    return response.status_code != NOT_READY if ready else response.is_success


def _specialists(settings: Settings) -> Finding:
    try:
        names = [service.name for service in plan(settings).services if service.kind == "agent"]
    except AgentNetError as error:
        return Finding("specialists", False, error.message, error.hint or "Mend the manifest.")
    return Finding("specialists", bool(names), ", ".join(names) or "none", "" if names else "Reinstall agentnet.")


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
        todo = f"Check {place_of('redis_url') or 'REDIS_URL'}, or remove it: the network is slower without, not broken."
        return Finding("Redis", False, f"{safe_url(url)}: {type(error).__name__}", todo)
    finally:
        await client.aclose()
