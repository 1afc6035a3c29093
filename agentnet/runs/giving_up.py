"""The tool by which an agent says that it cannot do a task: the task ends as rejected where nothing of it was done, and
as failed otherwise, with the agent's reason. Said in an answer, nobody but a reader could tell it from a result."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

from a2a.types.a2a_pb2 import StreamResponse, TaskState
from agents import FunctionTool, function_tool
from agents.tool_context import ToolContext
from pydantic import Field

from agentnet.runs.approval import INTENT
from agentnet.runs.conversation import requests_of
from agentnet.runs.ending import Ending, end
from agentnet.runs.journal import TURN_KEY, call_key, tells_itself
from agentnet.runs.question import ANSWER, ASKED, ASTRAY
from agentnet.runs.repeated import REFUSED
from agentnet.runs.scope import RunScope
from agentnet.runs.traits import traits_in
from agentnet.tasks.events import FAILED, agent_message, status_update

GIVE_UP = "give_up"
DELEGATING = frozenset({"delegate", "handoff"})
HARMLESS = frozenset({GIVE_UP, "ask_user", "find_agents"})
IN_DOUBT = "carried out is unknown"
"""Part of a result that says that nobody knows whether something was done."""
CALL_KEY = re.compile(rf"(?!{ASKED}|{ANSWER}|{ASTRAY}|request/|context/|unread/).*?t:[^{INTENT}!]+")
"""Key of the result of a call, a nested agent's too; not of what is kept under a message's id, which may be any."""
MAX_REASON = 4000


def give_up_tool() -> FunctionTool:
    """The tool by which an agent says that it cannot do the task. Any number of runs may share it."""

    @function_tool
    async def give_up(
        context: ToolContext[Any], reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    ) -> str:
        """End the task because it cannot be done: no tool and no agent here can do it, or what it needs is not there.
        Whoever sent it is told that it failed, and why. Do not use it when you have an answer, even in part.

        Args:
            reason: Why it cannot be done, and what would be needed, in a sentence or two for whoever sent the task.
        """
        scope: RunScope = context.context
        step = await scope.begin("tool", call_key.get(), GIVE_UP, reason)
        await step.end(reason)
        if scope.answering + 1 < len(requests_of(scope.run)):  # the user has said more meanwhile, which comes next
            return "You gave up this request. Say so in a sentence; the next message of the user follows."
        return await end(scope, Ending(reason.strip(), given_up=True))

    return tells_itself(give_up)


def event_of(ending: Ending, scope: RunScope) -> StreamResponse:
    """The event that ends the task of `scope`."""
    task, journal = scope.run.named, scope.run.leased.journal
    reading = {tool.name for tool in scope.tools if isinstance(tool, FunctionTool) and traits_in(tool).reads_only}
    nothing = not scope.answering and not was_anything_done(journal, reading)
    state = TaskState.TASK_STATE_REJECTED if ending.given_up and nothing else FAILED
    return status_update(task, state, agent_message(task, ending.reason))


def was_anything_done(journal: Mapping[str, bytes], reading: Collection[str]) -> bool:
    """Whether the journal tells of a call with effects, or of a delegation, that was carried out, or may have been.

    `reading` are the tools that change nothing.
    """
    names = dict(_calls(journal))
    results = {key: value for key, value in journal.items() if CALL_KEY.fullmatch(key)}
    return any(_was_done(names.get(key.removeprefix("t:"), ""), value, reading) for key, value in results.items())


def _calls(journal: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """The calls of the run's own turns: id and tool."""
    for key, value in journal.items():
        if TURN_KEY.fullmatch(key):
            for item in json.loads(value)["output"]:
                if item["type"] == "function_call":
                    yield item["call_id"], item["name"]


def _was_done(name: str, value: bytes, reading: Collection[str]) -> bool:
    if name in HARMLESS or name in reading:
        return False
    result = json.loads(value)
    text = result if isinstance(result, str) else ""
    if IN_DOUBT in text:
        return True
    if name in DELEGATING and text.startswith("{"):
        return bool(json.loads(text).get("state") == "completed")
    return not text.startswith(REFUSED)
