"""Quirks of what is said, of the shape of a chunk, and of usage."""

from collections.abc import Callable, Iterator
from typing import Any

from agentnet.testing.quirks.edits import Chunks, chunk_like, deltas, head, words
from agentnet.testing.quirks.quirk import CHAT, Need, Quirk
from agentnet.testing.wire import ABSENT, Event, WireTurn, present


def _listed(delta: Event) -> Event:
    said = delta.get("content")
    return {**delta, "content": [{"type": "text", "text": said}]} if said else delta


def _usage(value: Any) -> Callable[[WireTurn], None]:
    def edit(turn: WireTurn) -> None:
        turn.usage = value(turn.usage) if callable(value) else value

    return edit


def _beside_choices(chunks: list[Event]) -> Iterator[Event]:
    """The usage comes with the last words, and no chunk of its own."""
    usage = next((chunk["usage"] for chunk in chunks if not chunk["choices"]), None)
    for chunk in chunks:
        if chunk["choices"]:
            ends = chunk["choices"][0]["finish_reason"]
            yield {**chunk, "usage": usage} if ends else chunk


def _growing(chunks: list[Event]) -> Iterator[Event]:
    """Each chunk has the usage until there."""
    for number, chunk in enumerate(chunks, 1):
        if chunk["choices"]:
            yield {**chunk, "usage": {"prompt_tokens": 9, "completion_tokens": number, "total_tokens": 9 + number}}
        else:
            yield chunk


def _usage_elsewhere(chunks: list[Event]) -> Iterator[Event]:
    for chunk in chunks:
        if chunk["choices"]:
            yield chunk
        else:
            yield present(chunk_like({**chunk, "usage": ABSENT, "x_groq": {"usage": chunk["usage"]}}, {}))


def _with_empty_ones(chunks: list[Event]) -> Iterator[Event]:
    for chunk in chunks:
        yield chunk_like(chunk, {"content": ""})
        yield chunk_like(chunk, {"content": None})
        yield chunk_like(chunk, {})
        yield chunk


def _with_another_choice(chunks: list[Event]) -> Iterator[Event]:
    for chunk in chunks:
        yield chunk
        if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            yield chunk_like(chunk, {"content": "No! "}, index=1)


def _first(extra: Callable[[Event], Event]) -> Chunks:
    return lambda chunks: [present(extra(chunks[0])), *chunks]


def _last_delta(value: Any) -> Chunks:
    def edit(chunks: list[Event]) -> Iterator[Event]:
        for chunk in chunks:
            if chunk["choices"] and chunk["choices"][0]["finish_reason"]:
                chunk["choices"][0]["delta"] = value
            yield present(chunk)

    return edit


def _as_message(chunks: list[Event]) -> Iterator[Event]:
    for chunk in chunks:
        yield {
            **chunk,
            "choices": [
                {("message" if key == "delta" else key): value for key, value in choice.items()}
                for choice in chunk["choices"]
            ],
        }


def _split_character(chunks: list[Event]) -> Iterator[Event]:
    """A character beyond the first plane comes as two halves, each in a chunk of its own."""
    for chunk in chunks:
        said = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
        if said and "\U0001f642" in said:
            before, after = said.split("\U0001f642")
            yield chunk_like(chunk, {"content": f"{before}\ud83d"})
            yield chunk_like(chunk, {"content": f"\ude42{after}"})
        else:
            yield chunk


def _said(name: str, says: str, edit: Callable[[str], Any], **options: Any) -> Quirk:
    return Quirk(name, says, on="words", turn=words(edit), **options)


def _shape(name: str, says: str, edit: Chunks, need: Need = Need.CALL) -> Quirk:
    return Quirk(name, says, need, chat=edit, apis=CHAT)


SAID = (
    _said(
        "words-channel",
        "Marks of a channel are around the answer.",
        lambda t: f"<|channel|>final<|message|>{t}<|return|>",
    ),
    _said("words-end-of-chatml", "A mark of the end leaks.", lambda text: f"{text}<|im_end|>"),
    _said("words-end-of-llama", "Another leaks.", lambda text: f"{text}<|eot_id|>"),
    _said("words-end-of-text", "And another.", lambda text: f"{text}<|endoftext|>"),
    _said("words-end-of-mistral", "And another.", lambda text: f"{text}</s>"),
    _said("words-end-of-gemma", "And another.", lambda text: f"{text}<end_of_turn>"),
    _said("words-start-of-chatml", "A mark of the start leaks.", lambda text: f"<|im_start|>assistant\n{text}"),
    _said("words-after-space", "There is space before the answer.", lambda text: f"\n\n {text}"),
    _said("words-with-nul", "The answer holds a NUL.", lambda text: f"{text}\x00"),
    _said("words-with-half-a-character", "The answer ends in half a character.", lambda text: f"{text}\ud83d"),
    _said(
        "words-of-all-planes",
        "The answer holds characters of all planes.",
        lambda text: f"{text} \U0001f642 ñ 漢",
    ),
    _said(
        "words-split-in-a-character",
        "A character comes in two chunks.",
        lambda text: f"{text} \U0001f642",
        chat=_split_character,
        apis=CHAT,
    ),
    _said("words-none", "Nothing is said.", lambda _: ""),
    _said("words-none-once", "Once nothing is said.", lambda _: "", times=1),
    _said("words-blank", "Only space is said.", lambda _: " \n\n "),
    Quirk("words-as-list", "The content is a list of parts.", chat=deltas(_listed), apis=CHAT),
)

