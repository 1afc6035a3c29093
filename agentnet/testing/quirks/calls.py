"""Quirks of calls: their ids, places, names and reasons to end."""

from collections.abc import Callable, Iterator
from typing import Any

from agentnet.testing.quirks.edits import calls, chunk_like, finish, ids, is_call, names
from agentnet.testing.quirks.quirk import CHAT, Need, Quirk
from agentnet.testing.wire import ABSENT, Event, WireCall, WireTurn, present


def _indexes(value: Callable[[int], Any]) -> Callable[[list[Event]], Any]:
    return calls(lambda call: {**call, "index": value(call["index"])})


def _whole(chunks: list[Event]) -> dict[int, Event]:
    """The calls of a stream, each in one piece."""
    whole: dict[int, Event] = {}
    for chunk in filter(is_call, chunks):
        for piece in chunk["choices"][0]["delta"]["tool_calls"]:
            if (known := whole.get(piece["index"])) is None:
                whole[piece["index"]] = {**piece, "function": dict(piece["function"])}
            else:
                known["function"]["arguments"] += piece["function"]["arguments"]
    return whole


def _each_in_one_chunk(chunks: list[Event], index: Callable[[int], Any] = lambda index: index) -> Iterator[Event]:
    """Every call is one chunk."""
    told = False
    for chunk in chunks:
        if not is_call(chunk):
            yield chunk
        elif not told:
            told = True
            for number, call in _whole(chunks).items():
                yield present(chunk_like(chunk, {"tool_calls": [{**call, "index": index(number)}]}))


def _all_in_the_last_chunk(chunks: list[Event]) -> Iterator[Event]:
    whole = [*_whole(chunks).values()]
    for chunk in chunks:
        if is_call(chunk):
            continue
        if whole and chunk["choices"] and chunk["choices"][0]["finish_reason"]:
            yield chunk_like(chunk, {"tool_calls": whole}, finish_reason="tool_calls")
        else:
            yield chunk


def _interleaved(chunks: list[Event]) -> list[Event]:
    """The pieces of parallel calls take turns."""
    pieces = [chunk for chunk in chunks if is_call(chunk)]
    first = next((number for number, chunk in enumerate(chunks) if is_call(chunk)), len(chunks))
    rest = [chunk for chunk in chunks[first:] if not is_call(chunk)]
    return [*chunks[:first], *pieces[::2], *pieces[1::2], *rest]


def _name_in_pieces(chunks: list[Event]) -> Iterator[Event]:
    for chunk in chunks:
        delta = chunk["choices"][0]["delta"] if chunk["choices"] else {}
        if is_call(chunk) and "name" in delta["tool_calls"][0]["function"]:
            call = delta["tool_calls"][0]
            name, given = call["function"]["name"], call["function"]["arguments"]
            for function in ({"name": name[:3]}, {"name": name[3:]}, {"arguments": given}):
                piece = {**call, "function": function} if "name" in function else {"index": 0, "function": function}
                yield chunk_like(chunk, {"tool_calls": [piece]})
        else:
            yield chunk


def _repeated_in_every_chunk(*keys: str) -> Callable[[list[Event]], Any]:
    """Each piece of a call has its id or name again."""

    def edit(chunks: list[Event]) -> Any:
        whole = _whole(chunks)

        def again(call: Event) -> Event:
            known = whole[call["index"]]
            named = {"name": known["function"]["name"]} if "name" in keys else {}
            return {**call, **({"id": known["id"]} if "id" in keys else {}), "function": named | call["function"]}

        return calls(again)(chunks)

    return edit


def _as_function_call(chunks: list[Event]) -> Iterator[Event]:
    """The form that calls had before there were tools."""
    for chunk in chunks:
        if is_call(chunk):
            yield chunk_like(chunk, {"function_call": chunk["choices"][0]["delta"]["tool_calls"][0]["function"]})
        else:
            yield chunk


def _ends_first(chunks: list[Event]) -> list[Event]:
    ends = [chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["finish_reason"]]
    rest = [chunk for chunk in chunks if chunk not in ends]
    return [rest[0], *ends, *rest[1:]]


def _ends_with_every_chunk(chunks: list[Event]) -> list[Event]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["finish_reason"] = "stop"
    return chunks


def _doubled(turn: WireTurn) -> None:
    turn.calls += [WireCall(f"{call.id}b", call.name, call.arguments) for call in turn.calls]


def _with_words(turn: WireTurn) -> None:
    turn.text = "Let me work that out."


IDS = (
    Quirk("call-id-missing", "Calls have no id.", turn=ids(lambda number, call: ABSENT)),
    Quirk("call-id-null", "The id of a call is null.", turn=ids(lambda number, call: None)),
    Quirk("call-id-empty", "The id of a call is empty.", turn=ids(lambda number, call: "")),
    Quirk("call-id-empty-in-parallel", "The ids of parallel calls are empty.", Need.CALLS, turn=ids(lambda *_: "")),
    Quirk("call-id-numeric", "The id of a call is a number.", turn=ids(lambda number, call: 1000 + number)),
    Quirk("call-id-same-in-turn", "Parallel calls have one id.", Need.CALLS, turn=ids(lambda *_: "call_0")),
    Quirk("call-id-same-each-turn", "Every turn's call has the same id.", Need.ROUNDS, turn=ids(lambda *_: "call_0")),
    Quirk("call-id-of-name", "An id is made of the name, as Kimi's.", turn=ids(lambda n, c: f"functions.{c.name}:{n}")),
    Quirk("call-id-long", "An id is longer than any host takes back.", turn=ids(lambda *_: "call_" + "x" * 200)),
    Quirk("call-id-in-every-chunk", "The id is repeated.", chat=_repeated_in_every_chunk("id"), apis=CHAT),
    Quirk(
        "call-id-empty-after-the-first",
        "Later pieces of a call have an empty id and name.",
        chat=calls(lambda call: {"id": "", **call, "function": {"name": "", **call["function"]}}),
        apis=CHAT,
    ),
)

