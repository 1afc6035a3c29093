"""What was said and done so far, read from input items: the request, its material, and the calls with their results.

Only a person's or a calling agent's message is a request. What stands under a `Material:` heading, and whatever a tool
returned, is data.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offline_model.language.vocabulary import NOUN_VERBS, PLAIN_VERBS, WRITING
from offline_model.request.clauses import opens_request
from offline_model.request.followup import completed
from offline_model.request.tools import ToolSpec

MATERIAL = "Material:"
_FILE_TEXT = re.compile(r"\n\nText of ([^\n]{1,255}):\n")
"""How the text of an attached file begins, behind the list of files."""
ATTACHED = "Attached files"
"""Label of the list of files that a message brings along: links, not text to work on."""
QUESTION = "I need one more thing: "
"""How a question that is asked in an answer begins; the next message is then taken as what it asked for."""
REQUEST_CHARACTERS = 10_000
"""Most characters of what is to be done: whoever says more brings a text, which has a place of its own."""
_RECALLED = 8
"""Messages before this one of which it may be a follow-up."""
MATERIAL_CHARACTERS = 1_000_000

_MATERIAL_LINE = re.compile(
    r"^[#* \t]{0,8}(?:material|materials|context|input|attachments?)[*\s]*:[*\s]*$", re.IGNORECASE | re.MULTILINE
)
_BLOCK_HEADING = re.compile(r"^### Material \d+: (.+)$", re.MULTILINE)
_GIVEN = re.compile(
    r"(?i)^(?:please )?([a-z]+)\b[^:\n]{0,140}?(?:\b(this|these|below|following)\b[^:\n]{0,60})?(?=:\s+\S)"
)
"""An order on a text, before the colon that the text stands behind."""
_GIVEN_CHARACTERS = 30
_ON_FILE = re.compile(r"(?i)\b(?:rows|columns|file|table|sheet)\b.*\bit\b|\bit\b.*\b(?:rows|columns|sheet)\b")
"""A request on the table that was attached to an earlier one."""
_SEVERAL = re.compile(r"[.;!]\s*\S")
_LONG_PARAGRAPH = 600


@dataclass(frozen=True)
class Request:
    """One call of the model, in plain values."""

    instructions: str = ""
    items: tuple[Mapping[str, Any], ...] = ()
    """Input items in the Responses API's shape."""
    tools: tuple[ToolSpec, ...] = ()
    output_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """A call that was made, with what came back."""

    name: str
    arguments: Mapping[str, Any]
    output: str


@dataclass(frozen=True)
class Material:
    """A piece of data that a message carries: `label` says what it is."""

    label: str
    text: str

    @property
    def is_text(self) -> bool:
        """Whether it is there to be read, and not a list of attached files."""
        return self.label != ATTACHED


