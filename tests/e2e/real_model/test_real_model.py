"""What only a real model shows: it takes its time, and computes for nobody when nobody waits any more.

Behaviour is asserted and never text: what a small model says differs from machine to machine.
"""

import asyncio
import signal

import pytest

from tests.e2e.real_model.stage import (
    CONTEXT_TOKENS,
    STORY,
    RealModel,
    Stage,
    answer_of,
    reason_of,
    state_of,
    until,
    words_in,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_words_arrive_while_the_model_still_computes(stage: Stage, model: RealModel) -> None:
    busy: list[bool] = []
    task_id = ""
    async for event in stage.stream(STORY):
        if words_in(event):
            busy.append(await model.is_busy())
            task_id = event["artifactUpdate"]["taskId"]
        if len(busy) == 5:
            break
    assert busy == [True] * 5
    await stage.cancel(task_id)
    await model.until_free()


async def test_a_canceled_task_frees_the_slot(stage: Stage, model: RealModel) -> None:
    task_id = await stage.until_words(STORY)
    assert await model.is_busy()
    await stage.cancel(task_id)
    await model.until_free()
    assert state_of(await stage.task(task_id)) == "canceled"


async def test_a_killed_specialist_frees_the_slot_and_its_task_ends_when_it_is_back(
    stage: Stage, model: RealModel
) -> None:
    task_id = await stage.until_words(STORY)
    assert await model.is_busy()
    stage.process.send(signal.SIGKILL)
    await model.until_free()
    assert task_id


async def test_four_asks_at_once_on_one_slot_all_end(stage: Stage, model: RealModel) -> None:
    asked = [f"In one short sentence: what is the colour of {thing}?" for thing in ("grass", "snow", "coal", "blood")]
    tasks = await asyncio.gather(*(stage.ask(text) for text in asked))
    for task in tasks:
        assert state_of(task) == "completed", reason_of(task)
        assert answer_of(task).strip()
    await model.until_free()


async def test_asks_in_the_queue_can_be_canceled_and_the_others_end(stage: Stage, model: RealModel) -> None:
    first = await stage.until_words(STORY)
    waiting = [asyncio.create_task(stage.ask(f"What is {number} and 1? Be brief.")) for number in range(3)]
    await until(lambda: _all_known(stage, 4))
    await stage.cancel(first)
    for task in await asyncio.gather(*waiting):
        assert state_of(task) == "completed", reason_of(task)
    await model.until_free()


async def test_a_prompt_that_is_too_long_is_told_in_words(stage: Stage, model: RealModel) -> None:
    task = await stage.ask("word " * (3 * CONTEXT_TOKENS))
    assert state_of(task) == "failed"
    assert "context" in reason_of(task).lower()
    assert "internal error" not in reason_of(task).lower()
    await model.until_free()


async def _all_known(stage: Stage, count: int) -> bool:
    listed = (await stage.http.get("/agents/storyteller/tasks")).json()
    return len(listed["tasks"]) >= count
