"""What an agent said so far as the MCP result that it makes."""

from dataclasses import dataclass
from typing import Any

import mcp_types as types
from a2a.types.a2a_pb2 import DESCRIPTOR, TaskState

from agentnet.tasks.events import TERMINAL_STATES
from agentnet.tasks.projection import Projection
from agentnet.tasks.values import value_json
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
"""Of the texts of an answer, which stand in a result twice; hosts take little more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was heard of `agent` in one call."""

    agent: str
    heard: Projection

    def result(self) -> types.CallToolResult:
        """The tool's result: what the agent made and said; an error for a task that failed."""
        heard = self.heard
        if heard.state in FAILED:
            # A result, not an error of the protocol: those never reach the model, which may mend its call (MCP, tools).
            return self._result(self._said(f"The task was {STATE_NAMES[heard.state]}."), is_error=True)
        if heard.asks:
            hint = SIGN_IN if heard.state == TaskState.TASK_STATE_AUTH_REQUIRED else ANSWER
            how = f"({hint.format(task_id=heard.task_id)})"
            return self._result(self._said("The agent needs more to go on."), how)
        if heard.task_id and not heard.is_over:
            said = f"The agent still works. Call this tool again with task_id {heard.task_id!r} and an empty message."
            return self._going_on(said)
        return self._result(self._said(""))

    def left(self, reason: str) -> types.CallToolResult:
        """The result of a call that ends while its task goes on: an error that says how to have the task's result."""
        said = f"{reason} Call this tool again with task_id {self.heard.task_id!r} and an empty message."
        return self._going_on(said, is_error=True)

    def _said(self, otherwise: str) -> "Words":
        """The answer's words; `otherwise` where the agent says nothing in the end and made no text."""
        made, closing = self.heard.text, self.heard.closing
        whole = paragraphs(made, closing) or otherwise
        # What the agent says in its status stands in no artifact: it could be read nowhere else.
        return Words(paragraphs(made[:MAX_TEXT_CHARACTERS], closing) or otherwise, len(whole))

    def _result(self, words: "Words", how: str = "", is_error: bool = False) -> types.CallToolResult:
        contents = Contents(self.agent, self.heard.task_id)
        cut = f"(These are {len(words.text)} of {words.whole} characters.)" if words.is_cut else ""
        if text := paragraphs(words.text, cut, how):
            contents.add_text(text)
        for artifact in (*self.heard.own_artifacts, *self.heard.sent_along):
            if words.is_cut:
                contents.add_link(artifact)
            contents.add(artifact)
        blocks = contents.blocks or [types.TextContent(text="The agent is done and has nothing to say.")]
        more = {"truncated": {"characters": words.whole, "resources": contents.links}} if words.is_cut else {}
        return self._structured(blocks, words.text, is_error, **more)

    def _going_on(self, said: str, is_error: bool = False) -> types.CallToolResult:
        words = self._said("")
        more = {"truncated": {"characters": words.whole}} if words.is_cut else {}
        return self._structured([types.TextContent(text=said)], words.text, is_error, **more)

    def _structured(
        self, content: list[types.ContentBlock], answer: str, is_error: bool, **more: Any
    ) -> types.CallToolResult:
        # In both forms: hosts read `content`, programs this; the specification asks for the text beside it
        # (MCP 2025-06-18, tools: structured content).
        structured = {
            "task_id": self.heard.task_id,
            "context_id": self.heard.context_id,
            "state": STATE_NAMES.get(self.heard.state, "unspecified"),
            "answer": self._answer_in_words(answer),
            **more,
        }
        if (data := self.heard.data) is not None:
            structured["data"] = value_json(data.data)
        return types.CallToolResult(content=content, structured_content=structured, is_error=is_error)

    def _answer_in_words(self, answer: str) -> str:
        """Where the agent answers with a value for programs, that as JSON."""
        return answer or self.heard.answer_or_data[:MAX_TEXT_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Words:
    """An answer's words as far as a result holds them."""

    text: str
    whole: int
    """Characters of all of them."""

    @property
    def is_cut(self) -> bool:
        """Whether there are more."""
        return self.whole > len(self.text)


def paragraphs(*texts: str) -> str:
    """Those that say anything, a paragraph each."""
    return "\n\n".join(filter(None, texts))
