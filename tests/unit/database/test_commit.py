import asyncio
import random

import pytest

from agentnet.database.commit import MAX_BATCH, GroupCommit
from agentnet.telemetry.logs import bind, bound
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(20))
async def test_no_operation_is_left_waiting(seed: int) -> None:
    choose = random.Random(seed)

    async def flush(batch: list[int]) -> list[int]:
        for _ in range(choose.randrange(3)):
            await asyncio.sleep(0)
        return batch

    commit = GroupCommit(flush)

    async def client(number: int) -> None:
        for step in range(50):
            assert await commit.submit(number * 1000 + step) == number * 1000 + step
            for _ in range(choose.randrange(4)):
                await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(client(number) for number in range(choose.randrange(1, 5))))


async def test_what_waits_at_one_moment_goes_out_together() -> None:
    batches: list[int] = []
    gate = asyncio.Event()

    async def flush(batch: list[int]) -> list[int]:
        batches.append(len(batch))
        await gate.wait()
        return batch

    commit = GroupCommit(flush)
    waiting = [asyncio.create_task(commit.submit(number)) for number in range(1000)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*waiting) == list(range(1000))
    assert max(batches) <= MAX_BATCH
    assert len(batches) < 10


async def test_a_bad_operation_fails_alone() -> None:
    async def flush(batch: list[int]) -> list[int]:
        if 3 in batch:
            raise ValueError("three")
        return batch

    commit = GroupCommit(flush)
    results = await asyncio.gather(*(commit.submit(number) for number in range(6)), return_exceptions=True)
    assert [result for result in results if isinstance(result, int)] == [0, 1, 2, 4, 5]
    assert isinstance(results[3], ValueError)


async def test_what_is_written_together_is_nobodys_alone_in_the_log() -> None:
    seen: list[dict[str, str]] = []

    async def flush(batch: list[int]) -> list[int]:
        seen.append(bound())
        return batch

    commit = GroupCommit(flush)
    with bind(task_id="the first one's"):
        assert await commit.submit(1) == 1
    assert seen == [{}]


async def test_who_is_busy_gathers_what_the_next_turns_of_the_loop_bring() -> None:
    batches: list[list[int]] = []

    async def flush(batch: list[int]) -> list[int]:
        batches.append(batch)
        return batch

    async def late(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        return await commit.submit(number)

    commit = GroupCommit(flush)
    await asyncio.gather(commit.submit(-2), commit.submit(-1))  # so it knows that it is busy
    await asyncio.gather(*(late(number) for number in range(5)))
    await commit.submit(5)
    assert batches == [[-2, -1], [0, 1, 2, 3, 4], [5]]
