"""The line before an endpoint: fair, within its limits, and whoever gives up leaves no gap."""

import asyncio

import pytest

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.queue import Line, Place, line_of
from tests.unit.models.virtual_time import in_virtual_time, now


async def entered(place: Place) -> float:
    """Wait until it is its turn; when that was."""
    async for _ in place.wait():
        pass
    return now()


async def worked(line: Line, seconds: float) -> float:
    place = line.join()
    began = await entered(place)
    await asyncio.sleep(seconds)
    place.leave()
    return began


def test_so_many_go_in_at_once_and_the_others_in_their_order() -> None:
    async def work() -> list[float]:
        line = Line(concurrency=2)
        return await asyncio.gather(*(worked(line, 10.0) for _ in range(5)))

    assert in_virtual_time(work()) == [0.0, 0.0, 10.0, 10.0, 20.0]


def test_without_limits_nobody_waits() -> None:
    async def work() -> bool:
        line = Line()
        return all(line.join().is_in for _ in range(1000))

    assert in_virtual_time(work())


def test_whoever_gives_up_in_line_or_inside_makes_way_once() -> None:
    async def work() -> list[bool]:
        line = Line(concurrency=1)
        inside, second, third, fourth = (line.join() for _ in range(4))
        second.leave()
        second.leave()
        inside.leave()
        inside.leave()
        return [third.is_in, fourth.is_in]

    assert in_virtual_time(work()) == [True, False]


def test_a_cancelled_waiter_holds_up_nobody() -> None:
    async def work() -> float:
        line = Line(concurrency=1)
        inside = line.join()
        waiting = asyncio.create_task(worked(line, 5.0))
        behind = asyncio.create_task(worked(line, 5.0))
        await asyncio.sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        inside.leave()
        return await behind

    async def worked(line: Line, seconds: float) -> float:
        place = line.join()
        try:
            began = await entered(place)
            await asyncio.sleep(seconds)
            return began
        finally:
            place.leave()

    assert in_virtual_time(work()) == 1.0


def test_a_turn_that_is_tried_again_goes_before_those_who_have_not_been_in() -> None:
    async def work() -> list[bool]:
        line = Line(concurrency=1)
        first, second = line.join(), line.join()
        first.leave()
        again, third, once_more = line.join(again=True), line.join(), line.join(again=True)
        second.leave()
        states = [again.is_in, once_more.is_in, third.is_in]
        again.leave()
        return [*states, once_more.is_in, third.is_in]

    assert in_virtual_time(work()) == [True, False, False, True, False]


def test_requests_a_minute_are_kept_in_a_window_that_moves() -> None:
    async def work() -> list[float]:
        line = Line(requests_per_minute=2)
        first = [await worked(line, 10.0) for _ in range(2)]
        return first + [await worked(line, 0.0) for _ in range(3)]

    assert in_virtual_time(work()) == [0.0, 10.0, 60.0, 70.0, 120.0]


def test_tokens_a_minute_hold_up_who_comes_after_they_are_used() -> None:
    async def work() -> list[float]:
        line = Line(tokens_per_minute=1000)
        began = [await worked(line, 5.0)]
        line.use(400)
        began.append(await worked(line, 5.0))
        line.use(900)
        return [*began, await worked(line, 0.0)]

    # 1,300 are used: when the 400 are a minute old there are 900, which is under the limit.
    assert in_virtual_time(work()) == [0.0, 5.0, 65.0]


def test_while_the_server_wants_to_be_left_alone_nobody_goes_in() -> None:
    async def work() -> float:
        line = Line()
        line.close(30.0)
        return await worked(line, 0.0)

    assert in_virtual_time(work()) == 30.0


def test_whoever_waits_longer_than_a_second_is_told_for_what() -> None:
    async def work() -> list[tuple[float, str]]:
        line = Line(concurrency=1)
        others = [asyncio.create_task(worked(line, 10.0)) for _ in range(2)]
        await asyncio.sleep(0.5)
        place = line.join()
        told = [(now(), words) async for words in place.wait()]
        await asyncio.gather(*others)
        return told

    assert in_virtual_time(work()) == [
        (1.5, "waiting for the model: 2 before this one"),
        (11.5, "waiting for the model: 1 before this one"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"requests_per_minute": 1}, "waiting 59 s: this network's own limit of 1 requests a minute"),
        ({"tokens_per_minute": 10_000}, "waiting 59 s: this network's own limit of 10,000 tokens a minute"),
    ],
)
def test_our_own_limits_are_told_as_such(line: dict[str, int], words: str) -> None:
    async def work() -> str:
        made = Line(**line)
        first = made.join()
        made.use(10_000)
        first.leave()
        return await anext(made.join().wait())

    assert in_virtual_time(work()) == words


def test_all_models_of_an_endpoint_share_its_line_in_a_loop_and_no_others_do() -> None:
    async def work() -> tuple[Line, Line, Line]:
        first = Endpoint(name="a", model="m", base_url="http://127.0.0.1:1/v1", concurrency=1)
        return (
            line_of(first),
            line_of(first.model_copy(update={"name": "b"})),
            line_of(first.model_copy(update={"base_url": "http://127.0.0.1:2/v1"})),
        )

    one, same, other = in_virtual_time(work())
    assert one is same
    assert one is not other
    assert in_virtual_time(work())[0] is not one
