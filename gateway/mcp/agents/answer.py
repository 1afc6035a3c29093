"""What an agent said so far as the MCP result that it makes."""

from dataclasses import dataclass

import mcp_types as types
from a2a.types.a2a_pb2 import DESCRIPTOR, TaskState

from agentnet.tasks.events import TERMINAL_STATES
from agentnet.tasks.projection import Projection
from gateway.mcp.agents.content import Contents

STATE_NAMES = {
    value.number: value.name.removeprefix("TASK_STATE_").lower().replace("_", "-")
    for value in DESCRIPTOR.enum_types_by_name["TaskState"].values
}
FAILED = TERMINAL_STATES - {TaskState.TASK_STATE_COMPLETED}
ANSWER = "Call this tool again with task_id {task_id!r} and the answer as message."
SIGN_IN = (
    "The user signs in where the agent says, outside of this conversation: passwords, keys and codes are no part of a "
    "message. Once that is done, call this tool again with task_id {task_id!r} and say so as message."
)
MAX_TEXT_CHARACTERS = 200_000
"""Of an answer's text, which stands in a result twice; hosts take little more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was heard of `agent` in one call."""

    agent: str
    heard: Projection

    @property
    def text(self) -> str:
        """The answer: the text of its artifacts, or what the agent says where there are none."""
        return shortened(self.heard.text or self.heard.said)

    def result(self) -> types.CallToolResult:
        """The tool's result: an error for a task that failed, the question for one that asks."""
        heard = self.heard
        if heard.state in FAILED:
            # A result, not an error of the protocol: those never reach the model, which may mend its call (MCP, tools).
            reason = heard.said or self.text or f"The task was {STATE_NAMES[heard.state]}."
            return self._result([types.TextContent(text=reason)], reason, is_error=True)
        if heard.asks:
            question = heard.said or "The agent needs more to go on."
            hint = SIGN_IN if heard.state == TaskState.TASK_STATE_AUTH_REQUIRED else ANSWER
            said = f"{question}\n\n({hint.format(task_id=heard.task_id)})"
            return self._result([types.TextContent(text=said)], question)
        if heard.task_id and not heard.is_over:
            said = f"The agent still works. Call this tool again with task_id {heard.task_id!r} and an empty message."
            return self._result([types.TextContent(text=said)], self.text)
        return self._result(self._content(), self.text)

    def left(self, reason: str) -> types.CallToolResult:
        """The result of a call that ends while its task goes on: an error that says how to have the task's result."""
        said = f"{reason} Call this tool again with task_id {self.heard.task_id!r} and an empty message."
        return self._result([types.TextContent(text=said)], self.text, is_error=True)

    def _result(self, content: list[types.ContentBlock], answer: str, is_error: bool = False) -> types.CallToolResult:
        # In both forms: hosts read `content`, programs this; the specification asks for the text beside it
        # (MCP 2025-06-18, tools: structured content).
        structured = {
            "task_id": self.heard.task_id,
            "context_id": self.heard.context_id,
            "state": STATE_NAMES.get(self.heard.state, "unspecified"),
            "answer": answer,
        }
        return types.CallToolResult(content=content, structured_content=structured, is_error=is_error)

    def _content(self) -> list[types.ContentBlock]:
        text, contents = self.text, Contents(self.agent, self.heard.task_id)
        if text:
            contents.add_text(text)
        for artifact in self.heard.own_artifacts:
            contents.add(artifact)
        return contents.blocks or [types.TextContent(text="The agent is done and has nothing to say.")]


def shortened(text: str) -> str:
    """`text` as far as a result holds it."""
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text
    return f"{text[:MAX_TEXT_CHARACTERS]}\n\n(Cut at {MAX_TEXT_CHARACTERS} of {len(text)} characters.)"
