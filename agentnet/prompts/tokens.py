"""How many tokens a prompt is, as near as can be said without the model's own tokenizer.

Careful rather than exact: who reads it knows from the model's own count, one turn later, by how much it is off.
"""

import json
from collections.abc import Mapping
from typing import Any

BYTES_PER_TOKEN = 3.5
"""English prose has four, code and JSON three."""
FOREIGN_BYTES_PER_TOKEN = 2.0
"""Of what is no ASCII: a letter of Greek or Russian, and two thirds of a Chinese one."""
ITEM_TOKENS = 6.0
"""What a chat template puts around an item."""
IMAGE_TOKENS = 1000.0
AUDIO_CHARACTERS_PER_TOKEN = 2000.0
FILE_CHARACTERS_PER_TOKEN = 50.0
"""Both of base64."""
MEDIA = {"input_image": "an image", "input_audio": "a sound", "input_file": "a file"}
"""Parts that are no text."""
SPOKEN = ("content", "output", "arguments", "summary")
"""The fields of an item that a model reads."""


def of_text(text: str) -> float:
    """Tokens of a text."""
    if text.isascii():
        return len(text) / BYTES_PER_TOKEN
    plain = len(text.encode("ascii", "ignore"))
    foreign = len(text.encode("utf-8", "replace")) - plain
    return plain / BYTES_PER_TOKEN + foreign / FOREIGN_BYTES_PER_TOKEN


def of_item(item: Any) -> float:
    """Tokens of an input item of the Responses API."""
    if not isinstance(item, Mapping):
        return ITEM_TOKENS
    said = sum(of_content(item[field]) for field in SPOKEN if item.get(field))
    return ITEM_TOKENS + said + of_text(str(item.get("name") or ""))


def of_content(content: Any) -> float:
    """Tokens of a text, or of a list of parts."""
    if isinstance(content, str):
        return of_text(content)
    return sum(map(_of_part, content)) if isinstance(content, list) else of_text(str(content))


def of_tools(tools: list[Any]) -> float:
    """Tokens of the tools that a model is told of."""
    return sum(map(of_tool, tools))


def of_tool(tool: Any) -> float:
    """Tokens of one; counted once."""
    known: float | None = getattr(tool, "_agentnet_tokens", None)
    if known is None:
        schema = json.dumps(getattr(tool, "params_json_schema", {}), default=str)
        known = ITEM_TOKENS + of_text(f"{tool.name} {getattr(tool, 'description', '')} {schema}")
        tool._agentnet_tokens = known
    return known


def _of_part(part: Any) -> float:
    if not isinstance(part, Mapping):
        return of_text(str(part))
    match part.get("type"):
        case "input_image":
            return IMAGE_TOKENS
        case "input_audio":
            audio = part.get("input_audio")
            return len(str(audio.get("data", ""))) / AUDIO_CHARACTERS_PER_TOKEN if isinstance(audio, Mapping) else 0.0
        case "input_file":
            return len(str(part.get("file_data", ""))) / FILE_CHARACTERS_PER_TOKEN
        case _:
            return of_text(str(part.get("text") or part.get("refusal") or ""))
