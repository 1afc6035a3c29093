"""What a message came with beside its content, for executors that a folder brings: they see it as under a2a-sdk."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from a2a.auth.user import User
from a2a.types.a2a_pb2 import SendMessageRequest

CONTEXT = "context/"
"""Journal key, with the message's id behind it: read by the replica that goes on with the task."""
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "cookie"})
"""A credential is for the door alone."""


@dataclass(slots=True)
class Circumstances:
    """Of one message."""

    message_id: str
    user: str
    """Who sent it, as its credential says."""
    request: SendMessageRequest = field(default_factory=SendMessageRequest)
    """Configuration and metadata of the request; its message is not looked at."""
    extensions: frozenset[str] = frozenset()
    """Those that the client asked for."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """With names in lower case, those of `SECRET_HEADERS` left out."""

    @property
    def key(self) -> str:
        """Its key in the journal."""
        return CONTEXT + self.message_id

    def stored(self) -> bytes:
        """As the journal has it."""
        rest = SendMessageRequest(configuration=self.request.configuration, metadata=self.request.metadata)
        return orjson.dumps(
            {
                "user": self.user,
                "request": b64encode(rest.SerializeToString()).decode(),
                "extensions": sorted(self.extensions),
                "headers": dict(self.headers),
            }
        )


def restored(message_id: str, value: bytes | None, user: str) -> Circumstances:
    """From the journal, or as much as is known without it."""
    if value is None:
        return Circumstances(message_id, user)
    kept = orjson.loads(value)
    request = SendMessageRequest.FromString(b64decode(kept["request"]))
    return Circumstances(message_id, kept["user"], request, frozenset(kept["extensions"]), kept["headers"])


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that an executor may see."""
    return {name: value for name, value in headers.items() if name not in SECRET_HEADERS}


class Caller(User):
    """Who sent a message, as a2a-sdk tells executors."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def is_authenticated(self) -> bool:
        """Nobody else passes the door."""
        return True

    @property
    def user_name(self) -> str:
        """The subject of the credential, such as `key:3f2a91`."""
        return self._name
