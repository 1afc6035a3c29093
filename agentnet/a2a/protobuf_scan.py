"""Protobuf looked over as bytes, before anything is built of it: `agentnet.http.json_scan` for what comes over gRPC."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from agentnet.a2a.limits import MAX_JSON
from agentnet.errors import InvalidInputError, TooLargeError
from agentnet.http.json_scan import NUL

MAX_LEVELS = 90
"""Protobuf reads 100 back, and what is stored is nested a few levels deeper than what came."""
MAX_FIELDS = 4 * MAX_JSON.values
"""A value in an object is an entry, its name, a value and what it holds."""
VARINT_BYTES = 10
BROKEN = InvalidInputError("The message is not what the method takes, in protobuf.")

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}


def check_protobuf(message: bytes, descriptor: Descriptor) -> None:
    """Raises `TooLargeError`, `UnstorableError`, and `InvalidInputError` for what is no protobuf at all."""
    fields = 0
    # The ends of the messages around the place that is read, and what each of them is.
    open_messages: list[tuple[int, Descriptor]] = [(len(message), descriptor)]
    at = 0
    while open_messages:
        end, kind = open_messages[-1]
        if at >= end:
            open_messages.pop()
            continue
        fields += 1
        if fields > MAX_FIELDS:
            raise TooLargeError(f"The message has more than {MAX_FIELDS} fields; send less at once.", limit=MAX_FIELDS)
        tag, at = _varint(message, at)
        at, length = _value(message, at, tag & 7)
        if at + length > end:
            raise BROKEN
        field: Any = kind.fields_by_number.get(tag >> 3)
        if tag & 7 == _DELIMITED and field is not None:
            if field.message_type is not None:
                open_messages.append((at + length, field.message_type))
                if len(open_messages) > MAX_LEVELS:
                    raise TooLargeError(f"The message is nested more than {MAX_LEVELS} levels deep.", limit=MAX_LEVELS)
                continue
            if field.type == FieldDescriptor.TYPE_STRING and message.find(b"\x00", at, at + length) >= 0:
                raise NUL
        at += length


def _value(message: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where a field's value begins, and how long it is."""
    if kind == _DELIMITED:
        length, at = _varint(message, at)
        return at, length
    if kind == _VARINT:
        return at, _varint(message, at)[1] - at
    if kind not in _FIXED:
        raise BROKEN
    return at, _FIXED[kind]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place, byte in enumerate(message[at : at + VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    raise BROKEN
