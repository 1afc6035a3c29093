"""`agentnet ask` and `agentnet watch`: send a job, show its hand-offs as they happen, then its result."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import typer
from a2a.types import Message, StreamResponse
from rich.console import Console

from agentnet.cli import exits, screen
from agentnet.cli.a2a import AgentConnection, BrokenStreamError
from agentnet.cli.artifacts import SavedFile, save_files
from agentnet.cli.gateway import Gateway, no_gateway
from agentnet.cli.job import OUTPUT_DIRECTORY, Job, answer
from agentnet.cli.loop import run
from agentnet.cli.outcome import Outcome
from agentnet.cli.rendering import Trail
from agentnet.errors import AgentNetError, ConflictError, NotFoundError
from agentnet.launch import network, with_free_ports
from agentnet.settings import Settings, load_settings
from agentnet.telemetry import configure_logging

CANCEL_SECONDS = 5.0
RECONNECTS = 5
RECONNECT_SECONDS = 0.5


def run_job(job: Job, *, url: str | None, start: bool, as_json: bool) -> None:
    """Do `job`; leave with the exit code that its end asks for."""
    settings = client_settings()
    message = job.message(settings.max_file_bytes)
    code = run(_ask(settings, job, message, url, start, Talk(as_json=as_json, out=job.out)))
    raise typer.Exit(code)


def watch_task(task_id: str, *, url: str | None, out: Path | None, as_json: bool) -> None:
    """Follow a task to its rest."""
    settings = client_settings()
    raise typer.Exit(run(_watch(settings, task_id, url, Talk(as_json=as_json, out=out))))


def client_settings() -> Settings:
    """Settings of a command that talks to a gateway; its logs are for those who ask for them."""
    settings = load_settings()
    level = settings.log_level if settings.log_level.upper() == "DEBUG" else "ERROR"
    configure_logging(settings.model_copy(update={"log_level": level}))
    return settings


class Talk:
    """What the user sees and says: the trail on stderr, the result on stdout, the answer to a question."""

    def __init__(self, *, as_json: bool = False, out: Path | None = None, console: Console | None = None) -> None:
        self.as_json = as_json
        self.out = out
        self.progress = console or screen.progress()
        self.output = console or screen.output()
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """A line on the way."""
        if not self.as_json:
            self.progress.print(text, soft_wrap=True)

    def trail(self) -> Trail:
        """Where steps are shown."""
        return Trail(Console(quiet=True) if self.as_json else self.progress)

    async def answer_to(self, question: str) -> str | None:
        """What the user answers; None where nobody sits."""
        self.say(f"\n{question}\n")
        if self.as_json or not sys.stdin.isatty():
            return None
        return (await asyncio.to_thread(input, "Your answer: ")).strip() or None

    def finish(self, outcome: Outcome, agent: str) -> int:
        """Print the result; the exit code."""
        directory = self.out or Path(OUTPUT_DIRECTORY) / (outcome.task_id or "answer")
        files = save_files(outcome, directory)
        if self.as_json:
            screen.print_json(_as_json(outcome, agent, files, time.monotonic() - self._began))
        else:
            self._print(outcome, files)
        if outcome.waits:
            return exits.QUESTION
        return exits.OK if outcome.succeeded else exits.TASK_FAILED

    def _print(self, outcome: Outcome, files: list[SavedFile]) -> None:
        if text := outcome.answer():
            self._print_markdown(text)
        for file in files:
            via = f"  (from {' → '.join(file.source)})" if file.source else ""
            self.output.print(f"{file.place}{via}", soft_wrap=True)
        if outcome.waits:
            self.say(f'It waits for your answer: agentnet ask --task {outcome.task_id} "…"')
        elif not outcome.succeeded:
            self.progress.print(
                f"The task {outcome.state_name}: {outcome.said or 'no reason was given'}", style="red", soft_wrap=True
            )
        took = screen.duration((time.monotonic() - self._began) * 1000)
        self.say(f"\n{outcome.state_name} after {took}" + (f", task {outcome.task_id}" if outcome.task_id else ""))

    def _print_markdown(self, text: str) -> None:
        if not self.output.is_terminal:
            self.output.print(text, soft_wrap=True)
            return
        from rich.markdown import Markdown

        self.output.print()
        self.output.print(Markdown(text))


async def _ask(settings: Settings, job: Job, message: Message, url: str | None, start: bool, talk: Talk) -> int:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway.open(settings, url))
        if not await gateway.answers():
            if url or not start:
                raise no_gateway(gateway.url)
            talk.say(f"No gateway answers at {gateway.url}; starting a network for this call …")
            running = await stack.enter_async_context(network(with_free_ports(settings)))
            gateway = await stack.enter_async_context(Gateway.open(running.settings))
        agent = await gateway.agent(job.agent or await _agent_of(gateway, job.task_id))
        return await converse(agent, message, talk, job.timeout)


async def converse(agent: AgentConnection, message: Message, talk: Talk, timeout: float | None = None) -> int:
    """Send `message`, show what happens, pass questions to the user and answers back; the exit code."""
    outcome = Outcome()
    try:
        async with asyncio.timeout(timeout):
            while True:
                await _follow(agent, agent.send(message), outcome, talk)
                reply = (
                    await talk.answer_to(outcome.said or f"{agent.name} needs an answer.") if outcome.waits else None
                )
                if reply is None:
                    return talk.finish(outcome, agent.name)
                message = answer(reply, outcome.task_id, outcome.context_id)
    except TimeoutError:
        await _cancel(agent, outcome, talk)
        talk.progress.print(f"No result within {timeout:g} s.", style="red")
        return exits.TASK_FAILED
    except asyncio.CancelledError:
        await _cancel(agent, outcome, talk)
        raise


async def _watch(settings: Settings, task_id: str, url: str | None, talk: Talk) -> int:
    async with Gateway.open(settings, url) as gateway:
        tree = await gateway.tree(task_id)
        name = str(next((task["agent"] for task in tree if task["id"] == task_id), tree[0]["agent"]))
        agent = await gateway.agent(name)
        outcome = Outcome()
        try:
            await _follow(agent, agent.subscribe(task_id), outcome, talk)
        except ConflictError:
            from agentnet.cli.listings import print_tree

            if not talk.as_json:
                print_tree(tree, talk.progress)
            outcome.take(StreamResponse(task=await agent.get(task_id)))
        return talk.finish(outcome, name)


async def _follow(agent: AgentConnection, events: AsyncIterator[StreamResponse], outcome: Outcome, talk: Talk) -> None:
    """Take events until the task rests; a stream that breaks off is taken up again."""
    outcome.reply.clear()
    with talk.trail() as trail:
        for attempt in range(RECONNECTS + 1):
            try:
                await _take(events, outcome, trail)
                if outcome.rests or not outcome.task_id:
                    return
            except BrokenStreamError:
                if not outcome.task_id or attempt == RECONNECTS:
                    raise
            except ConflictError:
                if attempt == 0:
                    raise
            if attempt:
                await asyncio.sleep(RECONNECT_SECONDS * attempt)
            outcome.take(StreamResponse(task=await agent.get(outcome.task_id)))
            if outcome.rests:
                return
            events = agent.subscribe(outcome.task_id)


async def _take(events: AsyncIterator[StreamResponse], outcome: Outcome, trail: Trail) -> None:
    async with aclosing(events) as stream:  # type: ignore[type-var]
        async for event in stream:
            step = outcome.take(event)
            if step is not None:
                trail.show(step)


async def _cancel(agent: AgentConnection, outcome: Outcome, talk: Talk) -> None:
    if not outcome.task_id or outcome.rests:
        return
    try:
        async with asyncio.timeout(CANCEL_SECONDS):
            await agent.cancel(outcome.task_id)
        talk.say(f"Canceled task {outcome.task_id}.")
    except (AgentNetError, TimeoutError) as error:
        talk.say(f"Could not cancel task {outcome.task_id}: {error}")


async def _agent_of(gateway: Gateway, task_id: str | None) -> str | None:
    """Who the user asked for that task, which is who takes the answer."""
    if task_id is None:
        return None
    tree = await gateway.tree(task_id)
    if not tree:
        raise NotFoundError(f"There is no task {task_id}.", hint="`agentnet tasks` lists them.")
    return str(next((task["agent"] for task in tree if task["id"] == task_id), tree[0]["agent"]))


def _as_json(outcome: Outcome, agent: str, files: list[SavedFile], seconds: float) -> dict[str, Any]:
    return {
        "task_id": outcome.task_id,
        "context_id": outcome.context_id,
        "agent": agent,
        "state": outcome.state_name,
        "text": outcome.answer(),
        "question": outcome.said if outcome.waits else None,
        "reason": None if outcome.waits or outcome.succeeded else outcome.said,
        "files": [
            {"name": file.name, "media_type": file.media_type, "place": file.place, "source": list(file.source)}
            for file in files
        ],
        "steps": [
            {
                "kind": step.kind,
                "path": list(step.path),
                "name": step.name,
                "ms": step.ms,
                "ok": step.ok,
                "summary": step.summary,
                "task_id": step.task_id,
                "peer_task_id": step.peer_task_id,
            }
            for step in outcome.steps.values()
        ],
        "seconds": round(seconds, 3),
    }
