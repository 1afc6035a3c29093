"""Prompts: one for each example of a skill, whose message has a host's model call the agent's tool."""

import re
from dataclasses import dataclass
from typing import Any

from mcp_types import GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent
from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.discovery.directory import Entry
from gateway.mcp.agents.tools import by_tool_name
from gateway.mcp.agents.wire import dumped
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import object_or_empty

REQUEST = "request"
MAX_EXAMPLES = 16
"""Of one skill."""
MAX_PROMPTS = 1000
MAX_VALUE_CHARACTERS = 64 * 1024
MAX_TITLE = 80
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w{0,63})\}")


@dataclass(frozen=True, slots=True)
class Example:
    """One example of one skill of one agent."""

    name: str
    """The prompt's."""
    tool: str
    skill: str
    text: str

    @property
    def placeholders(self) -> list[str]:
        """Names in braces, which are the prompt's arguments."""
        return list(dict.fromkeys(_PLACEHOLDER.findall(self.text)))

    def prompt(self) -> Prompt:
        """As it is listed."""
        arguments = [PromptArgument(name=name, required=True) for name in self.placeholders] or [
            PromptArgument(name=REQUEST, description="Your own request, in place of the example.", required=False)
        ]
        title = f"{self.tool}: {self.skill}"[:MAX_TITLE]
        return Prompt(name=self.name, title=title, description=self.text, arguments=arguments)

    def get(self, given: Document) -> GetPromptResult:
        """The prompt with its arguments filled in. Raises `McpError`."""
        values = {key: value for key, value in given.items() if isinstance(value, str)}
        if sum(map(len, values.values())) > MAX_VALUE_CHARACTERS:
            raise McpError(INVALID_PARAMS, f"The arguments are over the limit of {MAX_VALUE_CHARACTERS} characters.")
        missing = [name for name in self.placeholders if name not in values]
        if missing:
            raise McpError(INVALID_PARAMS, f"The prompt needs the argument {missing[0]!r}.")
        # In one pass: a value that looks like a placeholder is not filled in in its turn.
        request = _PLACEHOLDER.sub(lambda match: values[match[1]], self.text)
        if not self.placeholders:
            request = values.get(REQUEST) or self.text
        text = f"Call the tool `{self.tool}` with this as its message, and tell me its answer:\n\n{request}"
        return GetPromptResult(
            description=self.text, messages=[PromptMessage(role="user", content=TextContent(text=text))]
        )


def examples_of(entries: list[Entry]) -> dict[str, Example]:
    """The examples of all agents by the names of their prompts."""
    found: dict[str, Example] = {}
    for tool, entry in by_tool_name(entries).items():
        for skill in skills_with_examples(entry):
            for text in [text for text in skill["examples"] if isinstance(text, str) and text][:MAX_EXAMPLES]:
                base = f"{tool}__{skill.get('id') or 'skill'}"
                name, number = base, 2
                while name in found:
                    name, number = f"{base}_{number}", number + 1
                found[name] = Example(name, tool, str(skill.get("name") or skill.get("id") or tool), text)
                # Cards are written by others.
                if len(found) == MAX_PROMPTS:
                    return found
    return found


def list_prompts(entries: list[Entry]) -> tuple[Document, ...]:
    """A prompt for each example."""
    return tuple(dumped(example.prompt()) for example in examples_of(entries).values())


def completed(example: Example, argument: Any) -> list[str]:
    """Values for an argument of the prompt: the example itself for a request."""
    asked = object_or_empty(argument)
    fits = example.text.startswith(str(asked.get("value", "")))
    return [example.text] if asked.get("name") == REQUEST and not example.placeholders and fits else []


def skills_with_examples(entry: Entry) -> list[dict[str, Any]]:
    """The skills of the agent's card that have any."""
    skills = entry.document.get("skills")
    listed = skills if isinstance(skills, list) else []
    return [skill for skill in listed if isinstance(skill, dict) and isinstance(skill.get("examples"), list)]
