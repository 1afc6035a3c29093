"""The executor of specialists: runs the OpenAI Agents SDK on a task and streams what happens.

An execution begins from the start every time: the journal answers what was done before, the rest is done now. It ends
when the agent has answered, when a question has to be asked, or when the task was handed off.
"""

import asyncio
import copy
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.types.a2a_pb2 import Artifact, Message, Part, StreamResponse, TaskArtifactUpdateEvent, TaskState
from agents import (
    Agent,
    MaxTurnsExceeded,
    ModelBehaviorError,
    ModelProvider,
    ModelRefusalError,
    ModelSettings,
    ModelTimeoutError,
    RunConfig,
    Runner,
    RunResultStreaming,
    ToolExecutionConfig,
)
from openai import APIError
from openai.types.responses import ResponseTextDeltaEvent

from agentnet.errors import AgentNetError
from agentnet.files.store import FileStore
from agentnet.identity import Principal
from agentnet.identity.admin import DEFAULT_TENANT
from agentnet.manifests.manifest import Specialist
from agentnet.mcp.finding import FINDER_NAMES
from agentnet.models.failures import failure_in
from agentnet.prompts.tokens import of_tools
from agentnet.runs.answer_form import AnswerForm, Unfit, mending
from agentnet.runs.attachments import seen
from agentnet.runs.context import endpoint_of
from agentnet.runs.conversation import as_input, earlier_in_context, requests_of
from agentnet.runs.definition import ask_user_tool, build_agent, check_served, load_tools, tools_elsewhere
from agentnet.runs.delegation import Peers
from agentnet.runs.ending import Ending
from agentnet.runs.finders import finders
from agentnet.runs.forms import fit, left_out, more_of, no_such_tool
from agentnet.runs.giving_up import event_of, give_up_tool
from agentnet.runs.journal import JournaledModels, tools_called
from agentnet.runs.question import Question, remember, take_answer
from agentnet.runs.repeated import Repeated
from agentnet.runs.scope import MAX_TOOLS, RunScope
from agentnet.runs.toolservers import Served, ToolServers
from agentnet.tasks.events import agent_message, status_update
from agentnet.tasks.execution import RUN
from agentnet.tasks.run import TaskRun
from agentnet.tasks.steps import ANSWER
from agentnet.tasks.store import TaskStore

logger = logging.getLogger(__name__)

MANY_TOKENS = 1000
"""Of a folder's tools: fewer take no half of any context that an agent can work in."""
NAME = "answer"
"""Name of the artifact that holds the agent's answer; what a peer answered has the peer's name before it."""
TURNS = frozenset({"response.created", "response.completed"})
"""Events at which a turn of the model begins, or ends."""
JSON = "application/json"


