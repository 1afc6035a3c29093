import asyncio

import pytest

from agentnet.errors import NotFoundError, UnavailableError
from gateway.http.cache import Cache

pytestmark = pytest.mark.anyio


async def test_a_fresh_value_is_loaded_once_for_all_who_ask_at_once() -> None:
    loads = 0

    async def load() -> int:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0)
        return loads

    cache: Cache[str, int] = Cache(60)
    assert await asyncio.gather(*[cache.get("k", load) for _ in range(5)]) == [1] * 5
    assert await cache.get("k", load) == 1
    cache.forget("k")
    assert await cache.get("k", load) == 2


async def test_one_who_leaves_does_not_take_the_load_from_the_others() -> None:
    go = asyncio.Event()

    async def load() -> str:
        await go.wait()
        return "there"

    cache: Cache[str, str] = Cache(60)
    first, second = asyncio.create_task(cache.get("k", load)), asyncio.create_task(cache.get("k", load))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    go.set()
    assert await second == "there"


async def test_an_old_value_serves_while_its_source_is_away_but_not_when_it_is_gone() -> None:
    answers: list[str | Exception] = ["old", UnavailableError("away"), NotFoundError("gone")]

    async def load() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache: Cache[str, str] = Cache(0, grace_seconds=60)
    assert await cache.get("k", load) == "old"
    assert await cache.get("k", load) == "old"
    with pytest.raises(NotFoundError):
        await cache.get("k", load)


async def test_it_does_not_grow_without_end() -> None:
    async def load() -> int:
        return 1

    cache: Cache[int, int] = Cache(60, max_keys=10)
    for key in range(100):
        await cache.get(key, load)
    assert sum(cache.at_hand(key) is not None for key in range(100)) == 10


async def test_a_working_set_one_larger_than_the_limit_still_hits() -> None:
    loaded: list[int] = []

    async def get(key: int) -> None:
        async def load() -> int:
            loaded.append(key)
            return key

        await cache.get(key, load)

    cache: Cache[int, int] = Cache(60, max_keys=10)
    for key in [*range(11), *reversed(range(11))]:
        await get(key)
    assert loaded == [*range(11), 0]