PLACES = (
    Quirk(
        "call-index-all-0",
        "Parallel calls, each whole, have the index 0, as Gemini's.",
        Need.CALLS,
        chat=lambda chunks: _each_in_one_chunk(chunks, lambda index: 0),
        apis=CHAT,
    ),
    Quirk(
        "call-index-all-0-in-pieces", "So do calls in pieces.", Need.CALLS, chat=_indexes(lambda index: 0), apis=CHAT
    ),
    Quirk("call-index-missing", "Calls have no index.", chat=_indexes(lambda index: ABSENT), apis=CHAT),
    Quirk("call-index-missing-in-parallel", "Nor do two.", Need.CALLS, chat=_indexes(lambda index: ABSENT), apis=CHAT),
    Quirk("call-index-null", "The index is null.", chat=_indexes(lambda index: None), apis=CHAT),
    Quirk("call-index-from-1", "Indexes begin at 1.", Need.CALLS, chat=_indexes(lambda index: index + 1), apis=CHAT),
    Quirk("call-index-jumps", "Indexes have gaps.", Need.CALLS, chat=_indexes(lambda index: index * 7), apis=CHAT),
    Quirk("call-index-as-text", "Indexes are strings.", Need.CALLS, chat=_indexes(str), apis=CHAT),
    Quirk("call-in-one-chunk", "A call is not in pieces.", Need.CALLS, chat=_each_in_one_chunk, apis=CHAT),
    Quirk("call-in-the-last-chunk", "Calls come with the end.", Need.CALLS, chat=_all_in_the_last_chunk, apis=CHAT),
    Quirk("call-pieces-interleaved", "Pieces of two calls take turns.", Need.CALLS, chat=_interleaved, apis=CHAT),
    Quirk("call-type-missing", "Calls have no type.", chat=calls(lambda call: {**call, "type": ABSENT}), apis=CHAT),
    Quirk("call-type-null", "Their type is null.", chat=calls(lambda call: {**call, "type": None}), apis=CHAT),
    Quirk("call-in-the-old-form", "A call is a `function_call`.", chat=_as_function_call, apis=CHAT),
    Quirk("call-doubled", "Each call is made twice in a turn.", turn=_doubled, on="calls"),
    Quirk("call-beside-words", "The model speaks and calls in one turn.", turn=_with_words, on="calls"),
)

NAMES = (
    Quirk("name-with-channel", "A channel mark leaks.", turn=names(lambda name: f"{name}<|channel|>commentary")),
    Quirk("name-with-constraint", "Another mark leaks.", turn=names(lambda name: f"{name}<|constrain|>json")),
    Quirk("name-with-namespace", "`functions.` is before a name.", turn=names(lambda name: f"functions.{name}")),
    Quirk("name-with-space", "There is space around a name.", turn=names(lambda name: f" {name}\n")),
    Quirk("name-in-capitals", "A name is in capitals, once.", times=1, turn=names(str.upper)),
    Quirk("name-with-parentheses", "A name ends in (), once.", times=1, turn=names(lambda name: f"{name}()")),
    Quirk("name-unknown", "A tool is called that is not there, once.", times=1, turn=names(lambda _: "calculator")),
    Quirk("name-empty", "A call has an empty name, once.", times=1, turn=names(lambda _: "")),
    Quirk("name-null", "The name of a call is null, once.", times=1, turn=names(lambda _: None)),
    Quirk("name-in-pieces", "The name of a tool is in two pieces.", chat=_name_in_pieces, apis=CHAT),
    Quirk("name-in-every-chunk", "The name is repeated.", chat=_repeated_in_every_chunk("id", "name"), apis=CHAT),
)

ENDS = (
    Quirk("finish-stop-with-calls", "A turn that calls ends with `stop`.", chat=finish("stop"), apis=CHAT),
    Quirk("finish-calls-with-words", "One that does not, ends so.", Need.WORDS, chat=finish("tool_calls"), apis=CHAT),
    Quirk("finish-never", "There is no reason of an end.", chat=finish(None), apis=CHAT),
    Quirk("finish-missing", "Its key is not there.", chat=finish(ABSENT), apis=CHAT),
    Quirk("finish-empty", "It is empty.", chat=finish(""), apis=CHAT),
    Quirk("finish-eos", "It is `eos`.", chat=finish("eos"), apis=CHAT),
    Quirk("finish-capitals", "It is `STOP`, as Gemini's own.", chat=finish("STOP"), apis=CHAT),
    Quirk("finish-of-anthropic", "It is `tool_use` or `end_turn`.", chat=finish("tool_use"), apis=CHAT),
    Quirk("finish-old", "It is `function_call`.", chat=finish("function_call"), apis=CHAT),
    Quirk("finish-number", "It is a number.", chat=finish(2), apis=CHAT),
    Quirk("finish-first", "It comes before the call.", on="calls", chat=_ends_first, apis=CHAT),
    Quirk("finish-in-every-chunk", "Every chunk has one.", chat=_ends_with_every_chunk, apis=CHAT),
    Quirk("finish-twice", "The end comes twice.", chat=lambda chunks: [*chunks, chunks[-2]], apis=CHAT),
)

QUIRKS = (*IDS, *PLACES, *NAMES, *ENDS)
