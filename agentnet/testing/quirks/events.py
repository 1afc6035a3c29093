"""Quirks of the events of Responses: what servers that learnt this API late leave out, number wrongly or add."""

from collections.abc import Callable, Iterator
from typing import Any

from agentnet.testing.quirks.edits import Chunks, dropped, each_event, without
from agentnet.testing.quirks.failures import REASON
from agentnet.testing.quirks.quirk import RESPONSES, Need, Quirk
from agentnet.testing.wire import ABSENT, Event, present

ADDED = ("response.output_item.added", "response.content_part.added")
DELTAS = ("response.output_text.delta", "response.function_call_arguments.delta")
DONE = ("response.output_text.done", "response.content_part.done", "response.function_call_arguments.done")


def _only(*kinds: str) -> Chunks:
    return lambda events: [event for event in events if event["type"] in kinds]


def _ended(edit: Callable[[Event], Event]) -> Chunks:
    """The response of the last event is edited."""

    def edited(events: list[Event]) -> Iterator[Event]:
        for event in events:
            if event["type"] in {"response.completed", "response.incomplete"}:
                event = {**event, "response": edit(event["response"])}  # noqa: PLW2901
            yield present(event)

    return edited


def _items(edit: Callable[[Event], Event]) -> Chunks:
    """Each item is edited, wherever it is."""

    def edited(event: Event) -> Event:
        if "item" in event:
            return {**event, "item": edit(event["item"])}
        if "response" in event:
            output = [edit(item) for item in event["response"]["output"]]
            return {**event, "response": {**event["response"], "output": output}}
        return event

    return each_event(edited)


def _failed(code: str, message: str = REASON) -> Chunks:
    def edit(events: list[Event]) -> list[Event]:
        response = {**events[-1]["response"], "status": "failed", "error": {"code": code, "message": message}}
        return [*events[:3], {"type": "response.failed", "sequence_number": 3, "response": {**response, "output": []}}]

    return edit


def _cancelled(events: list[Event]) -> list[Event]:
    response = {**events[-1]["response"], "status": "cancelled", "output": []}
    return [*events[:3], {**events[-1], "response": response}]


def _queued(events: list[Event]) -> list[Event]:
    response = {**events[0]["response"], "status": "queued"}
    return [events[0], {"type": "response.queued", "sequence_number": 0, "response": response}, *events[1:]]


def _with_unknown(events: list[Event]) -> Iterator[Event]:
    for event in events:
        yield event
        yield {"type": "response.obfuscation.delta", "sequence_number": 0, "obfuscation": "x"}


def _with_other_items(events: list[Event]) -> Iterator[Event]:
    """An item that nobody asked for is in the output."""
    item = {
        "id": "ws_1",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": "6*7"},
    }
    yield from events[:2]
    yield {"type": "response.output_item.added", "output_index": 9, "sequence_number": 2, "item": item}
    yield {"type": "response.output_item.done", "output_index": 9, "sequence_number": 2, "item": item}
    for event in events[2:]:
        if event["type"] == "response.completed":
            response = event["response"]
            yield {**event, "response": {**response, "output": [item, *response["output"]]}}
        else:
            yield event


def _encrypted(events: list[Event]) -> Iterator[Event]:
    """A thought that only its server can read."""
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAAAB..."}
    yield from events[:2]
    yield {"type": "response.output_item.done", "output_index": 0, "sequence_number": 2, "item": item}
    for event in events[2:]:
        if event["type"] == "response.completed":
            response = event["response"]
            yield {**event, "response": {**response, "output": [item, *response["output"]]}}
        else:
            yield event


def _without_output(response: Event) -> Event:
    return {**response, "output": []}


def _text_as_string(item: Event) -> Event:
    if item["type"] != "message":
        return item
    return {**item, "content": "".join(part["text"] for part in item["content"])}


def _quirk(name: str, says: str, edit: Chunks, need: Need = Need.CALL, **options: Any) -> Quirk:
    return Quirk(f"events-{name}", says, need, responses=edit, apis=RESPONSES, **options)


