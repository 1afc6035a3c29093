"""Agents as MCP tools: their names, descriptions and arguments."""

import re
from base64 import b64decode
from contextlib import suppress
from typing import Any, Self

import mcp_types as types
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageConfiguration, SendMessageRequest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agentnet.discovery.directory import Entry
from agentnet.files.base64 import WrongFieldError, normal, of_file
from agentnet.ids import new_id
from gateway.a2a.catalog import skills_of

FIND_AGENTS = "find_agents"
MAX_NAME = 64
MAX_DESCRIPTION = 2000
MAX_FILES = 16
MAX_FOUND = 20
MAX_CHARACTERS = 1_000_000
"""An agent takes no longer text."""

AGENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "description": "What the agent is to do, with all it needs to know."},
        "files": {
            "type": "array",
            "maxItems": MAX_FILES,
            "description": "Files that go with the message.",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "File name with its extension."},
                    "media_type": {"type": "string", "description": "For example text/csv."},
                    "base64": {"type": "string", "description": "The content, base64 or a data: URL."},
                },
                "required": ["name", "media_type", "base64"],
            },
        },
        "task_id": {
            "type": "string",
            "description": "A task of this agent to continue, such as one with a question. "
            "With an empty message: wait for that task's result.",
        },
    },
    "required": ["message"],
}
FIND_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"need": {"type": "string", "description": "What is to be done, in plain words."}},
    "required": ["need"],
}


class FileArgument(BaseModel):
    """A file as a host sends it."""

    name: str = Field(min_length=1, max_length=255)
    media_type: str = Field(min_length=1, max_length=255)
    base64: bytes
    """Decoded."""

    @model_validator(mode="before")
    @classmethod
    def _of_data_url(cls, sent: Any) -> Any:
        """A `data:` URL names its media type itself."""
        if not isinstance(sent, dict) or sent.get("media_type"):
            return sent
        with suppress(WrongFieldError):  # which is told of the field itself
            _, media_type = of_file(sent.get("base64"), "base64")
            return sent | {"media_type": media_type} if media_type else sent
        return sent

    @field_validator("base64", mode="before")
    @classmethod
    def _decoded(cls, sent: Any) -> bytes:
        try:
            return b64decode(normal(sent, "base64"))
        except WrongFieldError as error:
            raise ValueError(error.description) from None


class AgentArguments(BaseModel):
    """The arguments of an agent's tool."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(max_length=MAX_CHARACTERS)
    files: list[FileArgument] = Field(default_factory=list[FileArgument], max_length=MAX_FILES)
    task_id: str | None = Field(default=None, max_length=128)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.message and not self.files and not self.task_id:
            raise ValueError("message is empty; say what the agent is to do, or name a task_id to wait for")
        return self

    @property
    def only_looks(self) -> bool:
        """Whether nothing is to be sent: the result of a task is asked for."""
        return not self.message and not self.files

    def request(self, *, at_once: bool = False) -> SendMessageRequest:
        """The message to send over A2A; `at_once` asks for the task without waiting for its end."""
        parts = [Part(text=self.message)]
        parts += [Part(raw=file.base64, filename=file.name, media_type=file.media_type) for file in self.files]
        message = Message(message_id=new_id(), role=Role.ROLE_USER, parts=parts, task_id=self.task_id or "")
        configuration = SendMessageConfiguration(return_immediately=True) if at_once else None
        return SendMessageRequest(message=message, configuration=configuration)


class FindArguments(BaseModel):
    """The arguments of `find_agents`."""

    model_config = ConfigDict(extra="forbid")

    need: str = Field(min_length=1, max_length=2000)


def by_tool_name(entries: list[Entry]) -> dict[str, Entry]:
    """The agents by the names of their tools, sorted. Names that would be the same are numbered."""
    named: dict[str, Entry] = {}
    # Sorted: the number of a name must not depend on who registered first, or a host calls another agent.
    for entry in sorted(entries, key=lambda entry: entry.name):
        # What models' APIs take as the name of a function: [a-zA-Z0-9_-]{1,64}.
        base = re.sub(r"\W", "_", entry.name, flags=re.ASCII)[:MAX_NAME]
        name, number = base, 2
        while name in named or name == FIND_AGENTS:
            suffix = f"_{number}"
            name, number = base[: MAX_NAME - len(suffix)] + suffix, number + 1
        named[name] = entry
    return dict(sorted(named.items()))


def list_tools(entries: list[Entry]) -> list[types.Tool]:
    """Every agent as a tool beside `find_agents`, in a stable order."""
    tools = [agent_tool(name, entry) for name, entry in by_tool_name(entries).items()]
    return sorted([*tools, find_tool()], key=lambda tool: tool.name)


def agent_tool(name: str, entry: Entry) -> types.Tool:
    """One agent as a tool."""
    return types.Tool(
        name=name,
        title=entry.name,
        description=describe(entry),
        input_schema=AGENT_SCHEMA,
        annotations=types.ToolAnnotations(open_world_hint=True),
    )


def find_tool() -> types.Tool:
    """Search among the agents."""
    return types.Tool(
        name=FIND_AGENTS,
        title="Find agents",
        description="Finds the agents of this network that fit a need best. Each is also a tool of its own.",
        input_schema=FIND_SCHEMA,
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def describe(entry: Entry) -> str:
    """What the agent is for and what it can do, for a model that chooses."""
    lines = [entry.description or f"The agent {entry.name}."]
    for skill in skills_of(entry):
        said = skill.get("description") or skill.get("name") or ""
        lines.append(f"- {skill.get('name') or skill.get('id')}: {said}")
    return "\n".join(lines)[:MAX_DESCRIPTION]
