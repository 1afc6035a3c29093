import json
import sys
from types import FrameType
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, function_tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from offline_model import OfflineModel
from offline_model.deciding import decide
from offline_model.request.conversation import Request
from offline_model.request.ledger import MAX_CALLS, Decision
from offline_model.request.tools import ToolSpec
from tests.unit.offline_model.stand_ins import (
    data_tools,
    knowledge_tools,
    network_tools,
    report_tools,
    run,
    specialists,
    toolbox_tools,
    web_tools,
)

pytestmark = pytest.mark.anyio

SPECS = tuple(
    ToolSpec(tool.name, tool.description, tool.params_json_schema)
    for tool in [*toolbox_tools(), *data_tools(), *knowledge_tools(), *web_tools(), *report_tools()]
)
NETWORK = tuple(
    ToolSpec(tool.name, tool.description, tool.params_json_schema)
    for tool in network_tools(specialists(), asks=lambda question: question)
)
OUTPUTS = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["", "{}", "[]", "null", "Error: no", "Error: unknown 'a'. There are: b, c.", "An error occurred", "7"]
    ),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
        max_leaves=12,
    ).map(json.dumps),
)
REQUESTS = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from(
            [
                "chart",
                "find",
                "the",
                "report",
                "of",
                "both",
                "tasks",
                "per",
                "status",
                "it",
                "then",
                "and",
                ",",
                ".",
                "?",
                "convert",
                "3",
                "miles",
                "to",
                "km",
                "time",
                "in",
                "Tokyo",
                "write",
                "review",
                "revise",
                "both",
                "them",
                "15%",
                "of",
                "240",
                "https://a.org/x",
                "sales.csv",
                "how",
                "what",
                "explain",
                "summarise",
                "calculate",
                "\n",
                "1.",
            ]
        ),
        max_size=40,
    ).map(" ".join),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=REQUESTS, outputs=st.lists(OUTPUTS, min_size=1, max_size=6), network=st.booleans())
def test_any_text_ends_in_an_answer_after_bounded_calls_and_no_call_is_repeated(
    text: str, outputs: list[str], network: bool
) -> None:
    items: list[dict[str, Any]] = [{"role": "user", "content": text}]
    made: list[tuple[str, str]] = []
    for _ in range(MAX_CALLS):
        request = Request("You are a test.", tuple(items), SPECS + NETWORK if network else SPECS)
        decision = decide(request)
        assert decision == decide(request)
        if not decision.calls:
            assert decision.text
            return
        for call in decision.calls:
            key = (call.name, json.dumps(call.arguments, sort_keys=True))
            assert key not in made
            made.append(key)
            name = f"c{len(made)}"
            items.append({"type": "function_call", "call_id": name, "name": call.name, "arguments": key[1]})
            output = outputs[len(made) % len(outputs)]
            items.append({"type": "function_call_output", "call_id": name, "output": output})
    pytest.fail(f"no answer after {len(made)} calls")


def work(request: Request) -> tuple[int, int]:
    """What it takes to decide: calls of functions, and characters that are handed to those written in Python.

    Both are the same on every machine. What goes on inside one call of a regular expression is not counted.
    """
    calls = characters = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls, characters
        calls += event in {"call", "c_call"}
        if event == "call":
            values = map(frame.f_locals.get, frame.f_code.co_varnames[: frame.f_code.co_argcount])
            characters += sum(len(value) for value in values if isinstance(value, str))

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        decision = decide(request)
    finally:
        sys.setprofile(before)
    assert decision.calls or decision.text
    return calls, characters


