"""A token is verified once and known until it expires, and for its audience only."""

import time

import jwt
import pytest

from agentnet.errors import UnauthenticatedError
from agentnet.identity import Principal
from agentnet.identity.tokens import LIFETIME_SECONDS, Tokens

ALICE = Principal("acme", "key:alice", frozenset({"use"}))


def test_a_token_that_was_verified_before_names_the_same_principal() -> None:
    tokens = Tokens("a secret that is long enough for it")
    token = tokens.mint(ALICE, "registry")
    assert [tokens.verify(token, "registry") for _ in range(2)] == [ALICE, ALICE]


def test_a_token_that_was_verified_before_holds_for_no_other_audience_and_no_other_signature() -> None:
    tokens = Tokens("a secret that is long enough for it")
    token = tokens.mint(ALICE, "registry")
    tokens.verify(token, "registry")
    head, claims, signature = token.split(".")
    for other, audience in ((token, "agent:writer"), (f"{head}.{claims}.{signature[::-1]}", "registry")):
        with pytest.raises(UnauthenticatedError):
            tokens.verify(other, audience)


def test_a_token_that_was_verified_before_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a secret that is long enough for it"
    tokens = Tokens(secret)
    token = tokens.mint(ALICE, "registry")
    tokens.verify(token, "registry")
    later = time.time() + LIFETIME_SECONDS + 1
    monkeypatch.setattr("agentnet.identity.tokens.time.time", lambda: later)
    looked: list[str] = []

    def decode(*_values: object, **_options: object) -> None:
        looked.append("again")
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr("agentnet.identity.tokens.jwt.decode", decode)
    with pytest.raises(UnauthenticatedError):
        tokens.verify(token, "registry")
    assert looked
