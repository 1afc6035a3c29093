"""Free JSON in A2A's types: `google.protobuf.Struct` and `Value`, which know numbers as floating point only.

`json_format` makes 5.0 of a client's 5, which no schema of integers takes; and it is five times slower.
"""

from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

EXACT = 2**53
"""Whole numbers below are the same in floating point."""


def struct_json(struct: Struct) -> dict[str, Any]:
    """An object."""
    return {key: value_json(value) for key, value in struct.fields.items()}


def value_json(value: Value) -> Any:
    """Any value; one that says nothing is null."""
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return whole(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return struct_json(value.struct_value)
        case "list_value":
            return _list_json(value.list_value)
        case _:
            return None


def whole_numbers(value: Any) -> Any:
    """JSON that others made of the same types, with whole numbers as such."""
    if isinstance(value, float):
        return whole(value)
    if isinstance(value, dict):
        return {key: whole_numbers(item) for key, item in value.items()}
    return [whole_numbers(item) for item in value] if isinstance(value, list) else value


def whole(number: float) -> float | int:
    """3.0 as 3."""
    return int(number) if -EXACT < number < EXACT and number.is_integer() else number


def _list_json(values: ListValue) -> list[Any]:
    return [value_json(value) for value in values.values]
