"""Bytes in JSON: base64 in either alphabet, with padding or without (ProtoJSON), as such or as a `data:` URL.

One rule for every door, and nothing else is taken: protobuf's own parser, and Python's, drop what is not of the
alphabet, so that a broken file arrives as another one.
"""

import binascii

from google.protobuf.json_format import ParseError

_STANDARD = bytes.maketrans(b"-_", b"+/")
_SCHEME = "data:"
_MARK = ";base64"


class WrongFieldError(ParseError):
    """A field of a message that cannot be used: its path in JSON, and what is wrong with it."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field} {description}.")
        self.field = field
        self.description = description


def normal(text: object, field: str) -> str:
    """`text` in the standard alphabet with padding. Raises `WrongFieldError`."""
    return of_file(text, field)[0]


def of_file(text: object, field: str) -> tuple[str, str]:
    """`text` in the standard alphabet with padding, and the media type of a `data:` URL. Raises `WrongFieldError`."""
    try:
        if not isinstance(text, str):
            raise ValueError("it is no string")
        data, media_type = _of_data_url(text) if text[: len(_SCHEME)].lower() == _SCHEME else (text, "")
        encoded = data.encode("ascii").translate(_STANDARD)
        body = encoded.rstrip(b"=")
        if len(encoded) - len(body) not in (0, -len(body) % 4):
            raise ValueError("its padding does not fit its length")
        padded = body + b"=" * (-len(body) % 4)
        binascii.a2b_base64(padded, strict_mode=True)
    except ValueError as error:  # of which binascii's and the codec's are kinds
        why = "it has characters outside of ASCII" if isinstance(error, UnicodeError) else error
        raise WrongFieldError(field, f"is not base64: {why}") from None
    return padded.decode(), media_type


def _of_data_url(text: str) -> tuple[str, str]:
    """The data and the media type of a `data:` URL (RFC 2397). Raises `ValueError`."""
    head, comma, data = text[len(_SCHEME) :].partition(",")
    if not comma or not head.lower().endswith(_MARK):
        raise ValueError("it is a data: URL without ;base64")
    return data, head[: -len(_MARK)].partition(";")[0].strip().lower()
