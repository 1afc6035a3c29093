"""Short-lived signed tokens between services (JWT, RFC 7519), with the chain of actors of RFC 8693 section 4.1."""

import time
from collections.abc import Callable, Mapping
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
    is remembered for as long as it holds: to verify it takes 65 us, as much as half a relayed call."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._minted: LRUCache[tuple[Principal, str], tuple[float, str]] = LRUCache(CACHED_TOKENS)
        self._verified: LRUCache[tuple[str, str], tuple[float, Principal]] = LRUCache(CACHED_TOKENS)

    def mint(self, principal: Principal, audience: str) -> str:
        """A token for `principal` that only the service `audience` takes (`agent:writer`, `mcp:data`, `registry`)."""
        now = self._clock()
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
        held = self._verified.get((token, audience))
        if held and held[0] > self._clock():
            return held[1]
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
            principal = _principal(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise UnauthenticatedError("The service token is not valid or has expired.") from None
        # Nothing but its end takes it away: the key is the process's, and what is not yet valid was refused.
        self._verified[token, audience] = (int(claims["exp"]) + LEEWAY_SECONDS, principal)
        return principal


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
