"""Which headers cross the gateway: all but hop-by-hop ones (RFC 9110 section 7.6.1) and the caller's credential.

Their names are in lower case, as the server and the transport give them.
"""

import os

from gateway.http.transport import Headers

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# An Expect is answered by our own server, as it reads the body (RFC 9110 section 10.1.1).
NOT_FORWARDED = HOP_BY_HOP | {b"host", b"authorization", b"x-api-key", b"cookie", b"expect"}
# Date and Server our own server says for itself.
NOT_RETURNED = HOP_BY_HOP | {b"date", b"server", b"set-cookie", b"x-accel-buffering"}


def header_of(headers: Headers, name: bytes) -> bytes:
    """The first value of `name`, or nothing; all names in lower case."""
    for key, value in headers:
        if key == name:
            return value
    return b""


def without(headers: Headers, name: bytes) -> Headers:
    """All but those of `name`."""
    return [header for header in headers if header[0] != name]


def to_agent(headers: Headers, token: str) -> Headers:
    """The headers of a relayed request: the service token in the credential's place, a trace where none was."""
    dropped = NOT_FORWARDED | named if (named := _named_by_connection(headers)) else NOT_FORWARDED
    kept = [header for header in headers if header[0] not in dropped]
    kept.append((b"authorization", f"Bearer {token}".encode()))
    if b"traceparent" not in dict(kept):
        kept.append((b"traceparent", new_traceparent()))
    return kept


def to_client(headers: Headers) -> Headers:
    """The headers of a relayed response; a stream also tells proxies on its way not to buffer it."""
    dropped = NOT_RETURNED | named if (named := _named_by_connection(headers)) else NOT_RETURNED
    kept = [header for header in headers if header[0] not in dropped]
    if is_event_stream(kept):
        kept = [(key, value) for key, value in kept if key != b"content-length"]  # an error event may be added
        kept.append((b"x-accel-buffering", b"no"))
    return kept


def is_event_stream(headers: Headers) -> bool:
    """Whether a response is a stream of server-sent events."""
    return header_of(headers, b"content-type").lower().startswith(b"text/event-stream")


def new_traceparent() -> bytes:
    """A new trace, sampled (W3C Trace Context section 3.2)."""
    drawn = os.urandom(24).hex()
    return f"00-{drawn[:32]}-{drawn[32:]}-01".encode()


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    value = header_of(headers, b"connection")
    return frozenset(name.strip().lower() for name in value.split(b",")) if value else frozenset()
