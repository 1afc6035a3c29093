"""Which version agents' resources are in, and news of it: artifacts by their tasks' events, cards by the registry."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from hashlib import sha256

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.a2a.client.errors import RefusedError
from agentnet.errors import AgentNetError, NotFoundError, UnavailableError
from agentnet.files.store import FileStore
from gateway.agents.artifact_versions import ArtifactVersions
from gateway.agents.contact import Contact
from gateway.mcp.agents.addresses import place_of
from gateway.mcp.messages.errors import McpError
from gateway.mcp.upstream.mailbox import Mailbox
from gateway.mcp.upstream.server import News, Open, Updated

logger = logging.getLogger(__name__)

MAX_TASKS = 100
"""Tasks whose artifacts one stream or session watches."""
LOOK_SECONDS = 2.0
"""How often cards are compared."""
PAUSE_SECONDS = 1.0
"""Before a task is looked for again whose stream has ended."""
STEP_SECONDS = 0.25
"""At least so long between two notifications of one resource."""
FILE = "file"
"""The version of every stored file: its id stands for its content."""

TaskKey = tuple[str, str]
"""Agent and task."""
Reach = Callable[[str], Awaitable[Contact]]
"""The agent of that name. Raises `NotFoundError`."""


class ResourceNews:
    """Of the resources that one caller sees."""

    def __init__(self, files: FileStore, tenant: str, reach: Reach) -> None:
        self._files = files
        self._tenant = tenant
        self._reach = reach

    async def versions(self, uris: frozenset[str]) -> dict[str, str]:
        """Those that are there, each with its version. Raises `McpError` for artifacts of too many tasks."""
        cards, tasks, files = sorted_out(uris)
        if len(tasks) > MAX_TASKS:
            raise McpError(INVALID_PARAMS, f"Artifacts of at most {MAX_TASKS} tasks can be watched at once.")
        parts = await asyncio.gather(
            *(self._card_version(uri, agent) for uri, agent in cards.items()),
            *(self._artifact_versions(key, artifacts) for key, artifacts in tasks.items()),
            *(self._file_version(uri) for uri in files),
        )
        return {uri: version for part in parts for uri, version in part.items()}

    async def changes(self, seen: Mapping[str, str]) -> AsyncIterator[News]:
        """Those of `seen` that are in another version than the one given, then whenever one changes."""
        cards, tasks, _ = sorted_out(seen)
        told, box = dict(seen), Mailbox()
        pumps = [asyncio.create_task(self._watch_task(key, uris, told, box)) for key, uris in tasks.items()]
        if cards:
            pumps.append(asyncio.create_task(self._watch_cards(cards, told, box)))
        try:
            yield Open()
            while True:
                for news in await box.take_all():
                    yield news
                # Hosts read a resource anew whenever they are told: a streamed artifact changes with every chunk.
                await asyncio.sleep(STEP_SECONDS)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _card_version(self, uri: str, agent: str) -> dict[str, str]:
        try:
            entry = (await self._reach(agent)).entry
        except (NotFoundError, UnavailableError):  # it comes and goes with its agent
            return {}
        card = json.dumps(entry.document, sort_keys=True)
        return {uri: sha256(card.encode("utf-8", "replace")).hexdigest()}

    async def _artifact_versions(self, key: TaskKey, artifacts: dict[str, str]) -> dict[str, str]:
        agent, task_id = key
        try:
            task = await (await self._reach(agent)).get(task_id)
        except NotFoundError:
            return {}
        except (RefusedError, UnavailableError) as error:
            if isinstance(error, RefusedError) and error.is_unknown_task:
                return {}
            return dict.fromkeys(artifacts, "")  # its agent does not answer now; it is told of when it does
        # As a whole here, in pieces below: a client that comes back must not be told of what it has seen.
        versions = ArtifactVersions.of(task)
        found = {uri: versions.version(artifact) for uri, artifact in artifacts.items()}
        return {uri: version for uri, version in found.items() if version}

    async def _file_version(self, uri: str) -> dict[str, str]:
        return {uri: FILE} if await self._files.has(self._tenant, uri) else {}

    async def _watch_cards(self, cards: dict[str, str], told: dict[str, str], box: Mailbox) -> None:
        while True:
            try:
                for uri, agent in cards.items():
                    tell(uri, (await self._card_version(uri, agent)).get(uri, ""), told, box)
            except AgentNetError as error:
                logger.info("cards cannot be compared now: %s", error)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("cards cannot be compared")
            await asyncio.sleep(LOOK_SECONDS)

    async def _watch_task(self, key: TaskKey, artifacts: dict[str, str], told: dict[str, str], box: Mailbox) -> None:
        """Follow one task to its end, over streams that may break."""
        agent, task_id = key
        while True:
            try:
                versions = ArtifactVersions()
                async with aclosing((await self._reach(agent)).watch(task_id)) as events:
                    async for event in events:
                        versions.feed(event)
                        for uri, artifact in artifacts.items():
                            tell(uri, versions.version(artifact), told, box)
                        if versions.is_over:
                            return
            except AgentNetError as error:
                if isinstance(error, RefusedError) and error.is_unknown_task:
                    return
                logger.info("the task %s of %s cannot be followed now: %s", task_id, agent, error)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("the task %s of %s cannot be followed", task_id, agent)
                return
            await asyncio.sleep(PAUSE_SECONDS)


def tell(uri: str, version: str, told: dict[str, str], box: Mailbox) -> None:
    """Put it into the box if it is news."""
    if told[uri] != version:
        told[uri] = version
        box.put(Updated(uri, version))


def sorted_out(uris: Iterable[str]) -> tuple[dict[str, str], dict[TaskKey, dict[str, str]], list[str]]:
    """Cards with their agents, artifacts by their tasks, and files."""
    cards: dict[str, str] = {}
    tasks: dict[TaskKey, dict[str, str]] = {}
    files: list[str] = []
    for uri in uris:
        place = place_of(uri)
        if place is None:
            files.append(uri)
        elif place.task_id:
            tasks.setdefault((place.agent, place.task_id), {})[uri] = place.artifact_id
        else:
            cards[uri] = place.agent
    return cards, tasks, files
