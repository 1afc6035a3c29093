"""What a request asks for. Its body is read no sooner than something in the answer is suspect."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, cast

import orjson

from agentnet.models.wire.habits import Habits
from agentnet.models.wire.texts import flattened

Api = Literal["chat", "responses"]
TOKEN_BYTES = 4
"""About, for an estimate."""


class Asked:
    """One request of the OpenAI client, of its compact JSON."""

    def __init__(self, api: Api, body: bytes, habits: Habits | None = None) -> None:
        self.api: Api = api
        self.body = body
        self.habits = habits or Habits()

    @cached_property
    def is_stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return b'"stream":true' in self.body or self.parsed.get("stream") is True

    @cached_property
    def has_tools(self) -> bool:
        """Whether it offers tools."""
        return b'"tools":[' in self.body

    @cached_property
    def has_form(self) -> bool:
        """Whether its answer is to be JSON."""
        return b'"response_format":' in self.body or b'"json_schema"' in self.body or b'"json_object"' in self.body

    @cached_property
    def parsed(self) -> dict[str, Any]:
        """The body; empty where it is no object."""
        try:
            value = orjson.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @cached_property
    def tools(self) -> Mapping[str, Mapping[str, Any]]:
        """The functions that may be called, and their parameters' schemas."""
        found: dict[str, Mapping[str, Any]] = {}
        for tool in self.parsed.get("tools") or ():
            function = tool.get("function", tool) if isinstance(tool, dict) else None
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                schema = function.get("parameters")
                found[function["name"]] = schema if isinstance(schema, dict) else {}
        return found

    def mentions(self, text: str) -> bool:
        """Whether a text of the body is exactly this: the name of a tool, or the id of a call."""
        return b'"%b"' % text.encode("utf-8", "replace") in self.body

    @cached_property
    def words(self) -> int:
        """Words of its instructions and messages: no tokenizer makes fewer tokens of them."""
        said = self.parsed.get("messages") or self.parsed.get("input") or ()
        messages = [each for each in said if isinstance(each, dict)] if isinstance(said, list) else [{"content": said}]
        texts = [flattened(message.get(name))[0] for message in messages for name in ("content", "output")]
        return sum(len(text.split()) for text in [*texts, str(self.parsed.get("instructions") or "")])

    @property
    def tokens(self) -> int:
        """About how many tokens its prompt has."""
        return max(1, len(self.body) // TOKEN_BYTES)
