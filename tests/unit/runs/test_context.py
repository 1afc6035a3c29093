"""What a model is sent fits its context, says what is left out, and is the same in a replay."""

import itertools
import json
from typing import Any, cast

import pytest
from agents import ModelSettings

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.runs.context import Contexts
from agentnet.runs.journal import JournaledModels
from agentnet.runs.scope import RunScope
from tests.unit.runs.small_model import OVERFLOWS, Run, Server, tool

pytestmark = pytest.mark.anyio


def results(*sizes: int) -> list[dict[str, Any]]:
    """A request, and a call with its result for each size."""
    items: list[dict[str, Any]] = [{"role": "user", "content": "Find out."}]
    for number, size in enumerate(sizes):
        items.append({"type": "function_call", "call_id": f"c{number}", "name": "look", "arguments": "{}"})
        items.append({"type": "function_call_output", "call_id": f"c{number}", "output": "r" * size})
    return items


async def turns(
    server: Server, run: Run, sizes: list[int], settings: ModelSettings | None = None, tools: list[Any] | None = None
) -> None:
    """A run of as many turns as there are sizes, each with one result more."""
    model = JournaledModels(server, RunScope(cast(Any, run), "a", cast(Any, None)), None).get_model(None)
    for count in range(1, len(sizes) + 1):
        asked: tuple[Any, ...] = (
            "You look.",
            results(*sizes[:count]),
            settings or ModelSettings(),
            tools or [],
            None,
            [],
            None,
        )
        async for _ in model.stream_response(*asked):  # type: ignore[call-arg]
            pass


async def test_a_prompt_that_would_overflow_is_made_shorter_before_it_is_sent_and_that_is_told() -> None:
    server, run = Server(4_096, context_tokens=4_096), Run()
    await turns(server, run, [6_000] * 8)
    assert server.refused == 0
    assert len(server.asked) == 8
    outputs = [item["output"] for item in server.asked[-1][1] if "output" in item]
    assert "left out here" in outputs[0]
    assert outputs[-1] == "r" * 6_000
    assert any(
        said.startswith("left out ") and "characters of earlier messages and results" in said for said in run.said
    )


@pytest.mark.parametrize("words", OVERFLOWS)
@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.6])
async def test_a_refusal_tells_the_context_and_the_turn_is_asked_again_with_less(words: str, ratio: float) -> None:
    server, run = Server(4_096, ratio, OVERFLOWS[words]), Run()
    await turns(server, run, [6_000] * 8)
    assert len(server.asked) == 8
    assert 1 <= server.refused <= 2
    other = Run()
    before = server.refused
    await turns(server, other, [6_000] * 8)
    assert server.refused - before <= 1, "what was learnt of an endpoint is known to the next task"


async def test_an_answer_longer_than_the_rest_of_the_context_is_asked_for_shorter() -> None:
    server, run = Server(4_096, context_tokens=4_096), Run()
    await turns(server, run, [3_000], ModelSettings(max_tokens=4_096))
    assert server.refused == 0
    assert server.asked[0][2].max_tokens < 4_096
    roomy = Server(32_000, context_tokens=32_000)
    await turns(roomy, Run(), [3_000], ModelSettings(max_tokens=4_096))
    assert roomy.asked[0][2].max_tokens == 4_096


@pytest.mark.parametrize("declared", [None, 4_096])
@pytest.mark.parametrize("dies_at", range(1, 9))
async def test_a_run_that_is_replayed_sends_the_same_prompts(declared: int | None, dies_at: int) -> None:
    sizes = [5_000, 9_000, 700, 12_000, 60, 8_000, 4_000, 3_000]
    whole, run = Server(4_096, 1.3, context_tokens=declared), Run()
    await turns(whole, run, sizes)
    killed, first = Server(4_096, 1.3, context_tokens=declared), Run()
    killed.dies_at = dies_at
    with pytest.raises(ConnectionError):
        await turns(killed, first, sizes)
    # Another process: it knows of the endpoint what its settings say, and what is in the task's journal.
    taken_over = Server(4_096, 1.3, context_tokens=declared)
    await turns(taken_over, Run(first.leased.journal), sizes)
    assert [args[1] for args in taken_over.asked] == [args[1] for args in whole.asked][dies_at - 1 :]


