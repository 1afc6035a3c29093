"""What only a real model shows: it takes its time, and computes for nobody when nobody waits any more.

Behaviour is asserted and never text: what a small model says differs from machine to machine.
"""

import asyncio
import signal

import pytest

from tests.e2e.real_model.stage import (
    AGENT,
    AGENTS,
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


@pytest.mark.parametrize("agent", AGENTS)
async def test_words_arrive_while_the_model_still_computes(stage: Stage, model: RealModel, agent: str) -> None:
    busy: list[bool] = []
    task_id = ""
    async for event in stage.stream(STORY, agent):
        if words_in(event):
            busy.append(await model.is_busy())
            task_id = event["artifactUpdate"]["taskId"]
        if len(busy) == 5:
            break
    assert busy == [True] * 5
    await stage.cancel(task_id, agent)
    await model.until_free()


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_canceled_task_frees_the_slot(stage: Stage, model: RealModel, agent: str) -> None:
    task_id = await stage.until_words(STORY, agent)
    assert await model.is_busy()
    await stage.cancel(task_id, agent)
    await model.until_free()
    assert state_of(await stage.task(task_id, agent)) == "canceled"


async def test_four_asks_at_once_on_one_slot_all_end(stage: Stage, model: RealModel) -> None:
    things = {"grass": "storyteller", "snow": "narrator", "coal": "storyteller", "blood": "narrator"}
    asked = [
        stage.ask(f"In one short sentence: what is the colour of {thing}?", agent) for thing, agent in things.items()
    ]
    for task in await asyncio.gather(*asked):
        assert state_of(task) == "completed", reason_of(task)
        assert answer_of(task).strip()
    await model.until_free()


async def test_when_its_user_cancels_the_ask_at_the_slot_those_behind_it_end(stage: Stage, model: RealModel) -> None:
    first = await stage.until_words(STORY)
    waiting = [asyncio.create_task(stage.ask(f"What is {number} and 1? Be brief.")) for number in range(3)]
    await until(lambda: _working(stage, 4))
    await stage.cancel(first)
    for task in await asyncio.gather(*waiting):
        assert state_of(task) == "completed", reason_of(task)
    assert state_of(await stage.task(first)) == "canceled"
    await model.until_free()


@pytest.mark.parametrize("agent", AGENTS)
async def test_a_prompt_that_is_too_long_is_shortened_or_told_in_words(
    stage: Stage, model: RealModel, agent: str
) -> None:
    task = await stage.ask("word " * (3 * CONTEXT_TOKENS), agent)
    if state_of(task) == "completed":  # the request was shortened to what the server said that it takes
        assert answer_of(task).strip()
    else:
        assert state_of(task) == "failed"
        assert "context" in reason_of(task).lower()
        assert "internal error" not in reason_of(task).lower()
    await model.until_free()


async def test_a_killed_specialist_frees_the_slot(doomed: Stage, model: RealModel) -> None:
    await doomed.until_words(STORY)
    assert await model.is_busy()
    doomed.process.send(signal.SIGKILL)
    await model.until_free()


async def _working(stage: Stage, count: int) -> bool:
    listed = (await stage.http.get(f"/agents/{AGENT}/tasks")).json()
    return sum(state_of(task) in ("submitted", "working") for task in listed["tasks"]) >= count
