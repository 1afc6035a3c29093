"""`agentnet ask` and `agentnet watch`: send a job, show its hand-offs as they happen, then its result."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import typer
from a2a.types import Message, StreamResponse

from agentnet.cli.command import exits
from agentnet.cli.command.loop import run
from agentnet.cli.gateway.a2a import AgentConnection
from agentnet.cli.gateway.client import Gateway, client_settings, no_gateway
from agentnet.cli.gateway.listings import waits_for
from agentnet.cli.show.rendering import Trail
from agentnet.cli.tasks.artifacts import check_folder
from agentnet.cli.tasks.job import Job, answer
from agentnet.cli.tasks.outcome import Outcome
from agentnet.cli.tasks.talk import Talk
from agentnet.errors import AgentNetError, ConflictError, UnavailableError
from agentnet.settings import Settings
from agentnet.tasks.events import RESTING_STATES, WORKING, question_id

CANCEL_SECONDS = 5.0
RECONNECTS = 5
RECONNECT_SECONDS = 0.5


def run_job(job: Job, *, url: str | None, start: bool, as_json: bool) -> None:
    """Do `job`; leave with the exit code that its end asks for."""
    settings = client_settings()
    if job.out:
        check_folder(job.out)
    message = job.message(settings.max_file_bytes)
    code = run(_ask(settings, job, message, url, start, Talk(as_json=as_json, out=job.out)))
    raise typer.Exit(code)


def watch_task(task_id: str, *, url: str | None, out: Path | None, as_json: bool) -> None:
    """Follow a task to its rest."""
    settings = client_settings()
    raise typer.Exit(run(_watch(settings, task_id, url, Talk(as_json=as_json, out=out))))


def cancel_task(task_id: str, *, url: str | None) -> None:
    """Cancel a task. Raises `ConflictError` for one that has ended."""
    settings = client_settings()

    async def cancel() -> None:
        async with Gateway.open(settings, url) as gateway:
            agent = await gateway.agent(await _agent_of(gateway, task_id))
            await agent.cancel(task_id)

    run(cancel())
    typer.echo(f"Canceled {task_id}.")


async def _ask(settings: Settings, job: Job, message: Message, url: str | None, start: bool, talk: Talk) -> int:
    async with reached(settings, url, talk, start=start) as gateway:
        agent = await gateway.agent(job.agent or await _agent_of(gateway, job.task_id))
        return await converse(agent, message, talk, job.timeout)


@asynccontextmanager
async def reached(settings: Settings, url: str | None, talk: Talk, *, start: bool = True) -> AsyncIterator[Gateway]:
    """The gateway; if none answers, and none was named, that of a network which is started for as long as the block."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway.open(settings, url))
        if not await gateway.answers():
            if url or not start:
                raise no_gateway(gateway.url)
            from agentnet.process.launch import (  # only when it must: it takes a second to import
                network,
                with_free_ports,
                with_project_docs,
            )

            talk.say(f"No gateway answers at {gateway.url}; starting a network for this call …")
            own = network(with_project_docs(with_free_ports(settings)), report=talk.part_is_up)
            running = await stack.enter_async_context(own)
            gateway = await stack.enter_async_context(Gateway.open(running.settings))
        yield gateway


async def converse(
    agent: AgentConnection,
    message: Message,
    talk: Talk,
    timeout: float | None = None,
    outcome: Outcome | None = None,
) -> int:
    """Send `message`, show what happens, pass questions to the user and answers back; the exit code.

    What was heard is in `outcome` afterwards.
    """
    outcome = outcome or Outcome(in_pieces=agent.in_pieces)
    try:
        async with asyncio.timeout(timeout):
            while True:
                outcome.sent(message)
                await _follow(agent, agent.send(message), outcome, talk)
                reply = (
                    await talk.answer_to(outcome.said or f"{agent.name} needs an answer.") if outcome.waits else None
                )
                if reply is None:
                    return talk.finish(outcome, agent.name)
                asked = question_id(outcome.heard.status.message)
                message = answer(reply, outcome.task_id, outcome.context_id, asked)
    except TimeoutError:
        await _cancel(agent, outcome, talk)
        # The task is cancelled first: nobody waits for it any more, and it would go on costing tokens.
        talk.progress.print(f"No result within {timeout:g} s.", style="red")
        return exits.TASK_FAILED
    except asyncio.CancelledError:
        await _cancel(agent, outcome, talk)
        raise


