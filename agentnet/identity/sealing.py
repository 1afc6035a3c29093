"""Secrets at rest: sealed under a key derived from the network's secret; the database alone does not tell them."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agentnet.errors import AgentNetError

PURPOSE = b"agentnet: secrets at rest, v1"


class SealError(AgentNetError):
    """Sealed under another secret, or changed since."""


class Seal:
    """Seals with AES-128 and HMAC-SHA256 (Fernet), under a key of its own that `secret` only leads to."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(self.key(PURPOSE)))

    def key(self, purpose: bytes) -> bytes:
        """32 bytes for `purpose` and nothing else, the same in every process of the network."""
        # Without salt: every process must come to the same key with nothing but the secret (RFC 5869 section 3.1).
        return HKDF(SHA256(), 32, salt=None, info=purpose).derive(self._secret)

    def close(self, data: bytes) -> bytes:
        """`data`, sealed."""
        return self._fernet.encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `SealError`."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealError(
                "A stored secret cannot be read: AGENTNET_SECRET is not the one it was sealed under."
            ) from None