def is_linear(once: Request, twice: Request) -> bool:
    """Whether twice the text takes twice the work at most; a fifth more is for sorting."""
    decide(once)  # fills the caches, so that both are counted alike
    return all(later <= 2.2 * earlier for earlier, later in zip(work(once), work(twice), strict=True))


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ("Summarise this:\n\n", "The quick brown fox jumps over the lazy dog. " * 2250),
        ("", "word " * 20_000),
        ("", "convert 3 miles to km and " * 4_000),
        ("", "a" * 100_000),
        ("", "1 + " * 25_000),
        ("", "(" * 100_000),
        ("", '"' * 100_000),
        ("what is the time in ", "Tokyo " * 16_500),
        ("", "chart x per " * 8_500),
        ("", "-" * 100_000),
        ("", "a.b" * 33_000),
        ("", "a-" * 50_000),
        ("sum of 1, 1,", "1, " * 33_000),
        ("Review it\n\nMaterial:\n\n", "\n" * 100_000),
        ("", "Material:\n" * 10_000),
        ("How does it work?\n\nMaterial:\n\n", "- line with words and numbers 12:30\n" * 3_000),
    ],
    ids=range(16),
)
def test_two_hundred_kilobytes_take_at_most_twice_the_work_of_one_hundred(head: str, text: str) -> None:
    once, twice = (Request("", ({"role": "user", "content": head + text * times},), SPECS) for times in (1, 2))
    assert is_linear(once, twice)


@pytest.mark.parametrize(
    "output",
    ["[" * 100_000, '{"a":' * 100_000, "[" * 90 + "]" * 90, "columns: " * 20_000, "\n" * 200_000, "\ue0007\ue001"],
)
def test_a_hostile_tool_output_of_twice_the_size_takes_at_most_twice_the_work(output: str) -> None:
    def request(output: str) -> Request:
        items: tuple[dict[str, Any], ...] = (
            {"role": "user", "content": "Chart tasks per status from the task log \ue0009\ue001 \ue002"},
            {"type": "function_call", "call_id": "1", "name": "data_sources", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": output},
        )
        return Request("", items, SPECS)

    assert is_linear(request(output), request(output * 2))


def test_the_decision_depends_on_the_input_alone() -> None:
    request = Request("", ({"role": "user", "content": "What time is it in Oslo and what is 3*3?"},), SPECS)
    assert decide(request) == decide(request)
    assert isinstance(decide(request), Decision)


async def test_an_output_type_is_answered_in_its_shape() -> None:
    class Verdict(BaseModel):
        answer: str
        score: int

    result = await Runner.run(
        Agent[Any]("shaped", model=OfflineModel(), output_type=Verdict, tools=toolbox_tools()),
        "What is 6*7?",
        run_config=RunConfig(tracing_disabled=True),
    )
    assert result.final_output_as(Verdict).answer == "6*7 = 42"


async def test_call_ids_are_the_same_for_the_same_input_and_differ_between_turns() -> None:
    ids: list[list[str]] = []
    for _ in range(2):
        result = await Runner.run(
            Agent[Any]("ids", model=OfflineModel(), tools=data_tools()),
            "Chart tasks per status from the task log",
            run_config=RunConfig(tracing_disabled=True),
        )
        ids.append([item.raw_item.call_id for item in result.new_items if item.type == "tool_call_item"])  # type: ignore[union-attr]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


async def test_a_tool_never_seen_before_is_chosen_and_filled_by_its_schema() -> None:
    @function_tool
    def water_plants(room: str, litres: float, gently: bool = False) -> str:
        """Water the plants in a room.

        Args:
            room: Which room.
            litres: How much water.
            gently: Slowly, for seedlings.
        """
        return f"{room} got {litres} litres, gently: {gently}"

    @function_tool
    def feed_fish(grams: int) -> str:
        """Feed the fish in the aquarium.

        Args:
            grams: Grams of food.
        """
        return f"fed {grams} grams"

    ran = await run(
        'Please water the plants in room "kitchen" gently with 2.5 litres, and feed the fish 30 grams',
        [water_plants, feed_fish],
    )
    assert sorted(ran.calls) == [
        ("feed_fish", {"grams": 30}),
        ("water_plants", {"room": "kitchen", "litres": 2.5, "gently": True}),
    ]


async def test_an_sdk_handoff_is_taken_when_it_fits() -> None:
    target = Agent[Any](
        "gardener", handoff_description="Waters plants.", model=OfflineModel(), instructions="You are a gardener."
    )
    ran = await run("Water the plants", handoffs=[target])
    assert "gardener" in ran.answer or "cannot" in ran.answer