class SpecialistExecutor(AgentExecutor):
    """Runs one specialist. Everything it needs from outside comes through the constructor."""

    def __init__(
        self,
        specialist: Specialist,
        *,
        models: ModelProvider,
        model_name: str,
        model_settings: ModelSettings,
        store: TaskStore,
        files: FileStore,
        tool_servers: ToolServers,
        peers: Peers,
        max_tools: int = MAX_TOOLS,
    ) -> None:
        self.specialist = specialist
        self._models = models
        self._store = store
        self._files = files
        self._tool_servers = tool_servers
        own = load_tools(specialist)
        self.own_tools = own.tools
        names = {tool.name for tool in own.tools}
        self._elsewhere = tools_elsewhere(specialist, [*names, *own.left_out])
        # Made once, and copied for each run: the SDK looks at the types of their fields each time (0.7 ms), and a
        # tool's schema costs a millisecond. What a call of it needs of its task comes with the call, in the scope.
        ending = [give_up_tool()] if specialist.manifest.give_up else []
        built_in = fit([*peers.tools(), ask_user_tool(), *ending]).tools
        self._built_in = [tool for tool in built_in if tool.name not in names]  # a folder's own goes before
        self._taken = frozenset({*names, *(tool.name for tool in self._built_in), *FINDER_NAMES})
        self._max_tools = max_tools
        is_many = len(own.tools) + len(self._built_in) > max_tools or of_tools([*own.tools]) > MANY_TOKENS
        self._many = {tool.name: tool for tool in own.tools} if is_many else {}
        notes = [specialist.instructions, left_out(own.left_out), more_of(own.tools)]
        settings = replace(model_settings, max_tokens=specialist.manifest.limits.max_output_tokens)
        self._agent = build_agent(specialist, model_name, settings, "\n\n".join(filter(None, notes)))
        self._form = self._agent.output_type if isinstance(self._agent.output_type, AnswerForm) else None
        self._finders = finders(self._agent.approvals)
        self._config = RunConfig(
            tracing_disabled=True,  # the SDK would send prompts to OpenAI, whatever model is used
            tool_not_found_behavior="return_error_to_model",
            tool_error_formatter=no_such_tool,
            tool_execution=ToolExecutionConfig(
                max_function_tool_concurrency=specialist.manifest.limits.max_parallel_tools
            ),
        )

    async def check_servers(self, tenant: str) -> None:
        """Look for what the manifest names of servers' tools, at those servers that answer `tenant` by now.

        Raises `ManifestError`.
        """
        if self._elsewhere:
            await self._served(Principal(tenant, f"service:agent:{self.specialist.name}"))

    async def connect(self) -> None:
        """Connect to the manifest's servers as the default tenant: where there is no other, no task waits for that."""
        name = self.specialist.name
        # Its chain is that of its tasks: the connection stays, and is theirs.
        principal = Principal(DEFAULT_TENANT, f"service:agent:{name}", chain=(f"agent:{name}",))
        await self._tool_servers.connect(principal, self.specialist.manifest.mcp_servers, self._taken)

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Run the task of `context` until it rests."""
        run: TaskRun = context.call_context.state[RUN]
        scope = RunScope(run, self.specialist.name, self._files, max_tools=self._max_tools)
        await run.emit(status_update(run.named, TaskState.TASK_STATE_WORKING))
        await self._take_answer(run)
        # A task of its own: a question ends the execution from outside, while a tool still waits inside of the SDK.
        running = asyncio.create_task(self._run(scope))
        try:
            either: list[asyncio.Future[Any]] = [running, scope.asked]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
                await event_queue.enqueue_event(status_update(run.named, TaskState.TASK_STATE_COMPLETED).status_update)
                return
            reason = scope.asked.result()
            if isinstance(reason, Ending):
                await event_queue.enqueue_event(event_of(reason, scope).status_update)
                return
            await self._ask(run, reason, event_queue)
        finally:
            scope.over = True
            running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await running

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Nothing is left to stop: the execution was cancelled, and with it the model call and the tools."""

    async def _take_answer(self, run: TaskRun) -> None:
        seen = requests_of(run)[1:]
        consumed = {key for key in run.leased.journal if key.startswith("request/")}
        await take_answer(run, [message for message in seen if f"request/{message.message_id}" not in consumed])

    async def _ask(self, run: TaskRun, question: Question, event_queue: EventQueue) -> None:
        await remember(run, question)
        task = run.named
        message = agent_message(task, question.text)
        del message.parts[:]
        message.parts.extend(question.parts(run))
        await event_queue.enqueue_event(status_update(task, question.state, message).status_update)

    async def _run(self, scope: RunScope) -> None:
        """Answer each request of the task in turn; those answered before are replayed."""
        run = scope.run
        agent = await self._agent_of(scope)
        scope.tools = agent.tools
        self._check_definition(run, {tool.name for tool in agent.tools})
        limits = self.specialist.manifest.limits
        models = JournaledModels(self._models, scope, limits.max_tokens)
        items: list[Any] = await earlier_in_context(run, self._store, self._files)
        answered = 0
        result: RunResultStreaming | None = None
        while answered < len(requests := requests_of(run)):
            request: Message = requests[answered]
            if result is not None:
                items = [*result.to_input_list()]
            items.append(await self._input(request, scope))
            scope.answering, scope.repeated = answered, Repeated()
            result = await self._in_form(agent, models, scope, items, answered)
            if answered:  # the first is the task's own; later ones might be taken for answers by a replay
                await run.journal(f"request/{request.message_id}", b"")
            answered += 1

    def _check_definition(self, run: TaskRun, tools: set[str]) -> None:
        """A task that began under another definition goes on if its journal fits this one. Raises `AgentNetError`."""
        # Steps are found by their order and their tools' names: a replay under other tools would go another way.
        began, now = run.leased.definition, self.specialist.definition
        if began != now and (gone := tools_called(run.leased.journal) - tools):
            raise AgentNetError(
                f"This task began under {self.specialist.name} {began}; {now}, which runs now, has no longer what the "
                f"task has used: {', '.join(sorted(gone))}."
            )

    async def _agent_of(self, scope: RunScope) -> "Agent[RunScope]":
        """An agent for this run alone: the SDK slows down when runs share one. Its tools are shared."""
        served = await self._served(scope.principal())
        agent = copy.copy(self._agent)
        agent.tools = [*self.own_tools, *served.tools, *self._built_in]
        # Without any tool of a server, too: a replay may have used some that is away now.
        has_servers = bool(self.specialist.manifest.mcp_servers)
        if (has_servers or self._many) and not any(tool.name in FINDER_NAMES for tool in agent.tools):
            agent.tools += self._finders
            scope.served, scope.own = served.by_name if has_servers else None, self._many
        more = served.more if len(agent.tools) <= self._max_tools else ""  # of tools that are found one by one
        if notes := [note for note in (served.note, more) if note]:
            agent.instructions = "\n\n".join([str(self._agent.instructions), *notes])
        return agent

    async def _served(self, principal: Principal) -> Served:
        served = await self._tool_servers.tools(principal, self.specialist.manifest.mcp_servers, self._taken)
        if self._elsewhere:
            check_served(self.specialist, self._elsewhere, {tool.name for tool in served.tools}, served.missing)
        return served

    async def _input(self, request: Message, scope: RunScope) -> dict[str, Any]:
        """The request as the model reads it; of files that it does not take people are told, too."""
        name = self._agent.model if isinstance(self._agent.model, str) else None
        endpoint = endpoint_of(self._models.get_model(name))
        found = await seen(request, self._files, scope.run.leased, endpoint)
        told = f"unread/{request.message_id}"
        if found.unread and endpoint is not None and told not in scope.run.leased.journal:
            for number, sentence in enumerate(found.unread):
                step = await scope.begin("model", f"{told}/{number}", endpoint.label, "")
                await step.end(sentence, ok=False)
            scope.note(told, b"")
        return await as_input(request, self._files, scope.run.leased, found)

    async def _in_form(
        self, agent: "Agent[RunScope]", models: ModelProvider, scope: RunScope, items: list[Any], number: int
    ) -> RunResultStreaming:
        """Answer one request; where answers have a form, in it. Raises `AgentNetError`."""
        result = await self._answer(agent, models, scope, items, number)
        if self._form is None:
            return result
        found = self._form.of_run(result.final_output, scope.handed_off)
        if isinstance(found, Unfit) and scope.handed_off is None:
            again = {"role": "user", "content": found.request}
            result = await self._answer(mending(agent), models, scope, [*result.to_input_list(), again], number)
            found = self._form.of_run(result.final_output, scope.handed_off)
        if isinstance(found, Unfit):
            raise AgentNetError(f"The answer does not fit the form that {scope.agent} is to give it. {found.problems}")
        await _AnswerWriter(scope.run, number).put(Part(data=found.part(), media_type=JSON))
        return result

    async def _answer(
        self, agent: "Agent[RunScope]", models: ModelProvider, scope: RunScope, items: list[Any], number: int
    ) -> RunResultStreaming:
        limits = self.specialist.manifest.limits
        config = copy.copy(self._config)
        config.model_provider = models
        result = Runner.run_streamed(agent, items, context=scope, max_turns=limits.max_turns, run_config=config)
        try:
            await self._stream(result, scope, number)
        except MaxTurnsExceeded:
            raise AgentNetError(
                f"Stopped after {limits.max_turns} model turns, the limit of this agent (limits.max_turns). "
                "The task is not done."
            ) from None
        except (APIError, ModelBehaviorError, ModelRefusalError, ModelTimeoutError) as error:  # of installed models
            raise failure_in(error) from error
        return result

    async def _stream(self, result: RunResultStreaming, scope: RunScope, number: int) -> None:
        writer = _AnswerWriter(scope.run, number)
        try:
            async for event in result.stream_events():
                if scope.handed_off is not None:  # or the model would comment on an answer that is not its own
                    result.cancel(mode="immediate")
                    break
                if event.type != "raw_response_event":
                    continue
                if isinstance(event.data, ResponseTextDeltaEvent):
                    if self._form is None:  # half a value is no word of an answer
                        await writer.write(event.data.delta)
                elif event.data.type in TURNS:  # one that begins anew takes back what it has said
                    writer.end_turn()
        except BaseException:
            result.cancel(mode="immediate")
            raise
        if self._form is None:
            await writer.finish(scope.handed_off if scope.handed_off is not None else str(result.final_output or ""))


