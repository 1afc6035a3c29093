"""The journal's two seams in the OpenAI Agents SDK: every model call and every tool call passes here.

A step that is in the journal is answered from it; any other is executed, and its result stored with the events before
it. So a run is resumed by running it again from the start. Keys: `m<n>` for the n-th model turn of a scope,
`t:<call id>` for a tool call; the scope is the path of nested agent-as-tool calls.
"""

import asyncio
import copy
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from agents import (
    Agent,
    FunctionTool,
    Model,
    ModelBehaviorError,
    ModelProvider,
    RunContextWrapper,
    Tool,
)
from agents.tool import set_function_tool_failure_error_function
from agents.tool_context import ToolContext
from openai.types.responses import Response, ResponseCompletedEvent, ResponseOutputItemDoneEvent

from agentnet.errors import AgentNetError
from agentnet.models.endpoints.notice import Notice
from agentnet.models.whole import whole
from agentnet.runs.approval import Approvals
from agentnet.runs.context import Contexts
from agentnet.runs.forms import given, why_not
from agentnet.runs.scope import RunScope
from agentnet.runs.traits import traits_in
from agentnet.runs.waiting import Waiting
from agentnet.tasks.foreign import described, tamed, words
from agentnet.tasks.records import LostLeaseError
from agentnet.telemetry.logs import redact

logger = logging.getLogger(__name__)

MAX_REASON = 1000
"""Characters of what a function of a folder raises that its model is told."""
TURN_KEY = re.compile(r"m\d+")
"""Key of a model turn that is no nested agent's."""

scope_path: ContextVar[str] = ContextVar("scope_path", default="")
"""Where in the run this code is: the path of nested calls, ending in `/`."""

call_key: ContextVar[str] = ContextVar("call_key", default="")
"""Key of the tool call that this code belongs to: unique in the run and the same in every replay."""

_failures: ContextVar[list[Exception] | None] = ContextVar("failures", default=None)
"""What the function of the tool that is being called raised, though its model gets words."""


class JournaledModels(ModelProvider):
    """Wraps the models of `inner` for one run."""

    def __init__(self, inner: ModelProvider, scope: RunScope, max_tokens: int | None) -> None:
        self._inner = inner
        self._scope = scope
        self._max_tokens = max_tokens
        self._turns: dict[str, int] = {}
        self._contexts = Contexts(scope)

    def get_model(self, model_name: str | None) -> Model:
        """The model of that name, journaled."""
        inner = self._inner.get_model(model_name)
        return _JournaledModel(inner, self._scope, self._turns, self._contexts, self._max_tokens)


class _JournaledModel(Model):
    def __init__(
        self, inner: Model, scope: RunScope, turns: dict[str, int], contexts: Contexts, max_tokens: int | None
    ) -> None:
        self._inner = inner
        self._contexts = contexts
        self._scope = scope
        self._turns = turns
        self._max_tokens = max_tokens

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        """A turn in one piece, as nested agents ask for it: the same step of the journal as if it were streamed."""
        return await whole(self.stream_response(*args, **kwargs))

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        """The events of a model turn: from the journal, or live and then into the journal."""
        self._scope.check()
        path = scope_path.get()
        turn = self._turns[path] = self._turns.get(path, 0) + 1
        key = f"{path}m{turn}"
        stored = self._scope.run.leased.journal.get(key)
        if stored is not None:
            response = Response.construct(**json.loads(stored))  # as lenient as the client was when it read it
            self._contexts.at(path).replayed(self._inner, key, args, response.usage)
            for index, item in enumerate(response.output):
                yield ResponseOutputItemDoneEvent(
                    item=item, output_index=index, sequence_number=index, type="response.output_item.done"
                )
            self._announce(response)
            yield ResponseCompletedEvent(
                response=response, sequence_number=len(response.output), type="response.completed"
            )
            return
        self._check_budget()
        await self._scope.run.make_sure()  # a turn costs money; two owners at once would both pay
        self._scope.working += 1
        finished, waiting = False, Waiting(self._scope, key)
        try:
            live = self._contexts.at(path).stream(self._inner, key, args, kwargs, waiting.later)
            async with _closing(live) as events:
                async for event in events:
                    if isinstance(event, Notice):
                        await waiting.say(event)
                        continue
                    if waiting.is_told:
                        await waiting.over()
                    if isinstance(event, ResponseCompletedEvent):  # noted before the runner acts on it
                        self._announce(event.response)
                        self._scope.note(key, event.response.model_dump_json(warnings=False).encode())
                        finished = True
                    yield event
        except AgentNetError as error:
            await waiting.over(error)
            raise
        finally:
            waiting.drop()
            self._scope.working -= 1
            if not finished:  # the runner may call again: still the same turn, also for a replay
                self._turns[path] = turn - 1

    def _announce(self, response: Response) -> None:
        self._scope.announced += sum(1 for item in response.output if item.type == "function_call")
        if response.usage is not None:
            self._scope.tokens += response.usage.total_tokens

    def _check_budget(self) -> None:
        limit = self._max_tokens
        if limit is not None and self._scope.tokens >= limit:
            raise AgentNetError(f"Stopped: the task used {self._scope.tokens} model tokens; its limit is {limit}.")


