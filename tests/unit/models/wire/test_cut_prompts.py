"""Prompts of which a server reads a part and says nothing: told by its count, and never where a count means another."""

import json
import logging
from typing import Any

import pytest

from agentnet.models.wire.habits import habits_of
from tests.unit.models.wire.playing import Answer, chunk, events, playing, take_turn, usage_chunk
from tests.unit.models.wire.test_responses_quirks import message, response

pytestmark = pytest.mark.anyio

WORDS = "the gauge at the station reads as many centimetres above its mean as it did "


def history(words: int) -> list[Any]:
    """A conversation of so many words, in the forms that they come in."""
    part = " ".join((WORDS * (words // 2)).split()[: words // 2])
    return [
        {"role": "user", "content": [{"type": "input_text", "text": part}]},
        {"type": "function_call", "call_id": "call_q1w2e3r4", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_q1w2e3r4", "output": part},
    ]


def said(read: Any, **members: Any) -> bytes:
    """An answer of a server that says how many tokens it read."""
    usage = usage_chunk(prompt_tokens=read, total_tokens=read + 3, **members)
    return events(chunk({"content": "Yes."}), chunk({}, "stop"), usage)


CASES: dict[str, tuple[int, list[bytes], int | None]] = {
    "read whole": (9_000, [said(11_500)], None),
    "cut": (9_000, [said(4_096)], 4_096),
    "cut again, to a little less": (9_000, [said(4_096), said(3_900)], 4_096),
    "a little fewer than there should be": (9_000, [said(8_500)], None),
    "fewer than any context": (9_000, [said(900)], None),
    "short": (500, [said(1_000)], None),
    "without what is in a cache, behind a whole one": (9_000, [said(11_500), said(1_200)], None),
    "with a part in a cache": (9_000, [said(2_000, prompt_tokens_details={"cached_tokens": 9_500})], None),
    "with a cache beside it": (9_000, [said(2_000, cache_read_input_tokens=9_500)], None),
    "no count": (9_000, [events(chunk({"content": "Yes."}), chunk({}, "stop"))], None),
    "of a server's own measure": (
        9_000,
        [events(chunk({"content": "Yes."}), {**chunk({}, "stop"), "timings": {"prompt_n": 1_500, "predicted_n": 3}})],
        None,
    ),
}


@pytest.mark.parametrize("which", CASES)
async def test_a_prompt_that_was_cut_is_told_by_the_count_of_its_server(which: str) -> None:
    words, answers, wanted = CASES[which]
    async with playing(*answers) as player:
        turns = [await take_turn(player, history=history(words)) for _ in answers]
        habits = habits_of(player.url, "m")
    assert habits.reads_at_most == wanted
    assert ("prompt_cut" in turns[-1].noted.names) == (wanted is not None)


async def test_the_same_holds_in_the_responses_api() -> None:
    usage = {"input_tokens": 4_096, "output_tokens": 3, "total_tokens": 4_099}
    body = events({"type": "response.completed", "response": response(message("Yes."), usage=usage)}, done=False)
    async with playing(Answer(body)) as player:
        await take_turn(player, "responses", history=history(9_000))
        assert habits_of(player.url, "m").reads_at_most == 4_096


async def test_images_are_no_words_that_a_server_has_dropped() -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{'A' * 200_000}", "detail": "auto"}
    asked = [{"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, image]}]
    async with playing(said(1_500)) as player:
        await take_turn(player, history=asked)
        assert len(json.dumps(player.bodies[0])) > 200_000
        assert habits_of(player.url, "m").reads_at_most is None


async def test_the_log_has_it_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with playing(said(4_096)) as player:
        for _ in range(3):
            await take_turn(player, history=history(9_000))
    assert sum("prompt_cut" in record.getMessage() for record in caplog.records) == 1
