"""What may be registered, and by whom."""

import pytest
from pydantic import ValidationError

from agentnet.errors import ForbiddenError, InvalidInputError
from agentnet.identity import Principal
from registry.entries import Entries, Need, Registration

pytestmark = pytest.mark.anyio

FIELDS = {"kind": "agent", "name": "writer", "instance": "one", "url": "http://one.test", "lease_seconds": 10}


class _NoDatabase:
    """Refusals must come before the database is asked."""

    pool = None

    def line(self) -> None:
        return None


def _entries() -> Entries:
    return Entries(_NoDatabase(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "principal",
    [
        Principal("*", "service:agent:writer", frozenset({"use"})),
        Principal("*", "service:agent:editor", frozenset({"service"})),
        Principal("*", "service:agent", frozenset({"service"})),
        Principal("*", "service:gateway", frozenset({"service"})),
        Principal("*", "agent:writer", frozenset({"service"})),
        Principal("acme", "key:agent:writer", frozenset({"admin", "use"})),
    ],
)
async def test_a_caller_speaks_for_itself_only(principal: Principal) -> None:
    with pytest.raises(ForbiddenError):
        await _entries().register(principal, Registration.model_validate(FIELDS))
    with pytest.raises(ForbiddenError):
        await _entries().deregister(principal, "agent", "writer", "one")


async def test_half_of_a_surrogate_pair_is_refused() -> None:
    service = Principal("*", "service:agent:writer", frozenset({"service"}))
    with pytest.raises(InvalidInputError, match="document"):
        await _entries().register(service, Registration.model_validate(FIELDS | {"document": {"x": "\ud800"}}))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Writer"},
        {"name": "../x"},
        {"instance": ""},
        {"instance": "a/b"},
        {"url": "http://"},
        {"url": "http://a b"},
        {"kind": "cat"},
        {"lease_seconds": float("nan")},
        {"lease_seconds": float("inf")},
    ],
)
def test_a_registration_that_cannot_be_used_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Registration.model_validate(FIELDS | change)


def test_fields_of_newer_services_are_ignored() -> None:
    assert Registration.model_validate(FIELDS | {"zone": "eu"}).name == "writer"


def test_a_need_has_a_limit() -> None:
    assert Need(text="x").limit == 5
    with pytest.raises(ValidationError):
        Need(text="x", limit=0)