SHAPES = (
    _shape("role-missing", "No chunk has a role.", deltas(lambda delta: {**delta, "role": ABSENT})),
    _shape("role-in-every-chunk", "Every chunk has one.", deltas(lambda delta: {"role": "assistant", **delta})),
    _shape("role-null", "The role is null.", deltas(lambda delta: {**delta, "role": None})),
    _shape("role-of-gemini", "The role is `model`.", deltas(lambda delta: {**delta, "role": "model"})),
    _shape("delta-null", "The last delta is null.", _last_delta(None)),
    _shape("delta-missing", "The last chunk has no delta.", _last_delta(ABSENT)),
    _shape("delta-named-message", "Deltas are named `message`.", _as_message),
    _shape("deltas-empty", "Empty deltas are between the others.", _with_empty_ones),
    _shape(
        "deltas-with-nulls",
        "All that is not said is null.",
        deltas(lambda d: {"content": None, "tool_calls": None, "refusal": None, "reasoning_content": None, **d}),
    ),
    _shape(
        "choices-empty",
        "The first chunk has no choice, as Azure's.",
        _first(lambda chunk: {**chunk, "choices": []}),
    ),
    _shape("choices-null", "The first chunk's choices are null.", _first(lambda chunk: {**chunk, "choices": None})),
    _shape("choices-missing", "The first chunk has no choices.", _first(lambda chunk: {**chunk, "choices": ABSENT})),
    _shape("choices-two", "There is a second choice.", _with_another_choice),
    _shape(
        "head-missing",
        "Chunks have no id, model or time.",
        head(id=ABSENT, model=ABSENT, created=ABSENT, object=ABSENT),
    ),
    _shape("head-null", "They are null.", head(id=None, model=None, created=None, object=None)),
    _shape("head-empty", "They are empty.", head(id="", model="", created=0, object="")),
    _shape("time-with-fraction", "The time is no whole number.", head(created=1764518400.25)),
    _shape("time-as-text", "The time is text.", head(created="2026-11-30T16:00:00Z")),
    _shape("more-fields", "There are fields that nobody knows.", head(timings={"a": 1}, provider="X", citations=[])),
)

USAGE = (
    Quirk("usage-missing", "Usage is never told.", turn=_usage(ABSENT)),
    Quirk("usage-null", "Usage is null.", turn=_usage(None)),
    Quirk("usage-empty", "Usage is an empty object.", turn=_usage({})),
    Quirk("usage-partial", "Only the total is told.", turn=_usage({"total_tokens": 25})),
    Quirk(
        "usage-zero",
        "All of it is 0.",
        turn=_usage(dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), 0)),
    ),
    Quirk("usage-as-text", "Numbers are text.", turn=_usage(lambda usage: {k: str(v) for k, v in usage.items()})),
    Quirk("usage-floats", "Numbers have fractions.", turn=_usage(lambda usage: {k: v + 0.5 for k, v in usage.items()})),
    Quirk("usage-nulls", "Numbers are null.", turn=_usage(dict.fromkeys)),
    Quirk("usage-negative", "Numbers are below 0.", turn=_usage(lambda usage: {k: -v for k, v in usage.items()})),
    Quirk(
        "usage-details-null",
        "Details are null.",
        turn=_usage(lambda usage: {**usage, "prompt_tokens_details": None, "completion_tokens_details": None}),
    ),
    Quirk("usage-of-anthropic", "Its names are Anthropic's.", turn=_usage({"input_tokens": 12, "output_tokens": 5})),
    _shape("usage-growing", "Each chunk has the usage so far, as vLLM's.", _growing),
    _shape("usage-beside-choices", "It comes with the last words.", _beside_choices),
    _shape("usage-elsewhere", "It is in a field of another name, as Groq's.", _usage_elsewhere),
    _shape("usage-unasked", "No chunk tells it.", lambda chunks: [chunk for chunk in chunks if chunk["choices"]]),
)

QUIRKS = (*SAID, *SHAPES, *USAGE)
