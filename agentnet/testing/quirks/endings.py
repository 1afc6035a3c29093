"""Quirks of the end: answers that are cut, held back, declined, or that have no end at all."""

from collections.abc import Callable, Iterator
from itertools import count

from agentnet.testing.apis import frames, streamed
from agentnet.testing.quirks.edits import arguments, chunk_like, finish, words
from agentnet.testing.quirks.quirk import CHAT, STREAM, Exchange, Need, Piece, Quirk, Reply
from agentnet.testing.wire import Event, WireCall, WireTurn

BREATH = 0.002
"""Seconds between the pieces of what has no end."""
BREADTH = 20
"""What is written in one piece: the end is not to depend on how fast a machine is."""
DECLINED = "I'm sorry, but I can't help with that."


def _cut(turn: WireTurn) -> None:
    """The answer ends after its first words: the limit of its length is reached."""
    turn.text, turn.finish = " ".join(turn.text.split(" ")[:2]), "length"


def _cut_at_once(turn: WireTurn) -> None:
    turn.text, turn.finish, turn.calls = "", "length", []


def _cut_call(turn: WireTurn) -> None:
    arguments(lambda given: given[: len(given) // 2])(turn)
    turn.finish = "length"


def _held_back(text: str) -> Callable[[WireTurn], None]:
    def edit(turn: WireTurn) -> None:
        turn.text, turn.calls, turn.finish = text, [], "content_filter"

    return edit


def _declined(chunks: list[Event]) -> Iterator[Event]:
    """The refusal of a model has a field of its own."""
    for chunk in chunks:
        if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            yield chunk_like(chunk, {"refusal": f"{DECLINED} "})
            yield chunk_like(chunk, {}, finish_reason="stop")
            return
        yield chunk


def _declined_items(events: list[Event]) -> list[Event]:
    """So has that of Responses: a part of its own kind."""
    part = {"type": "refusal", "refusal": DECLINED}
    at = {"item_id": "msg_local", "output_index": 0, "content_index": 0}
    item = {"id": "msg_local", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    made: list[Event] = [
        *events[:2],
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "content": [], "status": "in_progress"},
        },
        {"type": "response.content_part.added", **at, "part": {**part, "refusal": ""}},
        {"type": "response.refusal.delta", **at, "delta": DECLINED},
        {"type": "response.refusal.done", **at, "refusal": DECLINED},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {**events[-1], "response": {**events[-1]["response"], "output": [item]}},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(made)]


def _same_call(turn: WireTurn) -> None:
    """Whatever came of it, the same call again."""
    known = [tool.get("function", tool)["name"] for tool in turn.body.get("tools") or []]
    if not turn.calls and "multiply" in known:
        said = len(str(turn.body))
        turn.calls = [WireCall(f"call_{said}", "multiply", '{"a": 6, "b": 7}')]
        turn.text, turn.finish = "", "tool_calls"


def _other_calls(turn: WireTurn) -> None:
    """One more call with other arguments, turn after turn."""
    _same_call(turn)
    for call in turn.calls:
        call.arguments = f'{{"a": {len(str(turn.body))}, "b": 7}}'


def _without_end(piece: Callable[[int], str], field: str = "content") -> Callable[[Exchange], Reply]:
    """Words for ever, in the field of a delta that is named, or in Responses' events of that kind."""

    def reply(exchange: Exchange) -> Reply:
        return Reply(200, STREAM, _endless(exchange, piece, field))

    return reply


def _endless(exchange: Exchange, piece: Callable[[int], str], field: str) -> Iterator[Piece]:
    turn = exchange.turn
    turn.text, turn.reasoning, turn.calls = "@", "", []
    if field == "reasoning_content":
        turn.text, turn.reasoning = "", "@"
    if field == "arguments":
        turn.text, turn.calls = "", [WireCall("call_endless", "multiply", "@")]
    made = [frame.encode() for frame in frames(exchange.api, streamed(exchange.api, turn))]
    at = next(number for number, frame in enumerate(made) if b'"@"' in frame and b"delta" in frame)
    yield from made[:at]
    for number in count():
        said = "".join(piece(number * BREADTH + more) for more in range(BREADTH))
        text = said.encode("unicode_escape").decode().replace('"', '\\"')
        yield made[at].replace(b'"@"', f'"{text}"'.encode())
        yield BREATH


LENGTHS = (
    Quirk("length-cut-once", "An answer is cut at its length, once.", on="words", times=1, turn=_cut),
    Quirk("length-cut", "Every answer is.", on="words", turn=_cut),
    Quirk("length-at-once", "The length is reached before a word.", on="words", turn=_cut_at_once),
    Quirk("length-amid-call-once", "A call is cut, once.", on="calls", times=1, turn=_cut_call),
    Quirk("length-amid-call", "Every call is.", on="calls", turn=_cut_call),
    Quirk(
        "length-of-gemini",
        "It is `MAX_TOKENS`.",
        on="words",
        times=1,
        turn=_cut,
        chat=finish("MAX_TOKENS"),
        apis=CHAT,
    ),
)

REFUSALS = (
    Quirk("filter-at-once", "A filter holds all back.", turn=_held_back("")),
    Quirk("filter-amid-words", "A filter ends the answer.", turn=_held_back("It is")),
    Quirk("filter-of-gemini", "It is `SAFETY`.", turn=_held_back(""), chat=finish("SAFETY"), apis=CHAT),
    Quirk(
        "filter-prohibited",
        "It is `PROHIBITED_CONTENT`.",
        turn=_held_back(""),
        chat=finish("PROHIBITED_CONTENT"),
        apis=CHAT,
    ),
    Quirk(
        "declined",
        "The model declines, in the field for it.",
        Need.WORDS,
        chat=_declined,
        responses=_declined_items,
    ),
    Quirk("declined-in-words", "It declines in words.", Need.WORDS, turn=words(lambda _: DECLINED)),
)

RUNAWAYS = (
    Quirk("line-for-ever", "One line is repeated for ever.", reply=_without_end(lambda _: "And again the same.\n")),
    Quirk("word-for-ever", "One word is.", reply=_without_end(lambda _: "no ")),
    Quirk("verse-for-ever", "Four lines are.", reply=_without_end(lambda n: f"Line {n % 4} of a song.\n")),
    Quirk("blanks-for-ever", "Empty lines come for ever.", reply=_without_end(lambda _: "\n" * 9)),
    Quirk(
        "words-for-ever",
        "Words come for ever, each another.",
        reply=_without_end(lambda n: f"{n * 7919 % 10007} words. "),
    ),
    Quirk(
        "thoughts-for-ever",
        "Thoughts do.",
        reply=_without_end(lambda n: f"{n * 7919 % 10007} thoughts. ", "reasoning_content"),
    ),
    Quirk("thought-for-ever", "One thought is repeated.", reply=_without_end(lambda _: "Wait.\n", "reasoning_content")),
    Quirk(
        "arguments-for-ever",
        "The arguments of a call do not end.",
        reply=_without_end(lambda n: f"{n} ", "arguments"),
    ),
    Quirk("same-call-for-ever", "The same tool is called again and again.", turn=_same_call),
    Quirk("calls-for-ever", "A tool is called with other arguments again and again.", turn=_other_calls),
)

QUIRKS = (*LENGTHS, *REFUSALS, *RUNAWAYS)
