"""Quirks of what is said, in answers that are asked for in one piece: repaired as those of streams are.

They end as the table says, too. What the network does besides repairing is done here by a few lines: a turn that was
no answer is asked anew.
"""

from functools import partial
from typing import Any

import pytest
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig, Runner, function_tool
from openai import AsyncOpenAI

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import ModelError
from agentnet.models.failures import failure_in
from agentnet.models.wire.client import WireClient
from agentnet.testing.quirks import QUIRKS, QuirkServer, playing
from tests.quirks.asking import Case, decide, right_answer
from tests.quirks.outcomes import OUTCOMES

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TRIES = 3
TURNS = 6
CASES = [
    Case(quirk, api)
    for quirk in QUIRKS.values()
    for api in quirk.apis
    if quirk.turn is not None and quirk.reply is None and not (quirk.chat or quirk.responses or quirk.frames)
]


@function_tool
async def multiply(a: int, b: int) -> str:
    """The product of two numbers."""
    return str(a * b)


@function_tool
async def the_answer() -> str:
    """The answer to everything."""
    return "42"


@function_tool
async def remember(text: str, label: str | None = None) -> str:
    """Write a text down, under a label if there is one."""
    return "written"


async def answer_of(case: Case) -> str:
    """What an agent of the SDK answers whose model is asked for each turn in one piece. Raises `ModelError`."""
    server = QuirkServer(partial(decide, case.quirk.need), case.quirk)
    async with playing(server) as url:
        wire = WireClient(Endpoint(name="quirky", model="quirky", base_url=url))
        async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0, http_client=wire) as client:
            kind = OpenAIChatCompletionsModel if case.api == "chat" else OpenAIResponsesModel
            tools = [multiply, the_answer, remember]
            agent = Agent[Any]("worker", tools=[*tools], model=kind(model="quirky", openai_client=client))
            config = RunConfig(tracing_disabled=True, tool_not_found_behavior="return_error_to_model")
            for tries_left in reversed(range(TRIES)):
                try:
                    result = await Runner.run(agent, "What is 6 times 7?", run_config=config, max_turns=TURNS)
                    return str(result.final_output)
                except Exception as error:
                    failure = failure_in(error)
                    if not (failure.again and tries_left):
                        raise failure from error
                finally:
                    assert not any(asked.body.get("stream") for asked in server.asked)
    raise AssertionError("unreachable")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_quirk_ends_as_the_table_says_in_one_piece_too(case: Case) -> None:
    if case.quirk.name == "filter-amid-words":  # what came before is judged by the layer above, in either form
        assert await answer_of(case) == "It is"
        return
    outcome = OUTCOMES[case.quirk.name]
    if outcome.kind == "told":
        with pytest.raises(ModelError):
            await answer_of(case)
        return
    answer = (await answer_of(case)).strip()
    assert answer in (outcome.words or (right_answer(case.quirk.need),))


def test_most_quirks_of_what_is_said_are_among_them() -> None:
    assert len(CASES) > 150
