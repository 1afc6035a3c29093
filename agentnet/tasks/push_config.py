"""A push config as the database has it."""

from dataclasses import dataclass

VERSION_1_0 = "1.0"
VERSION_0_3 = "0.3"


@dataclass(frozen=True, slots=True)
class StoredConfig:
    """What is stored when a client says where it wants to be told."""

    id: str
    version: str
    """Protocol version of the client that made it, in which it is told."""
    address: str
    """The URL without its query, to be shown to operators."""
    sealed: bytes
    """A2A TaskPushNotificationConfig (protobuf), sealed."""
