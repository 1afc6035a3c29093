"""Our JSON of A2A's types is protobuf's, for any value."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.files import base64
from agentnet.tasks.values import whole_numbers
from agentnet.tasks.wire import dumps, part_json, send_message_request, stream_json, task_json

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
objects = st.dictionaries(texts, values, max_size=3)


def _struct(data: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(data)
    return struct


def _optional(strategy: Any) -> Any:
    return st.none() | strategy


structs = objects.map(_struct)
data = values.map(lambda value: ParseDict(value, Value()))
parts = st.one_of(
    st.builds(Part, text=texts, media_type=texts),
    st.builds(Part, raw=st.binary(max_size=20), filename=texts, media_type=texts),
    st.builds(Part, url=texts, metadata=_optional(structs)),
    st.builds(Part, data=data),
    st.builds(Part),
)
timestamps = st.builds(
    Timestamp, seconds=st.integers(0, 4_000_000_000), nanos=st.sampled_from([0, 1, 1000, 120_000_000, 999_999_999])
)
messages = st.builds(
    Message,
    message_id=texts,
    context_id=texts,
    task_id=texts,
    role=st.integers(0, 2),
    parts=st.lists(parts, max_size=3),
    metadata=_optional(structs),
    extensions=st.lists(texts, max_size=2),
    reference_task_ids=st.lists(texts, max_size=2),
)
statuses = st.builds(TaskStatus, state=st.integers(0, 8), message=_optional(messages), timestamp=_optional(timestamps))
artifacts = st.builds(
    Artifact,
    artifact_id=texts,
    name=texts,
    description=texts,
    parts=st.lists(parts, max_size=3),
    metadata=_optional(structs),
    extensions=st.lists(texts, max_size=2),
)
tasks = st.builds(
    Task,
    id=texts.filter(bool),
    context_id=texts,
    status=_optional(statuses),
    artifacts=st.lists(artifacts, max_size=2),
    history=st.lists(messages, max_size=2),
    metadata=_optional(structs),
)
updates = st.one_of(
    st.builds(
        StreamResponse,
        artifact_update=st.builds(
            TaskArtifactUpdateEvent,
            task_id=texts,
            context_id=texts,
            artifact=_optional(artifacts),
            append=st.booleans(),
            last_chunk=st.booleans(),
            metadata=_optional(structs),
        ),
    ),
    st.builds(
        StreamResponse,
        status_update=st.builds(
            TaskStatusUpdateEvent,
            task_id=texts,
            context_id=texts,
            status=_optional(statuses),
            metadata=_optional(structs),
        ),
    ),
    st.builds(StreamResponse, task=tasks),
    st.builds(StreamResponse, message=messages),
)


@settings(max_examples=150, deadline=None)
@given(tasks)
def test_a_task_is_written_as_protobuf_writes_it(task: Task) -> None:
    assert json.loads(dumps(task_json(task))) == MessageToDict(task)


@settings(max_examples=150, deadline=None)
@given(updates)
def test_an_event_is_written_as_protobuf_writes_it(event: StreamResponse) -> None:
    assert json.loads(dumps(stream_json(event))) == MessageToDict(event)


@settings(max_examples=150, deadline=None)
@given(messages, st.none() | st.booleans(), st.none() | st.integers(0, 100))
def test_a_request_is_read_as_protobuf_reads_it(message: Message, at_once: bool | None, length: int | None) -> None:
    request = SendMessageRequest(message=message)
    if at_once is not None:
        request.configuration.return_immediately = at_once
    if length is not None:
        request.configuration.history_length = length
    params = MessageToDict(request)
    assert send_message_request(params) == ParseDict(params, SendMessageRequest())


@pytest.mark.parametrize(
    "params",
    [
        {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": 5}]}},
        {"message": {"messageId": 7, "role": "ROLE_USER", "parts": []}},
        {"message": {"messageId": "m", "parts": {"text": "x"}}},
        {"message": {"messageId": "m", "parts": []}, "configuration": {"historyLength": "many"}},
        {"message": "hello"},
        [],
        "x",
        None,
    ],
)
def test_what_is_no_request_is_refused(params: Any) -> None:
    with pytest.raises(ParseError):
        send_message_request(params)


@pytest.mark.parametrize("number", [0, 1, -1, 7, 2**40, 2**53 - 1, -(2**53) + 1])
def test_whole_numbers_stay_whole(number: int) -> None:
    part = ParseDict(
        {"data": {"n": number, "list": [number], "deep": {"n": number}}, "metadata": {"n": number}}, Part()
    )
    written = dumps(part_json(part))
    assert b"." not in written
    assert json.loads(written)["data"] == {"n": number, "list": [number], "deep": {"n": number}}
    assert whole_numbers(MessageToDict(part)) == part_json(part)


@pytest.mark.parametrize("number", [0.5, -1.25, 1e300, 2.0**60, 3.141592653589793])
def test_other_numbers_stay_as_they_are(number: float) -> None:
    assert isinstance(part_json(ParseDict({"data": number}, Part()))["data"], float)
    assert part_json(ParseDict({"data": [number]}, Part()))["data"] == [number]


RAW = b"\xfb\xff\xfe a file"


@pytest.mark.parametrize("size", range(len(RAW) + 1))
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_bytes_are_read_in_either_alphabet_with_padding_or_without(
    size: int, padded: bool, encode: Callable[[bytes], bytes]
) -> None:
    text = encode(RAW[:size]).decode()
    part = {"raw": text if padded else text.rstrip("="), "filename": "a.bin"}
    request = send_message_request({"message": {"messageId": "1", "role": "ROLE_USER", "parts": [part]}})
    assert request.message.parts[0].raw == RAW[:size]
    assert base64.normal(part["raw"], "here") == b64encode(RAW[:size]).decode()


@pytest.mark.parametrize(
    "raw", ["!!!", "a", "aGk==", "aGk=aGk=", "a b", "aGk\n", "=", "äöü", "aGk=\x00", 5, ["aGk="], {}]
)
def test_what_is_not_base64_is_refused_and_the_part_is_named(raw: Any) -> None:
    parts = [{"text": "x"}, {"raw": raw, "filename": "a.bin"}]
    with pytest.raises(ParseError, match=r"message\.parts\[1\]\.raw is not base64"):
        send_message_request({"message": {"messageId": "1", "role": "ROLE_USER", "parts": parts}})


def test_a_field_that_is_null_is_not_there() -> None:
    parts = [{"text": "x", "raw": None, "filename": None}]
    request = send_message_request({"message": {"messageId": "1", "role": "ROLE_USER", "parts": parts}})
    assert request.message.parts == [Part(text="x")]
