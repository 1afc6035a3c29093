"""The OpenAI Agents SDK by itself, to compare runs with: `python -m bench.plain_runner --home DIR --tools URL`.

One agent, made once, with the SDK's own client of the tool server, connected once, its list of tools kept. Nothing is
stored, nobody is asked who he is, and there is no protocol: it runs in a closed loop here when a line on its socket
says `CONCURRENCY SECONDS run|streamed`, and answers a line of JSON: `latencies` in seconds, and what it `took`.
Says `ready PORT`, ends when its standard input does.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from agents import Agent, RunConfig, Runner
from agents.mcp import MCPServerStreamableHttp

from agentnet.identity import Principal
from agentnet.identity.admin import DEFAULT_TENANT
from agentnet.identity.secret import signing_secret
from agentnet.identity.tokens import Tokens
from agentnet.manifests.manifest import load_specialist
from agentnet.process.collector import steady_collector
from agentnet.process.service import bind
from agentnet.settings import Settings
from bench.scripted_model import ANSWER, ScriptedModel
from bench.servers import TOOL_SPECIALIST, TOOLBOX

CONFIG = RunConfig(tracing_disabled=True)
MESSAGE = "How much is 15% of 80, and how long is it from New Year to the first of March?"

Run = Callable[[], Awaitable[object]]
"""One run; its answer."""


class _TokenAuth(httpx2.Auth):
    """What the tool server asks for: it is that of the network, and serves both sides."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._principal = Principal(DEFAULT_TENANT, "service:bench")

    def auth_flow(self, request: httpx2.Request) -> Any:
        request.headers["authorization"] = f"Bearer {self._tokens.mint(self._principal, f'mcp:{TOOLBOX}')}"
        yield request


def _agent(server: MCPServerStreamableHttp) -> "Agent[None]":
    specialist = load_specialist(TOOL_SPECIALIST)
    return Agent(
        name=specialist.name, instructions=specialist.instructions, model=ScriptedModel(), mcp_servers=[server]
    )


def _runs(agent: "Agent[None]") -> dict[str, Run]:
    async def run() -> object:
        return (await Runner.run(agent, MESSAGE, run_config=CONFIG)).final_output

    async def streamed() -> object:
        result = Runner.run_streamed(agent, MESSAGE, run_config=CONFIG)
        async for _ in result.stream_events():
            pass
        return result.final_output

    return {"run": run, "streamed": streamed}


async def _closed_loop(run: Run, concurrency: int, seconds: float) -> dict[str, Any]:
    latencies: list[float] = []

    async def one(stop: float) -> None:
        while (began := time.monotonic()) < stop:
            if await run() != ANSWER:
                raise RuntimeError("The run ended with another answer.")
            latencies.append(time.monotonic() - began)

    began = time.monotonic()
    await asyncio.gather(*(one(began + seconds) for _ in range(concurrency)))
    return {"latencies": latencies, "took": time.monotonic() - began}


async def _serve(home: Path, url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    auth = _TokenAuth(Tokens(signing_secret(Settings(home=home))))
    async with MCPServerStreamableHttp({"url": url, "auth": auth}, cache_tools_list=True, name=TOOLBOX) as server:
        runs = _runs(_agent(server))

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                concurrency, seconds, kind = line.decode().split()
                writer.write(json.dumps(await _closed_loop(runs[kind], int(concurrency), float(seconds))).encode())
                writer.write(b"\n")
            writer.close()

        listener = bind("127.0.0.1", 0, "plain runner")
        with steady_collector():
            async with await asyncio.start_server(answer, sock=listener):
                print(f"ready {listener.getsockname()[1]}", flush=True)
                await stop.wait()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--tools", required=True, help="Address of the tool server's MCP endpoint.")
    options = parser.parse_args()
    uvloop.run(_serve(options.home, options.tools))


if __name__ == "__main__":
    main()
