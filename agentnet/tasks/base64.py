"""Bytes in JSON: base64 in either alphabet, with padding or without (ProtoJSON), and nothing else.

protobuf's own parser drops what is not of the alphabet, so that a broken file arrives as another one.
"""

import binascii

from google.protobuf.json_format import ParseError

_STANDARD = bytes.maketrans(b"-_", b"+/")


def normal(text: object, field: str) -> str:
    """`text` in the standard alphabet with padding. Raises `ParseError` that names `field`."""
    try:
        if not isinstance(text, str):
            raise ValueError("it is no string")
        encoded = text.encode("ascii").translate(_STANDARD)
        body = encoded.rstrip(b"=")
        if len(encoded) - len(body) not in (0, -len(body) % 4):
            raise ValueError("its padding does not fit its length")
        padded = body + b"=" * (-len(body) % 4)
        binascii.a2b_base64(padded, strict_mode=True)
    except ValueError as error:  # of which binascii's and the codec's are kinds
        why = "it has characters outside of ASCII" if isinstance(error, UnicodeError) else error
        raise ParseError(f"{field} is not base64: {why}.") from None
    return padded.decode()
