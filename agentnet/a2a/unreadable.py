"""What protobuf's parser says of JSON that a message cannot be made of, as the field and what it must be.

Its words are those of Python (`expected string or bytes-like object, got 'int'...`), one sentence around the other for
each message on the way to the field.
"""

import re

from google.protobuf.json_format import ParseError

from agentnet.files.base64 import WrongFieldError

_STEP = re.compile(r"Failed to parse (\w+) field: ")
_PLACE = re.compile(r" at \w+\.([\w.\[\]]*[\w\]])\.*$")
_WORDS = tuple(
    (re.compile(found), said)
    for found, said in (
        (r"expected string or bytes-like|expected str\b", "must be a string"),
        (r"repeated field \w+ must be in \[\]", "must be a list"),
        (r"object is not iterable|must be in a dict|has no attribute", "must be an object"),
        (r"invalid literal for int|could not convert|Couldn't parse integer|Bool value", "must be a number"),
        (r"out of range|too (large|small)", "is a number out of range"),
        (r"Expected true or false", "must be true or false"),
        (r"imestamp", "must be a timestamp of RFC 3339"),
        (r"enum|unhashable", "must be one of the names that A2A has for it"),
    )
)


def unreadable(error: ParseError) -> tuple[str, str]:
    """Path and description of the field; the path is empty where the parser names none."""
    if isinstance(error, WrongFieldError):
        return error.field, error.description
    text = str(error)
    steps = _STEP.findall(text)
    reason = _STEP.sub("", text)
    place = _PLACE.search(reason)
    path = place[1] if place and place[1].count(".") >= len(steps) - 1 else ".".join(steps)
    for found, said in _WORDS:
        if found.search(reason):
            return path, said
    return path, f"cannot be read: {_PLACE.sub('', reason).rstrip('.')}"
