"""A network in a process of its own, whose loop is watched: `python -m tests.integration.frame.watched HOME`.

It says where it answers as one line of JSON, and for each line that it reads, the longest time since the line before
for which its loop computed without a turn, in milliseconds. It is the thread's own computing time: a busy machine that
lets it wait adds nothing.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from agentnet.identity import Principal
from agentnet.identity.principal import ADMIN, USE
from agentnet.process.launch import network, with_free_ports
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings

TURN_SECONDS = 0.001
SERVICES = ("still", "knowledge", "toolbox")
MANIFEST = """
name: still
description: Takes what comes, and is done.
skills:
  - {id: take, name: Take, description: Takes it.}
"""
EXECUTOR = '''
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater


class Still(AgentExecutor):
    """Done at once: what is watched is the way of a request, not the work of a model."""

    async def execute(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).complete()

    async def cancel(self, context, event_queue):
        raise NotImplementedError
'''


class Watch:
    """Notes the longest turn of the loop."""

    def __init__(self) -> None:
        self._longest = 0.0

    async def look(self) -> None:
        """For ever."""
        before = time.thread_time()
        while True:
            await asyncio.sleep(TURN_SECONDS)
            now = time.thread_time()
            self._longest = max(self._longest, now - before)
            before = now

    def longest(self) -> float:
        """Since this was asked before."""
        longest, self._longest = self._longest, 0.0
        return longest


def reckoning_seconds() -> float:
    """How long this machine computes what took 10 ms where the limit of 100 was set."""
    began = time.thread_time()
    total = 0
    for number in range(150_000):
        total += number % 7
    return time.thread_time() - began


async def main(home: Path) -> None:
    """Serve until there is no more to read."""
    folder = home / "agents" / "still"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(MANIFEST)
    (folder / "executor.py").write_text(EXECUTOR)
    settings = with_free_ports(Settings(home=home, model="offline", agents_dirs=[folder.parent], _env_file=None))
    async with network(settings, only=SERVICES) as running, Runtime.open(settings) as runtime:
        key = await (await runtime.keys()).create("acme", "watched", scopes=[USE, ADMIN])
        said = {
            "urls": {served.service.label: served.url for served in running.services},
            "key": key,
            "tokens": {
                "registry": runtime.tokens.for_service("agent:still", "registry"),
                **{
                    label: runtime.tokens.mint(Principal("acme", "key:test", frozenset({USE})), label)
                    for label in ("mcp:knowledge", "mcp:toolbox")
                },
            },
            "slowness": min(reckoning_seconds() for _ in range(5)) / 0.010,
        }
        print(json.dumps(said), flush=True)
        watch = Watch()
        watching = asyncio.create_task(watch.look())
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            print(round(watch.longest() * 1000, 1), flush=True)
        watching.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
