"""Signatures of notifications: short-lived JWTs (ES256) under keys that are published as a JWK set (RFC 7517).

The keys are in the database, sealed, so that every replica signs with the same one. A new key is published for a while
before anything is signed with it, and an old one for a while after: whoever caches the set meets no unknown key.
"""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.database import Database
from agentnet.identity.sealing import Seal, SealError
from agentnet.ids import EVERYONE
from agentnet.push import sql

ALGORITHM = "ES256"
JWKS_PATH = "/.well-known/jwks.json"
JWKS_MAX_AGE_SECONDS = 300
LIFETIME_SECONDS = 300
PUBLISHED_BEFORE_SECONDS = 600.0
"""How long a key is published before it signs; more than caches keep the set."""
RETIRES_AFTER_SECONDS = 86_400.0
MAX_TRIED = 20
"""Of the latest configs, and of the latest credentials, that a secret is tried on."""
MAX_CLAIMED = 8
REFRESH_SECONDS = 60.0
"""How long a process trusts in the keys that it read."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs now."""

    kid: str
    private: EllipticCurvePrivateKey


class KeyRing:
    """The keys of the network."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._pool = database.pool
        self._seal = seal

    async def public(self) -> list[dict[str, Any]]:
        """The public keys that hold, the newest first, as JWKs."""
        rows = await self._pool.fetch(sql.KEYS, PUBLISHED_BEFORE_SECONDS)
        return [json.loads(row["public"]) for row in rows]

    async def current(self) -> SigningKey:
        """The newest key that receivers had time to fetch, or the oldest; made when there is none that can be read."""
        found: SigningKey | None = None
        for row in await self._pool.fetch(sql.KEYS, PUBLISHED_BEFORE_SECONDS):
            private = self._private(row["private"])
            if private is not None:
                found = SigningKey(row["kid"], private)
                if row["ready"]:
                    return found
        return found or await self._add(replaces=False)

    async def rotate(self) -> str:
        """Make a new key, which signs when it has been published for a while; the old ones retire. Answers its id.

        Raises `SealError`, and changes nothing, when the newest key was sealed under another secret, or without keys
        all else that services sealed.
        """
        held = await self._pool.fetch(sql.KEYS, PUBLISHED_BEFORE_SECONDS)
        # No service could read ours, and theirs would retire.
        if held and not self._opens(held[0]["private"]):
            raise _other_secret("The key that signs now was")
        if not held:
            sealed = [row["sealed"] for row in await self._pool.fetch(sql.SEALED, MAX_TRIED)]
            if sealed and not any(map(self._opens, sealed)):
                raise _other_secret("What the services keep was")
        return (await self._add(replaces=True)).kid

    async def claim(self) -> None:
        """Of a service that starts: the newest key is one that it can read, and so tells which secret services have."""
        held = await self._pool.fetch(sql.KEYS, PUBLISHED_BEFORE_SECONDS)
        # Services with two secrets would each make one at every start.
        if not held or (len(held) < MAX_CLAIMED and not self._opens(held[0]["private"])):
            await self._add(replaces=False)

    def _opens(self, sealed: bytes) -> bool:
        try:
            self._seal.open(sealed)
        except SealError:
            return False
        return True

    def _private(self, sealed: bytes) -> EllipticCurvePrivateKey | None:
        try:
            key = load_pem_private_key(self._seal.open(sealed), password=None)
        except SealError:
            return None
        assert isinstance(key, EllipticCurvePrivateKey)
        return key

    async def _add(self, *, replaces: bool) -> SigningKey:
        key = SigningKey(secrets.token_urlsafe(12), generate_private_key(SECP256R1()))
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = ECAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
        public |= {"kid": key.kid, "use": "sig", "alg": ALGORITHM}
        await self._pool.execute(
            sql.ADD_KEY,
            key.kid,
            EVERYONE,
            self._seal.close(pem),
            json.dumps(public),
            RETIRES_AFTER_SECONDS,
            replaces,
        )
        return key


def _other_secret(what: str) -> SealError:
    return SealError(
        f"{what} sealed under another secret. Nothing was changed.",
        hint="AGENTNET_SECRET, or the secret in AGENTNET_HOME, must be the one that the services have.",
    )


class Signer:
    """Signs notifications as `issuer`, the base URL below which the keys are published."""

    def __init__(self, ring: KeyRing, issuer: str) -> None:
        self._ring = ring
        self._issuer = issuer
        self._key: SigningKey | None = None
        self._read_at = 0.0

    async def sign(self, url: str, delivery_id: str, task_id: str, body: bytes) -> str:
        """A JWT for `body`, sent to `url` as part of a delivery of `task_id`."""
        key = await self._current()
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": origin_of(url),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": delivery_id,
            "task_id": task_id,
            # Over the bytes that are sent: JSON that is read and written anew is seldom the same.
            "request_body_sha256": hashlib.sha256(body).hexdigest(),
        }
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})

    async def _current(self) -> SigningKey:
        # Read again now and then: the key may have been replaced, by another process.
        if self._key is None or time.monotonic() - self._read_at > REFRESH_SECONDS:
            self._key = await self._ring.current()
            self._read_at = time.monotonic()
        return self._key


class KeySet:
    """Serves the public keys."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def respond(self, _request: Request) -> Response:
        """The JWK set; anybody may have it."""
        headers = {"cache-control": f"public, max-age={JWKS_MAX_AGE_SECONDS}"}
        return JSONResponse({"keys": await self._ring.public()}, headers=headers)

    def route(self) -> Route:
        """Its well-known address."""
        return Route(JWKS_PATH, self.respond, methods=["GET"])


def origin_of(url: str) -> str:
    """Scheme, host and port of `url`: whom a notification is for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
