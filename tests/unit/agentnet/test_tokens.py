"""Service tokens: a token that held is not checked again, and holds no longer and nowhere else for that."""

import time

import pytest

from agentnet.errors import UnauthenticatedError
from agentnet.identity import Budget, Delegation, Principal
from agentnet.identity import tokens as module
from agentnet.identity.tokens import CACHED_TOKENS, LEEWAY_SECONDS, LIFETIME_SECONDS, Tokens

SECRET = "s" * 32
WORKS_FOR = Principal(
    "acme", "key:1", chain=("agent:concierge", "agent:writer"), delegation=Delegation("p", "r", Budget(2, 100, None))
)


@pytest.mark.parametrize("principal", [Principal("acme", "key:1"), WORKS_FOR])
def test_a_token_tells_the_same_each_time_it_is_verified(principal: Principal) -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(principal, "agent:writer")
    assert [tokens.verify(token, "agent:writer") for _ in range(3)] == [principal] * 3


def test_a_token_that_held_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(WORKS_FOR, "agent:writer")
    first = tokens.verify(token, "agent:writer")
    monkeypatch.setattr(module.jwt, "decode", None)
    assert tokens.verify(token, "agent:writer") is first


def test_a_token_that_held_for_one_service_holds_for_no_other() -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(WORKS_FOR, "agent:writer")
    assert tokens.verify(token, "agent:writer") == WORKS_FOR
    with pytest.raises(UnauthenticatedError):
        tokens.verify(token, "agent:reviewer")


@pytest.mark.parametrize(("late", "holds"), [(-1, True), (0, False), (1000, False)])
def test_a_token_that_held_expires_when_it_would_have(
    monkeypatch: pytest.MonkeyPatch, late: float, holds: bool
) -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(WORKS_FOR, "agent:writer")
    tokens.verify(token, "agent:writer")
    claims = module.jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == LIFETIME_SECONDS
    monkeypatch.setattr(time, "time", lambda: claims["exp"] + LEEWAY_SECONDS + late)
    if holds:
        assert tokens.verify(token, "agent:writer") == WORKS_FOR
    else:
        with pytest.raises(UnauthenticatedError):
            tokens.verify(token, "agent:writer")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_token_that_was_changed_does_not_hold_though_the_true_one_did(place: int) -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(WORKS_FOR, "agent:writer")
    tokens.verify(token, "agent:writer")
    parts = token.split(".")
    parts[place] = parts[place][:-2] + ("AA" if parts[place][-2:] != "AA" else "BB")
    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            tokens.verify(".".join(parts), "agent:writer")


def test_tokens_that_were_made_up_push_out_none_that_held(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(SECRET)
    token = tokens.mint(WORKS_FOR, "agent:writer")
    first = tokens.verify(token, "agent:writer")
    for number in range(CACHED_TOKENS + 1):
        with pytest.raises(UnauthenticatedError):
            tokens.verify(f"a.b.{number}", "agent:writer")
    monkeypatch.setattr(module.jwt, "decode", None)
    assert tokens.verify(token, "agent:writer") is first
