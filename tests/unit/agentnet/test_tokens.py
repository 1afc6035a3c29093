"""Tokens between services: whom they hold for, and for how long one that held is remembered."""

import time
from typing import Any

import jwt
import pytest

from agentnet.errors import UnauthenticatedError
from agentnet.identity import Budget, Delegation, Principal
from agentnet.identity.tokens import LEEWAY_SECONDS, LIFETIME_SECONDS, Tokens

SECRET = "a-secret-of-more-than-thirty-two-characters"
OTHER = "another-secret-of-more-than-thirty-two-characters"
CALLER = Principal("acme", "key:1", chain=("agent:one",), delegation=Delegation("parent", "root", Budget(3, 100, 5.0)))


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def expire(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on no token holds any more, and whoever reads one is noted."""
    read: list[str] = []

    def decode(token: str, *_arguments: Any, **_options: Any) -> Any:
        read.append(token)
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(jwt, "decode", decode)
    return read


def test_a_token_says_who_calls_the_first_time_and_again() -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(CALLER, "agent:writer")
    assert [tokens.verify(token, "agent:writer") for _ in range(2)] == [CALLER, CALLER]


def test_a_token_that_held_is_not_read_again_before_its_end_and_leeway(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(SECRET, clock)
    token = tokens.mint(CALLER, "agent:writer")
    tokens.verify(token, "agent:writer")
    read = expire(monkeypatch)
    clock.now += LIFETIME_SECONDS + LEEWAY_SECONDS - 2  # its end is in whole seconds
    assert tokens.verify(token, "agent:writer") == CALLER
    assert not read


def test_a_token_that_held_is_refused_when_its_end_has_come(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(SECRET, clock)
    token = tokens.mint(CALLER, "agent:writer")
    tokens.verify(token, "agent:writer")
    read = expire(monkeypatch)
    clock.now += LIFETIME_SECONDS + LEEWAY_SECONDS
    with pytest.raises(UnauthenticatedError):
        tokens.verify(token, "agent:writer")
    assert read == [token]


def test_a_token_that_held_for_one_service_holds_for_no_other() -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(CALLER, "agent:writer")
    tokens.verify(token, "agent:writer")
    with pytest.raises(UnauthenticatedError):
        tokens.verify(token, "agent:reader")


def test_a_token_that_was_changed_or_signed_by_another_holds_never() -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(CALLER, "agent:writer")
    tokens.verify(token, "agent:writer")
    head, claims, signature = token.split(".")
    for wrong in (f"{head}.{claims}.{signature[::-1]}", Tokens(OTHER).mint(CALLER, "agent:writer"), token[:-1], ""):
        for _ in range(2):  # what was refused is not remembered either
            with pytest.raises(UnauthenticatedError):
                tokens.verify(wrong, "agent:writer")