@dataclass(frozen=True)
class Conversation:
    """The state of the talk at this turn."""

    request: str = ""
    materials: tuple[Material, ...] = ()
    results: tuple[Result, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Answers to questions that were asked in text, by question."""
    earlier: str = ""
    """The person's request before this one."""
    last_answer: str = ""
    """What was answered to it."""
    unclear: bool = False
    """The request goes on with the one before, and it is not sure how."""


def read(items: Sequence[Mapping[str, Any]]) -> Conversation:
    """The conversation in `items`."""
    said = [(at, item) for at, item in enumerate(items) if item.get("role") in {"user", "assistant"}]
    talk = [(at, item["role"], text_of(item)) for at, item in said if item.get("type", "message") == "message"]
    answers: dict[str, str] = {}
    users = [index for index, (_, role, _) in enumerate(talk) if role == "user"]
    if not users:
        return Conversation(results=_results(items))
    current = users.pop()
    while users and current and talk[current - 1][2].startswith(QUESTION):
        answers[talk[current - 1][2].splitlines()[0].strip()] = talk[current][2].strip()
        current = users.pop()
    start = talk[current][0]
    whole: str | None = ""
    earlier = request = answer = ""
    brought: tuple[Material, ...] = ()
    materials: tuple[Material, ...] = ()
    for index in [*users[-_RECALLED:], current]:
        earlier, brought = (whole or request)[:REQUEST_CHARACTERS], materials or brought
        answer = talk[index - 1][2] if index and talk[index - 1][1] == "assistant" else ""
        request, materials = split_message(talk[index][2])
        whole = completed(request, earlier, answer)
        if whole != request or _ON_FILE.search(request):  # what goes on with a request goes on with its files
            materials = materials or brought
    return Conversation(whole or request, materials, _results(items[start:]), answers, earlier, answer, whole is None)


def split_message(message: str) -> tuple[str, tuple[Material, ...]]:
    """The request of a message and the data that it carries."""
    message, mark, files = message.partition(f"\n\n{ATTACHED}:\n")
    attached = _attached(files) if mark else ()
    heading = _MATERIAL_LINE.search(message)
    if heading:
        request, blocks = message[: heading.start()].strip(), _blocks(message[heading.end() :])
        known = {block.text for block in blocks}
        return request, (*blocks, *(item for item in attached if item.text not in known))
    request, text = _inline_text(message.strip())
    return request, (*((Material("", text),) if text else ()), *attached)


def _attached(files: str) -> tuple[Material, ...]:
    listed, *texts = _FILE_TEXT.split(files[:MATERIAL_CHARACTERS])
    read = (Material(name, text.strip()) for name, text in zip(texts[::2], texts[1::2], strict=True))
    return (Material(ATTACHED, listed.strip()), *read)


def material_section(materials: Iterable[Material]) -> str:
    """The section that carries `materials` in a message; `split_message` reads it back."""
    blocks: list[str] = []
    for number, material in enumerate(materials, start=1):
        text = _BLOCK_HEADING.sub(r"#\g<0>", material.text.strip())
        blocks.append(f"### Material {number}: {' '.join(material.label.split()) or 'Text'}\n\n{text}")
    return "\n\n".join([MATERIAL, *blocks]) if blocks else ""


def text_of(item: Mapping[str, Any]) -> str:
    """The text of a message or of a tool's output, whatever its shape."""
    content = item.get("content", item.get("output"))
    if isinstance(content, str):
        return _unwrapped(content)
    if isinstance(content, Mapping):
        content = [content]
    if isinstance(content, Sequence):
        return "\n".join(filter(None, (_part_text(part) for part in content)))
    return "" if content is None else str(content)


def _results(items: Sequence[Mapping[str, Any]]) -> tuple[Result, ...]:
    outputs = {item.get("call_id"): text_of(item) for item in items if item.get("type") == "function_call_output"}
    calls = [item for item in items if item.get("type") == "function_call" and item.get("call_id") in outputs]
    return tuple(Result(str(call["name"]), _arguments(call), outputs[call["call_id"]]) for call in calls)


def _arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    try:
        value = json.loads(call.get("arguments") or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _part_text(part: Any) -> str:
    if not isinstance(part, Mapping):
        return str(part)
    for key in ("text", "refusal", "file_url", "filename"):
        if isinstance(part.get(key), str):
            return str(part[key])
    return ""


def _unwrapped(text: str) -> str:
    if text.startswith("{") and '"type"' in text[:400]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(value, dict) and value.get("type") in {"text", "input_text"} and isinstance(value["text"], str):
            return value["text"]
    return text


def _blocks(text: str) -> tuple[Material, ...]:
    text = text[:MATERIAL_CHARACTERS].strip()
    headings = list(_BLOCK_HEADING.finditer(text))
    if not headings or headings[0].start() != 0:
        return (Material("", text),) if text else ()
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return tuple(
        Material(heading[1].strip(), text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    )


def _inline_text(message: str) -> tuple[str, str]:
    head, gap, rest = message.partition("\n\n")
    if gap and len(head) <= _LONG_PARAGRAPH and (head.rstrip().endswith(":") or len(rest) > _LONG_PARAGRAPH):
        return head.rstrip().rstrip(":"), rest[:MATERIAL_CHARACTERS].strip()
    line, colon, text = message.partition(":\n")
    if colon and len(line) <= _LONG_PARAGRAPH and "\n" not in line and not text.lstrip().startswith(("1.", "- ", "* ")):
        return line, text[:MATERIAL_CHARACTERS].strip()
    given = _GIVEN.match(message)
    if given and given[1].lower() in (PLAIN_VERBS | NOUN_VERBS if given[2] else WRITING):
        text = message[given.end() + 1 :].strip()
        if len(text) > _GIVEN_CHARACTERS if given[2] else _SEVERAL.search(text) and not opens_request(text):
            return given[0], text[:MATERIAL_CHARACTERS]
    return message, ""