async def test_a_replay_where_more_is_known_of_the_endpoint_sends_the_same_prompts_too() -> None:
    sizes = [3_000] * 6
    whole = Server(4_096)
    await turns(whole, Run(), sizes)
    killed, first = Server(4_096), Run()
    killed.dies_at = 6
    with pytest.raises(ConnectionError):
        await turns(killed, first, sizes)
    wiser = Server(4_096)
    await turns(wiser, Run(), sizes)
    wiser.asked.clear()
    await turns(wiser, Run(first.leased.journal), sizes)
    assert [args[1] for args in wiser.asked] == [whole.asked[-1][1]]


async def test_between_two_cuts_each_prompt_begins_as_the_one_before() -> None:
    server = Server(4_096, context_tokens=4_096)
    await turns(server, Run(), [600] * 30)
    prompts = [json.dumps(args[1])[:-1] for args in server.asked]
    kept = sum(after.startswith(before) for before, after in itertools.pairwise(prompts))
    assert kept >= len(prompts) - 8


async def test_what_cannot_be_made_shorter_fails_with_a_sentence_and_is_not_asked_for_ever() -> None:
    server, run = Server(600), Run()
    tools = [tool(f"t{number}", "d" * 400) for number in range(10)]
    with pytest.raises(ModelError, match="longer than the model's context") as caught:
        await turns(server, run, [10], tools=tools)
    assert caught.value.kind is Kind.OVERFLOW
    assert server.refused <= 3


async def test_where_nothing_is_known_of_the_context_nothing_is_changed() -> None:
    server, run = Server(10**9), Run()
    await turns(server, run, [200_000] * 3)
    assert server.asked[-1][1] == results(*[200_000] * 3)
    assert list(run.leased.journal) == ["m1", "m2", "m3"]


@pytest.mark.parametrize(("count", "limit", "listed"), [(20, 100, True), (120, 100, False), (20, 10, False)])
async def test_the_tools_of_servers_are_listed_or_found(count: int, limit: int, listed: bool) -> None:
    served = {f"s_{number}": tool(f"s_{number}") for number in range(count)}
    scope = RunScope(cast(Any, Run()), "a", cast(Any, None), served=served, max_tools=limit)
    tools = [tool("own"), *served.values(), tool("find_tools"), tool("call_tool")]
    server = Server(10**6)
    args: tuple[Any, ...] = ("Do.", results(5), ModelSettings(), tools, None, [], None)
    sent, _ = Contexts(scope).at("").prepared(server, "m1", args)
    names = [each.name for each in sent[3]]
    assert names == (["own", *served] if listed else ["own", "find_tools", "call_tool"])


async def test_tools_that_would_fill_the_context_are_found() -> None:
    served = {f"s_{number}": tool(f"s_{number}", "d" * 500) for number in range(20)}
    scope = RunScope(cast(Any, Run()), "a", cast(Any, None), served=served)
    tools = [*served.values(), tool("find_tools"), tool("call_tool")]
    args: tuple[Any, ...] = ("Do.", results(5), ModelSettings(), tools, None, [], None)
    for room, names in ((4_096, ["find_tools", "call_tool"]), (32_000, [*served])):
        sent, _ = Contexts(scope).at("").prepared(Server(room, context_tokens=room), "m1", args)
        assert [each.name for each in sent[3]] == names


OWN, SERVED, OTHERS = ["o_1", "o_2", "o_3"], ["s_1", "s_2", "s_3"], ["ask_user"]
FINDERS = ["find_tools", "call_tool"]


@pytest.mark.parametrize(
    ("served", "limit", "listed"),
    [
        (SERVED, 100, [*OWN, *SERVED, *OTHERS]),
        (SERVED, 6, [*OWN, *OTHERS, *FINDERS]),
        (SERVED, 5, [*OTHERS, *FINDERS]),
        ([], 100, [*OWN, *OTHERS]),
        ([], 4, [*OWN, *OTHERS]),
        ([], 3, [*OTHERS, *FINDERS]),
    ],
)
async def test_a_folders_own_tools_are_found_too_where_the_rest_is_too_many(
    served: list[str], limit: int, listed: list[str]
) -> None:
    made = {name: tool(name) for name in (*OWN, *SERVED)}
    scope = RunScope(
        cast(Any, Run()),
        "a",
        cast(Any, None),
        served={name: made[name] for name in served} if served else None,
        own={name: made[name] for name in OWN},
        max_tools=limit,
    )
    tools = [tool(name) for name in (*OWN, *served, *OTHERS, *FINDERS)]
    args: tuple[Any, ...] = ("Do.", results(5), ModelSettings(), tools, None, [], None)
    sent, _ = Contexts(scope).at("").prepared(Server(10**6), "m1", args)
    assert [each.name for each in sent[3]] == listed
    assert sorted(scope.findable) == sorted([*OWN, *served])