class _AnswerWriter:
    """Streams the answer as one artifact. Words before a tool call are replaced by those that come after it."""

    def __init__(self, run: TaskRun, number: int) -> None:
        self._run = run
        self._artifact_id = f"{ANSWER}-{number + 1}" if number else ANSWER
        self._name = f"{NAME} {number + 1}" if number else NAME
        self._written = ""
        self._fresh = True

    async def write(self, text: str) -> None:
        """Show more of the answer."""
        if text:
            await self._emit(text, append=not self._fresh)
            self._written = text if self._fresh else self._written + text
            self._fresh = False

    def end_turn(self) -> None:
        """What comes next belongs to another turn of the model."""
        self._fresh = True

    async def finish(self, answer: str) -> None:
        """Make sure that the artifact holds exactly `answer`, and close it."""
        if self._written == answer and answer:  # streamed already: only its end is missing
            await self._emit("", append=True, last_chunk=True)
        elif answer and not self._stored(answer):
            await self._emit(answer, append=False, last_chunk=True)

    async def put(self, value: Part) -> None:
        """Show an answer that is one value."""
        if self._before() != [value]:
            await self._show(value, append=False, last_chunk=True)

    def _stored(self, answer: str) -> bool:
        """Whether an earlier execution of this task has shown the whole answer already."""
        parts = self._before()
        return bool(parts) and "".join(part.text for part in parts) == answer

    def _before(self) -> list[Part]:
        """What an earlier execution of this task has shown."""
        artifacts = self._run.leased.projection.snapshot().artifacts
        return [part for each in artifacts if each.artifact_id == self._artifact_id for part in each.parts]

    async def _emit(self, text: str, *, append: bool, last_chunk: bool = False) -> None:
        await self._show(Part(text=text), append=append, last_chunk=last_chunk)

    async def _show(self, part: Part, *, append: bool, last_chunk: bool) -> None:
        task = self._run.leased
        update = TaskArtifactUpdateEvent(
            task_id=str(task.lease.task_id),
            context_id=task.context_id,
            artifact=Artifact(artifact_id=self._artifact_id, name=self._name, parts=[part]),
            append=append,
            last_chunk=last_chunk,
        )
        await self._run.emit(StreamResponse(artifact_update=update))
