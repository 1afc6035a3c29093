"""Protobuf looked over as bytes: what it refuses, and that it lets every message pass that protobuf takes."""

import pytest
from a2a.types.a2a_pb2 import ListTasksRequest, Message, Part, Role, SendMessageRequest, StreamResponse, Task
from google.protobuf.json_format import ParseDict
from google.protobuf.message import DecodeError

from agentnet.a2a.limits import MAX_JSON
from agentnet.a2a.protobuf_scan import BROKEN, MAX_FIELDS, check_protobuf
from agentnet.errors import InvalidInputError, TooLargeError
from agentnet.http.json_scan import UnstorableError


def request(data: object = None, text: str = "hi") -> SendMessageRequest:
    parts = [{"text": text}, *([{"data": data}] if data is not None else [])]
    message = {"messageId": "m", "role": "ROLE_USER", "parts": parts, "metadata": {"a": 1.5, "b": [True, None]}}
    return ParseDict({"message": message, "configuration": {"historyLength": 3}}, SendMessageRequest())


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "message",
    [
        request(),
        request(nested(26)),
        request([1] * 2000),
        request({f"k{number}": "v" for number in range(2000)}),
        SendMessageRequest(message=Message(parts=[Part(raw=b"\x00\x01" * 100_000)])),
        SendMessageRequest(message=Message(parts=[Part(text="x" * 900_000)])),
        SendMessageRequest(),
    ],
)
def test_good_messages_pass(message: SendMessageRequest) -> None:
    check_protobuf(message.SerializeToString(), SendMessageRequest.DESCRIPTOR)


def deep(levels: int) -> bytes:
    """Lists in lists, which protobuf would not write."""
    value = b""
    for _ in range(levels):
        # Part.data > Value.list_value > ListValue.values
        value = prefixed(6, prefixed(1, value))
    number = Part.DESCRIPTOR.fields_by_name["data"].number
    return prefixed(2, prefixed(Message.DESCRIPTOR.fields_by_name["parts"].number, prefixed(number, value)))


def prefixed(number: int, content: bytes) -> bytes:
    length, size = len(content), b""
    while length >= 0x80:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


@pytest.mark.parametrize("levels", [46, 100, 5000])
def test_what_is_nested_too_deeply_is_refused(levels: int) -> None:
    with pytest.raises(TooLargeError, match="levels deep"):
        check_protobuf(deep(levels), SendMessageRequest.DESCRIPTOR)


@pytest.mark.parametrize(
    "body",
    [
        prefixed(2, prefixed(5, b"") * (MAX_FIELDS + 1)),
        b"\x18\x01" * 8_000_000,
        prefixed(4, prefixed(1, b"\x0a\x00") * 100_000),
        b"\xfa\x07\x00" * 100_000,
    ],
)
def test_too_many_fields_are_refused(body: bytes) -> None:
    with pytest.raises(TooLargeError, match="fields"):
        check_protobuf(body, SendMessageRequest.DESCRIPTOR)


def test_nul_is_refused_in_every_text_and_taken_in_bytes() -> None:
    for field in ("message_id", "context_id", "task_id"):
        with pytest.raises(UnstorableError):
            check_protobuf(
                SendMessageRequest(message=Message(**{field: "a\x00"})).SerializeToString(),
                SendMessageRequest.DESCRIPTOR,
            )
    for data in ({"\x00": 1}, ["\x00"], "a\x00"):
        with pytest.raises(UnstorableError):
            check_protobuf(request(data).SerializeToString(), SendMessageRequest.DESCRIPTOR)
    with pytest.raises(UnstorableError):
        check_protobuf(ListTasksRequest(context_id="\x00").SerializeToString(), ListTasksRequest.DESCRIPTOR)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff" * 20,
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x0b",
        b"\x0f",
        b"\x09abc",
    ],
)
def test_what_is_no_protobuf_is_told_so(body: bytes) -> None:
    with pytest.raises(DecodeError):
        SendMessageRequest.FromString(body)
    with pytest.raises(InvalidInputError) as refused:
        check_protobuf(body, SendMessageRequest.DESCRIPTOR)
    assert refused.value is BROKEN


def test_what_is_taken_as_json_can_be_stored_and_read_back() -> None:
    """As deep as a message may be: stored as the history of a task in an event."""
    for wrap in (lambda value: {"a": value}, lambda value: [value]):
        value: object = 1
        for _ in range(MAX_JSON.depth - 5):  # the body, params, message, parts and the part itself
            value = wrap(value)
        message = request(value).message
        message.role = Role.ROLE_USER
        message.metadata.update({"a": value})
        stored = StreamResponse(task=Task(history=[message])).SerializeToString()
        assert StreamResponse.FromString(stored).task.history[0] == message