async def _watch(settings: Settings, task_id: str, url: str | None, talk: Talk) -> int:
    async with Gateway.open(settings, url) as gateway:
        return await watch(gateway, task_id, talk)


async def watch(gateway: Gateway, task_id: str, talk: Talk) -> int:
    """Follow a task to its rest, and show its end; the exit code."""
    tree = await gateway.tree(task_id)
    name = str(tree[0]["agent"])
    agent = await gateway.agent(name)
    outcome = Outcome(in_pieces=agent.in_pieces)
    if words := waits_for(tree[0]):  # told before we came: a stream begins with what comes next
        talk.say(f"{name}: {words}")
    try:
        await _follow(agent, agent.subscribe(task_id), outcome, talk, stops=True)
    except ConflictError:
        from agentnet.cli.gateway.listings import print_tree

        if not talk.as_json:
            print_tree(tree, talk.progress)
        talk.is_late = True
        outcome.take(StreamResponse(task=await agent.get(task_id)))
    return talk.finish(outcome, name)


async def _follow(
    agent: AgentConnection, events: AsyncIterator[StreamResponse], outcome: Outcome, talk: Talk, *, stops: bool = False
) -> None:
    """Take events until the task rests; a stream that breaks off is taken up again.

    A subscription goes on beyond questions, so it `stops` at the first; what was sent may find its task still asking.
    """
    with talk.trail() as trail:
        for attempt in range(RECONNECTS + 1):
            try:
                await _take(events, outcome, trail, stops or attempt > 0)
                if outcome.rests or not outcome.task_id:
                    return
            except UnavailableError as error:
                if not outcome.task_id:
                    raise
                if attempt == RECONNECTS:
                    raise _lost(outcome, str(error)) from None
            # Once the stream was open, this says that the task ended just now: the next look shows how.
            except ConflictError:
                if attempt == 0:
                    raise
            await asyncio.sleep(RECONNECT_SECONDS * attempt)
            events = _again(agent, outcome.task_id)
    raise _lost(outcome, "Its stream ended too early, time and again.")


def _lost(outcome: Outcome, why: str) -> UnavailableError:
    """The task goes on without us: how to come back to it."""
    how = f"`agentnet watch {outcome.task_id}` follows it once the gateway answers again."
    return UnavailableError(f"Lost sight of task {outcome.task_id}, which goes on: {why}", hint=how)


async def _again(agent: AgentConnection, task_id: str) -> AsyncIterator[StreamResponse]:
    task = await agent.get(task_id)
    yield StreamResponse(task=task)
    if task.status.state not in RESTING_STATES:
        async for event in agent.subscribe(task_id):
            yield event


async def _take(events: AsyncIterator[StreamResponse], outcome: Outcome, trail: Trail, stops: bool) -> None:
    async with aclosing(events) as stream:  # type: ignore[type-var]
        async for event in stream:
            step = outcome.take(event)
            if step is not None:
                trail.show(step)
            elif event.HasField("status_update") and outcome.heard.state == WORKING and outcome.said:
                trail.say(outcome.said)  # what the agent says on its way; at its end it is the answer or the reason
            if stops and outcome.rests:
                return


async def _cancel(agent: AgentConnection, outcome: Outcome, talk: Talk) -> None:
    if outcome.waits:
        talk.say_how_to_answer(outcome)
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
    return str(tree[0]["agent"])
