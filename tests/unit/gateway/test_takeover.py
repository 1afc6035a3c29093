"""What a stream is gone on with, whatever opened it, and what is said when no replica goes on."""

import json
from typing import Any, cast

import pytest

from agentnet.errors import NotFoundError, UnavailableError
from agentnet.identity import Principal
from gateway.a2a.catalog import Catalog
from gateway.a2a.passage import Place
from gateway.a2a.takeover import Opened, Takeover
from gateway.a2a.upstream import Upstream

pytestmark = pytest.mark.anyio

PLACE = Place("t-1", "3.1.-1.3")


def opened(path: str = "", start: bytes = b"", *, complete: bool = True) -> Opened:
    headers = [(b"content-length", b"9"), (b"a2a-version", b"1.0"), (b"last-event-id", b"0")]
    return Opened(Principal("acme", "key:1"), "writer", path, headers, start, complete)


@pytest.mark.parametrize(
    ("path", "goes_on", "subscription"),
    [
        ("message:stream", "tasks/t-1:subscribe", False),
        ("acme/message:stream", "acme/tasks/t-1:subscribe", False),
        ("v1/message:stream", "v1/tasks/t-1:subscribe", False),
        ("message:stream?A2A-Version=1.0", "tasks/t-1:subscribe?A2A-Version=1.0", False),
        ("tasks/t-1:subscribe", "tasks/t-1:subscribe", True),
        ("acme/tasks/t-1:subscribe?x=y", "acme/tasks/t-1:subscribe?x=y", True),
        ("v1/tasks/t-1:subscribe", "v1/tasks/t-1:subscribe", True),
    ],
)
def test_over_rest_the_task_is_subscribed_to(path: str, goes_on: str, subscription: bool) -> None:
    request = opened(path, b"{}")
    assert request.behind(PLACE) == ("GET", goes_on, [(b"a2a-version", b"1.0"), (b"last-event-id", b"3.1.-1.3")], b"")
    assert request.is_subscription == subscription


@pytest.mark.parametrize(
    ("method", "goes_on", "subscription"),
    [
        ("SendStreamingMessage", "SubscribeToTask", False),
        ("SubscribeToTask", "SubscribeToTask", True),
        ("message/stream", "tasks/resubscribe", False),
        ("tasks/resubscribe", "tasks/resubscribe", True),
    ],
)
@pytest.mark.parametrize("identifier", [7, "x", None])
def test_over_json_rpc_it_is_asked_for_under_the_same_id(
    method: str, goes_on: str, subscription: bool, identifier: Any
) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": {"text": '"SubscribeToTask"'}})
    verb, path, _, sent = opened("", body.encode()).behind(PLACE)
    assert (verb, path) == ("POST", "")
    assert json.loads(sent) == {"jsonrpc": "2.0", "id": identifier, "method": goes_on, "params": {"id": "t-1"}}
    assert opened("", body.encode()).is_subscription == subscription


@pytest.mark.parametrize(
    ("method", "goes_on"), [("SendStreamingMessage", "SubscribeToTask"), ("message/stream", "tasks/resubscribe")]
)
def test_a_message_that_is_too_large_to_be_at_hand_is_told_by_its_beginning(method: str, goes_on: str) -> None:
    start = f'{{"jsonrpc":"2.0","id":5,"method":"{method}","params":{{"message":{{"parts":[{{"text":"SubscribeToTask'
    request = opened("", start.encode(), complete=False)
    assert json.loads(request.behind(PLACE)[3]) | {"params": 0} == {
        "jsonrpc": "2.0",
        "id": 5,
        "method": goes_on,
        "params": 0,
    }
    assert not request.is_subscription


class Nobody:
    """A catalog without agents."""

    async def get(self, _: Principal, name: str) -> None:
        raise NotFoundError(f"There is no agent {name!r} here.")


async def test_when_nobody_goes_on_the_client_is_told_the_task_and_meanwhile_that_one_waits() -> None:
    waited = 0

    async def wait() -> None:
        nonlocal waited
        waited += 1

    rest = Takeover(cast("Catalog", Nobody()), cast("Upstream", None), give_up_seconds=0.2).of(opened("message:stream"))
    with pytest.raises(UnavailableError, match="no replica of it goes on") as caught:
        await rest.behind(PLACE, wait)
    assert "t-1" in caught.value.hint
    assert waited > 1
