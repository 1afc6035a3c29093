"""Short-lived signed tokens between services (JWT, RFC 7519), with the chain of actors of RFC 8693 section 4.1."""

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cachetools import LRUCache

from agentnet.errors import UnauthenticatedError
from agentnet.identity.principal import SERVICE, Budget, Delegation, Principal

ALGORITHM = "HS256"
ISSUER = "agentnet"
LIFETIME_SECONDS = 60
LEEWAY_SECONDS = 5
"""By which the clocks of two machines may differ."""
CACHED_TOKENS = 4096


class Tokens:
    """Mints and verifies. A minted token is used again for half of its life, so a busy caller signs once; one that held
    is remembered until it expires, so a busy service checks its signature once."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._minted: LRUCache[tuple[Principal, str], tuple[float, str]] = LRUCache(CACHED_TOKENS)
        self._verified: LRUCache[tuple[bytes, str], tuple[float, Principal]] = LRUCache(CACHED_TOKENS)
        """By digest and audience: a token is a credential, and is not kept itself."""

    def mint(self, principal: Principal, audience: str) -> str:
        """A token for `principal` that only the service `audience` takes (`agent:writer`, `mcp:data`, `registry`)."""
        now = time.time()
        cached = self._minted.get((principal, audience))
        if cached and cached[0] > now:
            return cached[1]
        token = jwt.encode(_claims(principal, audience, int(now)), self._secret, algorithm=ALGORITHM)
        self._minted[principal, audience] = (now + LIFETIME_SECONDS / 2, token)
        return token

    def for_service(self, name: str, audience: str) -> str:
        """A token for the service `name`'s own business, such as its registration."""
        return self.mint(Principal("*", f"service:{name}", frozenset({SERVICE})), audience)

    def verify(self, token: str, audience: str) -> Principal:
        """The principal of `token`. Raises `UnauthenticatedError` when it does not hold."""
        key = hashlib.sha256(token.encode("utf-8", "replace")).digest(), audience
        known = self._verified.get(key)
        if known is None:  # none that did not hold is kept: made up ones would push real ones out
            known = self._verified[key] = self._checked(token, audience)
        until, principal = known
        if time.time() >= until:
            raise _invalid()
        return principal

    def _checked(self, token: str, audience: str) -> tuple[float, Principal]:
        """When `token` expires here, and whose it is. Raises `UnauthenticatedError`."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],  # never the one that the token names (RFC 8725 section 3.1)
                audience=audience,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "sub", "aud", "tenant"]},
            )
            return int(claims["exp"]) + LEEWAY_SECONDS, _principal(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise _invalid() from None


def _invalid() -> UnauthenticatedError:
    return UnauthenticatedError("The service token is not valid or has expired.")


def _claims(principal: Principal, audience: str, now: int) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "sub": principal.subject,
        "aud": audience,
        "tenant": principal.tenant,
        "scope": " ".join(sorted(principal.scopes)),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }
    actor: dict[str, Any] | None = None
    for name in principal.chain:  # the last of it is the outermost claim, the one who acts now
        actor = {"sub": name, "act": actor} if actor else {"sub": name}
    if actor:
        claims["act"] = actor
    if principal.delegation:
        budget = principal.delegation.budget
        claims["task"] = {"parent": principal.delegation.parent_id, "root": principal.delegation.root_id}
        claims["budget"] = {"hops": budget.hops, "tokens": budget.tokens, "deadline": budget.deadline}
    return claims


def _principal(claims: Mapping[str, Any]) -> Principal:
    chain: list[str] = []
    actor = claims.get("act")
    while actor:
        chain.insert(0, actor["sub"])
        actor = actor.get("act")
    delegation = None
    if task := claims.get("task"):
        delegation = Delegation(task["parent"], task["root"], Budget(**claims["budget"]))
    scopes = frozenset(claims.get("scope", "").split())
    return Principal(claims["tenant"], claims["sub"], scopes, tuple(chain), delegation)