@asynccontextmanager
async def _closing(events: Any) -> AsyncIterator[Any]:
    """The events of a model, closed in the end. A model need not stream by a generator."""
    try:
        yield events
    finally:
        if hasattr(events, "aclose"):
            await events.aclose()


class JournaledAgent(Agent[RunScope]):
    """An SDK agent whose tools are journaled. The runner asks for tools in this one place."""

    async def get_all_tools(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        """The tools, each wrapped."""
        # Asked twice a turn, and the SDK makes a task for each tool to find out whether it is enabled.
        tools = self.tools if self._are_plain else await super().get_all_tools(run_context)
        return [journaled(tool, self.approvals) if isinstance(tool, FunctionTool) else tool for tool in tools]

    @property
    def _are_plain(self) -> bool:
        """Whether the tools are functions, all there for every run: nothing has to be found out."""
        return not self.mcp_servers and all(
            type(tool) is FunctionTool and tool.is_enabled is True for tool in self.tools
        )

    @property
    def approvals(self) -> Approvals:
        """Which tools need a person first."""
        found: Approvals = getattr(self, "_approvals", Approvals())
        return found


def journaled(tool: FunctionTool, approvals: Approvals) -> FunctionTool:
    """`tool`, journaled: made once, for tools are shared by all runs, and so are an agent's approvals."""
    if getattr(tool, "_passes_on", False):
        return tool
    known: tuple[Approvals, FunctionTool] | None = getattr(tool, "_agentnet_journaled", None)
    if known is None or known[0] is not approvals:
        known = approvals, _wrapped(tool, approvals)
        tool._agentnet_journaled = known  # type: ignore[attr-defined]
    return known[1]


def _wrapped(tool: FunctionTool, approvals: Approvals) -> FunctionTool:
    wrapped = copy.copy(tool)
    nested = bool(getattr(tool, "_is_agent_tool", False))

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        scope: RunScope = context.context
        scope.check()
        scope.announced -= 1
        key = f"{scope_path.get()}t:{context.tool_call_id}"
        stored = scope.run.leased.journal.get(key)
        if nested:  # what it returns follows from its own journal
            result = await _execute_nested(tool, scope, key, context, arguments)
        elif stored is not None:
            result = json.loads(stored)
        else:
            result = await _execute(tool, approvals, scope, key, context, arguments)
        return await scope.repeated.told(scope, tool.name, arguments, result, acts=not traits_in(tool).reads_only)

    wrapped.on_invoke_tool = invoke
    return wrapped


async def _execute_nested(
    tool: FunctionTool, scope: RunScope, key: str, context: ToolContext[Any], arguments: str
) -> Any:
    arguments, refusal = await given(tool, scope, key, arguments)
    if refusal is not None:
        return refusal
    token = scope_path.set(f"{scope_path.get()}{context.tool_call_id}/")
    try:
        return await tool.on_invoke_tool(context, arguments)
    finally:
        scope_path.reset(token)


async def _execute(
    tool: FunctionTool, approvals: Approvals, scope: RunScope, key: str, context: ToolContext[Any], arguments: str
) -> Any:
    token = call_key.set(key)
    scope.working += 1
    try:
        arguments, refusal = await given(tool, scope, key, arguments)  # first: nobody is asked about a call in vain
        if refusal is None:
            read = arguments
            arguments, refusal = await approvals.clear(tool.name, traits_in(tool), scope, key, arguments)
            if refusal is None and arguments is not read:  # edited by a person
                arguments, refusal = await given(tool, scope, key, arguments)
        if refusal is not None:
            scope.note(key, json.dumps(refusal).encode())
            return refusal
        acts = not traits_in(tool).reads_only
        if acts:
            await scope.run.flush()  # no effect may stand on a turn that is lost: a replay would decide anew
        await scope.run.make_sure()  # as late as can be: the effect may not be taken back
        result = await _told(tool, scope, key, context, arguments)
        scope.note(key, json.dumps(result, default=str).encode(), at_once=acts)
        return result
    finally:
        scope.working -= 1
        scope.settle()
        call_key.reset(token)


async def _told(tool: FunctionTool, scope: RunScope, key: str, context: ToolContext[Any], arguments: str) -> Any:
    """Call the tool; those that tell of themselves (delegations, questions) are not told of here."""
    if getattr(tool, "_tells_itself", False):
        return await tool.on_invoke_tool(context, arguments)
    step = await scope.begin("tool", key, tool.name, arguments)
    failures: list[Exception] = []
    token = _failures.set(failures)
    try:
        result = await _contained(tool, context, arguments)
    except AgentNetError as error:
        await step.end(str(error), ok=False)
        return in_words(context, error)
    except Exception as error:
        await step.end(_reason(error), ok=False)
        raise
    finally:
        _failures.reset(token)
    if failures:
        await step.end(_reason(failures[0]), ok=False)
        return result
    await step.end(result if isinstance(result, str) else json.dumps(result, default=str))
    return result


async def _contained(tool: FunctionTool, context: ToolContext[Any], arguments: str) -> Any:
    """Call the tool. What would end the event loop, or the run without a word, fails this call alone."""
    running = asyncio.current_task()
    asked = running.cancelling() if running else 0
    try:
        return await tool.on_invoke_tool(context, arguments)
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and running and running.cancelling() > asked:
            raise  # by us
        failure = tamed(error)
        if isinstance(failure, LostLeaseError):
            raise failure from None
        failure.__cause__ = error
        logger.error("the tool %s failed", tool.name, exc_info=failure)
        raise AgentNetError(words(failure)) from None


def in_words(context: RunContextWrapper[Any], error: Exception) -> str:
    """What the model is told of a failed call: errors that are made to be read, others stay in the log."""
    if isinstance(error, (AgentNetError, ModelBehaviorError)):
        return f"Error: {error}"
    _log_failure(context, error)
    return f"Error: the tool failed ({type(error).__name__})."


def _log_failure(context: RunContextWrapper[Any], error: Exception) -> None:
    logger.error("the tool %s failed", getattr(context, "tool_name", "of an agent"), exc_info=error)


def tells_failures(tool: FunctionTool) -> FunctionTool:
    """Let what a function of a folder raises be seen: in its step, in the log, and by its model, whose tool it is.

    The SDK's own answer to the model says nothing and is logged nowhere. What looks like a secret is struck out.
    """
    theirs = None if tool._use_default_failure_error_function else tool._failure_error_function
    if theirs is None and not tool._use_default_failure_error_function:
        return tool  # its author wants the run to fail

    def told(context: RunContextWrapper[Any], error: Exception) -> Any:
        if (failures := _failures.get()) is not None:
            failures.append(error)
        if isinstance(error, AgentNetError):
            words = f"Error: {error}"
        elif isinstance(error, ModelBehaviorError):
            words = f"Error: {why_not(tool, getattr(context, 'tool_arguments', '')) or error}"
        else:
            _log_failure(context, error)
            words = f"Error: the tool failed ({redact(described(error))[:MAX_REASON]})."
        return theirs(context, error) if theirs else words

    return set_function_tool_failure_error_function(tool, told)


def _reason(error: Exception) -> str:
    return words(error) if isinstance(error, AgentNetError) else described(error)


def tools_called(journal: Mapping[str, bytes]) -> set[str]:
    """Names of the tools that the model turns in `journal` called, those of nested agents left out."""
    turns = [json.loads(value) for key, value in journal.items() if TURN_KEY.fullmatch(key)]
    return {item["name"] for turn in turns for item in turn["output"] if item["type"] == "function_call"}


def tells_itself(tool: FunctionTool) -> FunctionTool:
    """Mark a tool that reports its own steps."""
    tool._tells_itself = True  # type: ignore[attr-defined]
    return tool


def passes_on(tool: FunctionTool) -> FunctionTool:
    """Mark a tool that calls another, which is journaled in its stead."""
    tool._passes_on = True  # type: ignore[attr-defined]
    return tool
