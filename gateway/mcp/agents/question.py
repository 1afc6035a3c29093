"""What an agent asks (`input-required`, `auth-required`) as an MCP elicitation, and the user's answer as its message.

Data parts say what kind of question it is (docs/specialists.md, agentnet/runs): `approval`, `in-doubt`; others are
answered in words. A sign-in goes to a client that opens URLs, never into a form: forms must not ask for secrets.
"""

import json
import re
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from a2a.types.a2a_pb2 import Message, Part, Role, TaskState
from google.protobuf.struct_pb2 import Value
from mcp_types import ElicitResult
from mcp_types.jsonrpc import INVALID_PARAMS
from pydantic import ValidationError

from agentnet.tasks.events import QUESTION_ID, QUESTION_META
from agentnet.tasks.projection import Projection
from gateway.mcp.agents.content import data_of
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Question
from gateway.mcp.messages.jsonrpc import object_or_empty, read

METHOD = "elicitation/create"
ANSWERS = uuid.UUID("6f0a4b36-92a0-5a5e-8a5c-1d1f4d7f4c11")
"""Namespace of the ids of answers: a question that is answered twice is answered once."""
MAX_QUESTION_CHARACTERS = 8000
KEY_CHARACTERS = 16
REFUSALS = {"decline": "The user declined to answer.", "cancel": "The user dismissed the question."}
_URL = re.compile(r"https?://[^\s<>\"')\]]+")

Schema = dict[str, Any]

WORDS: Schema = {
    "type": "object",
    "properties": {"answer": {"type": "string", "title": "Answer"}},
    "required": ["answer"],
}
IN_DOUBT: Schema = {
    "type": "object",
    "properties": {
        "happened": {"type": "boolean", "title": "It happened"},
        "result": {"type": "string", "title": "Its result, if it happened"},
    },
    "required": ["happened"],
}


@dataclass(frozen=True, slots=True)
class AgentQuestion:
    """One question of one task."""

    task_id: str
    context_id: str
    key: str
    """Differs for each question of the task, and is the same wherever and whenever it is looked at."""
    text: str
    data: Document
    is_sign_in: bool

    @property
    def kind(self) -> str:
        """As the agent calls it; empty for a plain question."""
        return str(self.data.get("kind", ""))

    def for_client(self, capabilities: Document) -> Question | None:
        """The elicitation for a client with these capabilities; None where it cannot be asked that."""
        modes = capabilities.get("elicitation")
        if not isinstance(modes, dict):
            return None
        if self.is_sign_in:
            url = self._url() if "url" in modes else None
            return self._asked(mode="url", url=url, elicitationId=self.key) if url else None
        # `elicitation: {}` means forms: it is all that clients could say before 2025-11-25.
        if modes and "form" not in modes:
            return None
        return self._asked(mode="form", requestedSchema=self._schema())

    def answered(self, answer: Document) -> Message | None:
        """What the agent is sent for a client's `ElicitResult`; None: nothing, its task is to be cancelled.

        A refusal is told to the agent, but for a call in doubt, which the agent would repeat. Raises `McpError`.
        """
        try:
            result = ElicitResult.model_validate(answer)
        except ValidationError:
            raise McpError(INVALID_PARAMS, "The answer to an elicitation must be an ElicitResult.") from None
        if result.action != "accept":
            return self._refused(REFUSALS[result.action])
        content: Document = dict(result.content or {})
        if self.is_sign_in:
            return self._message(Part(text="The user has signed in."))
        if self.kind == "approval":
            return self._message(data_part(self._verdict(content)))
        if self.kind == "in-doubt":
            return self._settled(content)
        return self._message(Part(text=str(content.get("answer") or REFUSALS["cancel"])))

    def _settled(self, content: Document) -> Message | None:
        """Whether a call in doubt has happened; a form that does not say so is a refusal."""
        # Guessing here repeats a payment, or leaves it out.
        if not isinstance(content.get("happened"), bool):
            return None
        told = {key: content[key] for key in ("happened", "result") if content.get(key) is not None}
        return self._message(data_part(told))

    def _refused(self, reason: str) -> Message | None:
        if self.kind == "in-doubt":
            return None
        if self.kind == "approval":
            return self._message(data_part({"approve": False, "reason": reason}))
        return self._message(Part(text=reason))

    def _verdict(self, content: Document) -> Document:
        """What an approval's form says, in the agent's words. What cannot be understood is no approval."""
        verdict: Document = {"approve": content.get("decision") == "approve"}
        if reason := content.get("reason"):
            verdict["reason"] = str(reason)
        edited = str(content.get("arguments") or "")
        # The form comes back with its default filled in: then nothing was edited.
        if not verdict["approve"] or edited in ("", self._arguments()):
            return verdict
        try:
            arguments = read(edited.encode())
        except McpError:
            arguments = None
        if not isinstance(arguments, dict):
            return {"approve": False, "reason": "The edited arguments are no JSON object."}
        return verdict | {"arguments": arguments}

    def _schema(self) -> Schema:
        if self.kind == "in-doubt":
            return IN_DOUBT
        if self.kind != "approval":
            return WORDS
        properties: Schema = {
            "decision": {"type": "string", "title": "Decision", "enum": ["approve", "reject"]},
            "reason": {"type": "string", "title": "Reason", "description": "The agent is told it."},
        }
        if isinstance(self.data.get("arguments"), dict):
            told = "JSON; change it to have the call made with other arguments."
            properties["arguments"] = {
                "type": "string",
                "title": "Arguments",
                "description": told,
                "default": self._arguments(),
            }
        return {"type": "object", "properties": properties, "required": ["decision"]}

    def _arguments(self) -> str:
        return json.dumps(object_or_empty(self.data.get("arguments")), ensure_ascii=False)

    def _url(self) -> str | None:
        said = self.data.get("url")
        # From the words where no data names it: agents of others know nothing of ours.
        found = said if isinstance(said, str) else next(iter(_URL.findall(self.text)), "").rstrip(".,;")
        return found if urlsplit(found).scheme in ("https", "http") else None

    def _asked(self, **params: Any) -> Question:
        return Question(METHOD, {"message": self.text[:MAX_QUESTION_CHARACTERS], **params})

    def _message(self, part: Part) -> Message:
        identifier = str(uuid.uuid5(ANSWERS, f"{self.task_id}/{self.key}"))
        message = Message(
            message_id=identifier,
            role=Role.ROLE_USER,
            parts=[part],
            task_id=self.task_id,
            context_id=self.context_id,
        )
        if isinstance(asked := self.data.get(QUESTION_ID), str) and asked:  # it answers this question and no later one
            message.metadata.update({QUESTION_META: asked})
        return message


def question_in(heard: Projection) -> AgentQuestion | None:
    """What a task asks, if it does."""
    if not heard.asks or not heard.task_id:
        return None
    status = heard.status
    # Of the message: the same words may be asked twice, and then wait for an answer twice.
    identity = status.message.message_id or f"{status.timestamp.ToJsonString()} {heard.said}"
    return AgentQuestion(
        heard.task_id,
        heard.context_id,
        sha256(identity.encode("utf-8", "replace")).hexdigest()[:KEY_CHARACTERS],
        heard.said or "The agent needs more to go on.",
        data_of(status.message.parts),
        heard.state == TaskState.TASK_STATE_AUTH_REQUIRED,
    )


def data_part(data: Document) -> Part:
    """A data part that holds `data`."""
    value = Value()
    value.struct_value.update(data)
    return Part(data=value)