QUIRKS = (
    _quirk("unnumbered", "Events have no sequence numbers.", each_event(dropped("sequence_number"))),
    _quirk("numbered-0", "All have the number 0.", each_event(lambda event: {**event, "sequence_number": 0})),
    _quirk(
        "without-indexes",
        "Events have no indexes, as llama.cpp's.",
        each_event(dropped("output_index", "content_index")),
    ),
    _quirk(
        "index-all-0",
        "All have the output index 0.",
        each_event(lambda e: {**e, "output_index": 0} if "output_index" in e else e),
        Need.CALLS,
    ),
    _quirk("without-item-ids", "Events have no item ids.", each_event(dropped("item_id"))),
    _quirk("items-without-ids", "Items have none.", _items(dropped("id"))),
    _quirk("items-same-id", "All items have one id.", _items(lambda item: {**item, "id": "item_0"}), Need.CALLS),
    _quirk("items-without-status", "Items have no status.", _items(dropped("status"))),
    _quirk("items-status-null", "Their status is null.", _items(lambda item: {**item, "status": None})),
    _quirk(
        "items-open",
        "Items are still in progress at the end.",
        _items(lambda item: {**item, "status": "in_progress"}),
    ),
    _quirk("items-text-as-string", "The content of a message is a string.", _items(_text_as_string)),
    _quirk(
        "items-without-annotations",
        "Parts have no annotations.",
        _items(
            lambda i: (
                {**i, "content": [dropped("annotations", "logprobs")(p) for p in i["content"]]}
                if i["type"] == "message"
                else i
            )
        ),
    ),
    _quirk("without-added", "Items are not announced.", without(*ADDED)),
    _quirk("without-deltas", "There are no deltas.", without(*DELTAS)),
    _quirk("without-done", "Parts are not closed.", without(*DONE)),
    _quirk("without-items-done", "Items are not closed.", without("response.output_item.done")),
    _quirk("only-items", "There are only items and the end.", _only("response.output_item.done", "response.completed")),
    _quirk("only-end", "There is only the end.", _only("response.completed")),
    _quirk(
        "few",
        "There are the start, the text and the end.",
        _only("response.created", "response.output_text.done", "response.output_item.done", "response.completed"),
    ),
    _quirk("without-start", "There is no start.", without("response.created", "response.in_progress")),
    _quirk("without-end", "There is no end.", without("response.completed")),
    _quirk("without-end-once", "So once.", without("response.completed"), times=1),
    _quirk("end-without-output", "The end has no output.", _ended(_without_output)),
    _quirk("end-output-null", "Its output is null.", _ended(lambda response: {**response, "output": None})),
    _quirk("end-output-missing", "It is not there.", _ended(lambda response: {**response, "output": ABSENT})),
    _quirk("end-without-usage", "The end has no usage.", _ended(lambda response: {**response, "usage": None})),
    _quirk(
        "end-without-head",
        "The end has no id, time or model.",
        _ended(dropped("id", "created_at", "model", "object")),
    ),
    _quirk(
        "end-without-rest",
        "Nor tools, choices or status.",
        _ended(dropped("tools", "tool_choice", "parallel_tool_calls", "status", "metadata")),
    ),
    _quirk("end-twice", "The end comes twice.", lambda events: [*events, events[-1]]),
    _quirk("failed", "The response failed.", _failed("server_error")),
    _quirk("failed-once", "So once.", _failed("server_error"), times=1),
    _quirk("failed-by-limit-once", "A limit is reached, once.", _failed("rate_limit_exceeded"), times=1),
    _quirk(
        "failed-without-error",
        "It failed and says not why.",
        lambda events: [
            {**e, "response": {**e["response"], "error": None}} if e["type"] == "response.failed" else e
            for e in _failed("x")(events)
        ],
    ),
    _quirk("cancelled", "The response was cancelled.", _cancelled),
    _quirk("queued", "The response waits first.", _queued),
    _quirk("unknown", "There are events that nobody knows.", _with_unknown),
    _quirk("other-items", "There is an item that was not asked for.", _with_other_items),
    _quirk("thought-encrypted", "There is a thought that only the server can read.", _encrypted),
)
