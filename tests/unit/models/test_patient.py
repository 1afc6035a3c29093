"""What a patient model does with time and with failures, in a time of its own."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from agents import ModelBehaviorError, ModelSettings, ModelTracing

from agentnet.errors import ConfigurationError
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.patient import PatientModel
from tests.unit.models.turns import (
    Scripted,
    answers,
    begins,
    called,
    called_delta,
    declined,
    nothing,
    said,
    told,
    word,
)
from tests.unit.models.virtual_time import in_virtual_time, now

BUSY = ModelError(Kind.BUSY, "The model's server answers 429: slow down.")
SERVER = ModelError(Kind.SERVER, "The model's server answers 500.")
REQUEST = ModelError(Kind.REQUEST, "The model's server answers 400: no such field.")
LOADING = ModelError(Kind.LOADING, "The model's server answers 503: loading.")
REFUSES = ModelError(Kind.AWAY, "The model's server at http://h:1 is not there.", may_come=True)


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.models.retries.random.uniform", lambda least, most: most)


def endpoint(**values: Any) -> Endpoint:
    return Endpoint.model_validate({"name": "house", "model": uuid4().hex, "base_url": "http://h:1/v1", **values})


def patient(*tries: list[Any], **values: Any) -> tuple[PatientModel, Scripted]:
    inner = Scripted(*tries)
    return PatientModel(inner, endpoint(**values)), inner


def waited(inner: Scripted) -> list[float]:
    """When its tries began, in tenths of a second."""
    return [round(moment, 1) for moment in inner.began]


def test_a_turn_passes_as_it_is() -> None:
    model, inner = patient(answers("hi"))
    assert in_virtual_time(told(model)) == ["|", "hi", "=hi"]
    assert inner.closed == 1


@pytest.mark.parametrize("kind", [Kind.AWAY, Kind.SERVER, Kind.BROKEN, Kind.GARBLED, Kind.EMPTY, Kind.BUSY])
def test_what_another_try_may_mend_is_tried_again_and_words_of_before_are_taken_back(kind: Kind) -> None:
    model, inner = patient([begins(), word("wro"), ModelError(kind, "The model failed.")], answers("right"))
    assert in_virtual_time(told(model)) == ["|", "wro", "|", "right", "=right"]
    assert waited(inner) == [0.0, 0.5]
    assert inner.closed == 2


def test_a_model_that_does_not_say_that_it_begins_is_said_to_begin_anew() -> None:
    model, _ = patient([word("wro"), SERVER], [word("right"), said("right")])
    assert in_virtual_time(told(model)) == ["wro", "|", "right", "=right"]


def test_tries_are_counted_and_pauses_grow() -> None:
    model, inner = patient([SERVER])
    with pytest.raises(ModelError) as caught:
        in_virtual_time(told(model))
    assert str(caught.value) == "The model house's server answers 500. It was asked 5 times."
    assert waited(inner) == [0.0, 0.5, 1.5, 3.5, 7.5]


def test_what_a_server_asks_for_is_waited_for_and_told() -> None:
    asked = ModelError(Kind.BUSY, "The model's server answers 429.", wait=30.0)
    model, inner = patient([asked], answers("hi"))
    assert in_virtual_time(told(model)) == ["[waiting 30 s: rate limit]", "|", "hi", "=hi"]
    assert waited(inner) == [0.0, 30.0]


def test_above_a_minute_the_turn_fails_at_once_with_the_servers_words() -> None:
    asked = ModelError(Kind.BUSY, "The model's server answers 429: come tomorrow.", wait=3600.0)
    model, inner = patient([asked])
    with pytest.raises(ModelError) as caught:
        in_virtual_time(told(model))
    assert str(caught.value) == (
        "The model house's server answers 429: come tomorrow. It is to be left alone for 3600 s."
    )
    assert waited(inner) == [0.0]


@pytest.mark.parametrize(
    "kind", [Kind.QUOTA, Kind.KEY, Kind.REQUEST, Kind.OVERFLOW, Kind.FILTERED, Kind.REFUSED, Kind.RUNAWAY, Kind.LENGTH]
)
def test_what_another_try_cannot_mend_fails_at_once(kind: Kind) -> None:
    model, inner = patient([begins(), ModelError(kind, "The model will not.")])
    with pytest.raises(ModelError, match="The model house will not") as caught:
        in_virtual_time(told(model))
    assert caught.value.kind is kind
    assert waited(inner) == [0.0]


@pytest.mark.parametrize("failure", [LOADING, REFUSES])
def test_a_model_that_loads_is_waited_for_up_to_the_total_with_a_word_now_and_then(failure: ModelError) -> None:
    model, inner = patient(*[[failure]] * 10, answers("hi"))
    words = in_virtual_time(told(model))
    reason = "the model is not ready yet" if failure is LOADING else "nothing answers"
    assert words == [*[f"[waiting for the model: {reason}]"] * 3, "|", "hi", "=hi"]
    assert waited(inner) == [0.0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5]
    model, inner = patient([failure], total_seconds=60.0)
    with pytest.raises(ModelError, match=r"It was asked 1[4-6] times") as caught:
        in_virtual_time(told(model))
    assert caught.value.kind is failure.kind
    assert inner.began[-1] < 60.0


def test_silence_ends_a_try_and_it_is_repeated_once() -> None:
    model, inner = patient([begins(), word("a"), 1000.0], base_url="", silence_seconds=10.0)
    with pytest.raises(ModelError, match="The model house said nothing for 10 s") as caught:
        in_virtual_time(told(model))
    assert caught.value.kind is Kind.SILENT
    assert waited(inner) == [0.0, 10.5]


def test_whoever_speaks_is_not_silent_however_long_it_takes() -> None:
    talk = [step for _ in range(100) for step in (9.0, word("a"))]
    model, _ = patient([begins(), *talk, said("a" * 100)], base_url="", silence_seconds=10.0)
    assert in_virtual_time(told(model))[-1] == "=" + "a" * 100


def test_somebody_who_thinks_about_a_word_is_no_silent_model() -> None:
    async def work() -> list[Any]:
        model, _ = patient([begins(), 9.0, word("a"), 9.0, said("a")], base_url="", silence_seconds=10.0)
        events = []
        async for event in model.stream_response(None, "", ModelSettings(), [], None, [], ModelTracing.DISABLED):
            events.append(event)
            await asyncio.sleep(100.0)
        return events

    assert len(in_virtual_time(work())) == 3


def test_the_total_ends_a_turn_even_amid_its_words_and_it_is_not_repeated() -> None:
    talk = [step for _ in range(100) for step in (1.0, word("a"))]
    model, inner = patient([begins(), *talk], total_seconds=50.0)
    with pytest.raises(ModelError, match="The model house did not finish its turn within 50 s") as caught:
        in_virtual_time(told(model))
    assert caught.value.kind is Kind.TOO_LONG
    assert waited(inner) == [0.0]
    assert inner.closed == 1


def test_waiting_in_the_line_counts_to_no_limit() -> None:
    async def work() -> list[list[Any]]:
        where = endpoint(concurrency=1, total_seconds=50.0)
        models = [PatientModel(Scripted([begins(), 40.0, said("hi")]), where) for _ in range(4)]
        return await asyncio.gather(*(told(model) for model in models))

    done = in_virtual_time(work())
    assert [each[-1] for each in done] == ["=hi"] * 4
    assert done[3][0] == "[waiting for the model: 3 before this one]"


def test_a_rate_limit_holds_up_all_who_ask_there() -> None:
    async def work() -> tuple[list[float], list[Any]]:
        where = endpoint()
        limited = Scripted([ModelError(Kind.BUSY, "The model is busy.", wait=30.0)], answers("hi"))
        other = Scripted(answers("hi"))
        first = asyncio.create_task(told(PatientModel(limited, where)))
        await asyncio.sleep(1.0)
        words = await told(PatientModel(other, where))
        await first
        return other.began, words

    began, words = in_virtual_time(work())
    assert began == [30.0]
    assert words[0] == "[waiting 28 s: the model's server asked for it]"


@pytest.mark.parametrize("at", [0.5, 5.0, 45.0, 70.0])
def test_a_cancel_ends_any_wait_at_once_and_leaves_the_line_to_others(at: float) -> None:
    async def work() -> tuple[float, float]:
        where = endpoint(concurrency=1)
        first = asyncio.create_task(told(PatientModel(Scripted([begins(), 40.0, said("hi")]), where)))
        await asyncio.sleep(0)
        asked = ModelError(Kind.BUSY, "The model is busy.", wait=20.0)
        canceled = asyncio.create_task(told(PatientModel(Scripted([2.0, asked], [begins(), 90.0]), where)))
        await asyncio.sleep(at)
        canceled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await canceled
        ended = now()
        await first
        other = Scripted(answers("hi"))
        await told(PatientModel(other, where))
        return ended, other.began[0]

    ended, next_began = in_virtual_time(work())
    assert ended == at
    assert next_began <= max(at, 62.0)


def test_nothing_said_is_an_error_and_asked_again() -> None:
    model, inner = patient([begins(), nothing()], [begins(), word(" \n"), said(" \n")], answers("hi"))
    assert in_virtual_time(told(model))[-1] == "=hi"
    assert len(inner.began) == 3
    model, _ = patient([begins(), nothing()])
    with pytest.raises(ModelError, match="The model house said nothing: its answer holds neither") as caught:
        in_virtual_time(told(model))
    assert caught.value.kind is Kind.EMPTY


def test_a_stream_that_only_ends_is_broken() -> None:
    model, _ = patient([begins(), word("half")], answers("whole"))
    assert in_virtual_time(told(model)) == ["|", "half", "|", "whole", "=whole"]


@pytest.mark.parametrize(
    ("last", "kind", "words"),
    [
        (declined("I must not."), Kind.REFUSED, "The model house declined: I must not."),
        (declined("Response withheld by the provider's content filter."), Kind.FILTERED, "content filter"),
        (nothing("content_filter"), Kind.FILTERED, "content filter"),
        (said("half", "content_filter"), Kind.FILTERED, "content filter"),
        (nothing("max_output_tokens"), Kind.LENGTH, "The model house reached its limit of 100 tokens before it had"),
    ],
)
def test_an_end_without_an_answer_is_told_as_what_it_is(last: Any, kind: Kind, words: str) -> None:
    model, inner = patient([begins(), last])
    with pytest.raises(ModelError, match=words) as caught:
        in_virtual_time(told(model, ModelSettings(max_tokens=100)))
    assert caught.value.kind is kind
    assert len(inner.began) == 1


def test_an_answer_that_is_cut_says_so() -> None:
    model, _ = patient([begins(), word("The first half"), said("The first half", "max_output_tokens")])
    note = "\n\n(The answer is cut here: the model reached the length that it may write, 100 tokens.)"
    assert in_virtual_time(told(model, ModelSettings(max_tokens=100))) == [
        "|",
        "The first half",
        note,
        "=The first half" + note,
    ]


def test_a_cut_answer_that_must_be_json_is_none() -> None:
    model, _ = patient([begins(), word('{"a"'), said('{"a"', "max_output_tokens")])
    with pytest.raises(ModelError) as caught:
        in_virtual_time(told(model, form=object()))
    assert caught.value.kind is Kind.LENGTH


def test_a_call_is_an_answer_even_where_it_is_cut() -> None:
    model, _ = patient([begins(), called('{"a', "max_output_tokens")])
    assert in_virtual_time(told(model)) == ["|", "="]


def test_a_generation_without_end_is_stopped() -> None:
    model, inner = patient([begins(), *[word("again and again. ")] * 2000])
    with pytest.raises(ModelError, match="The model house was stopped: it wrote the same again and again"):
        in_virtual_time(told(model))
    assert inner.closed == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (json.JSONDecodeError("x", "y", 0), Kind.GARBLED),
        (AttributeError("'str' object has no attribute 'choices'"), Kind.GARBLED),
        (ModelBehaviorError("ChatCompletion response has no choices"), Kind.GARBLED),
        (ModelBehaviorError("stream ended before receiving a finish_reason for choice 0."), Kind.BROKEN),
        (ConnectionResetError("reset"), Kind.AWAY),
        (TimeoutError(), Kind.SILENT),
        (ConfigurationError("No model is listed."), Kind.REQUEST),
    ],
)
def test_whatever_is_raised_below_is_told_as_a_failure_of_the_turn(error: Exception, kind: Kind) -> None:
    model, _ = patient([error])
    with pytest.raises(ModelError) as caught:
        in_virtual_time(told(model))
    assert caught.value.kind is kind
    assert caught.value.__cause__ is error
    assert "Traceback" not in str(caught.value)


def fallback(first: list[Any], second: list[Any], **values: Any) -> tuple[PatientModel, Scripted, Scripted]:
    one, two = Scripted(first), Scripted(second)
    other = PatientModel(two, endpoint(name="other", **values))
    return PatientModel(one, endpoint(**values), [lambda: other]), one, two


@pytest.mark.parametrize("kind", [Kind.AWAY, Kind.QUOTA, Kind.KEY, Kind.BUSY, Kind.SERVER, Kind.EMPTY, Kind.RUNAWAY])
def test_what_failed_for_good_is_done_by_the_next_model(kind: Kind) -> None:
    model, one, two = fallback([begins(), word("wro"), ModelError(kind, "The model cannot.")], answers("right"))
    words = in_virtual_time(told(model))
    assert words[-3:] == ["|", "right", "=right"]
    assert any(str(each).endswith("other does it instead.]") for each in words)
    assert len(one.began) >= 1
    assert len(two.began) == 1


@pytest.mark.parametrize("kind", [Kind.REQUEST, Kind.OVERFLOW, Kind.FILTERED, Kind.REFUSED])
def test_what_another_model_would_refuse_too_is_not_asked_of_it(kind: Kind) -> None:
    model, _, two = fallback([ModelError(kind, "The model will not.")], answers("right"))
    with pytest.raises(ModelError):
        in_virtual_time(told(model))
    assert two.began == []


def test_a_model_with_a_longer_context_does_what_is_too_long_for_the_first() -> None:
    two = PatientModel(Scripted(answers("right")), endpoint(name="long", context_tokens=100_000))
    model = PatientModel(Scripted([ModelError(Kind.OVERFLOW, "The model's")]), endpoint(context_tokens=4096), [two])
    assert in_virtual_time(told(model))[-1] == "=right"


@pytest.mark.parametrize(("failure", "seconds"), [(LOADING, 62.5), (REFUSES, 7.5)])
def test_where_another_may_answer_a_model_that_loads_is_waited_for_a_minute_and_one_that_is_not_there_less(
    failure: ModelError, seconds: float
) -> None:
    model, _, two = fallback([failure], answers("right"))
    assert in_virtual_time(told(model))[-1] == "=right"
    assert waited(two) == [seconds]


def test_a_model_that_failed_for_good_is_passed_over_for_a_while() -> None:
    async def work() -> tuple[Scripted, Scripted]:
        model, one, two = fallback([ModelError(Kind.KEY, "The model's key.")], answers("right"))
        for pause in (0.0, 30.0, 40.0):
            await asyncio.sleep(pause)
            assert (await told(model))[-1] == "=right"
        return one, two

    one, two = in_virtual_time(work())
    assert waited(one) == [0.0, 70.0]
    assert len(two.began) == 3


def test_where_all_fail_the_last_ones_words_are_told() -> None:
    model, _, _ = fallback([ModelError(Kind.KEY, "The model's key.")], [ModelError(Kind.QUOTA, "The model is spent.")])
    with pytest.raises(ModelError, match="The model other is spent"):
        in_virtual_time(told(model))


def test_a_turn_in_one_piece_is_as_patient() -> None:
    async def work() -> Any:
        model, _ = patient([SERVER], answers("hi"))
        return await model.get_response(
            system_instructions=None,
            input="hello",
            model_settings=ModelSettings(),
            tools=[],
            output_schema=None,
            handoffs=[],
            tracing=ModelTracing.DISABLED,
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )

    response = in_virtual_time(work())
    assert response.output[0].content[0].text == "hi"
    assert response.usage.total_tokens == 10
    assert response.usage.requests == 1


def test_what_comes_behind_an_answer_is_read_but_not_waited_for_long() -> None:
    async def work() -> float:
        model, _ = patient([begins(), said("hi"), 1000.0])
        assert (await told(model))[-1] == "=hi"
        return now()

    assert in_virtual_time(work()) == 1.0


def test_our_own_word_for_a_cancelled_wait_is_no_cancel_of_the_run() -> None:
    async def work() -> int:
        model, _ = patient([begins(), 1000.0], base_url="", silence_seconds=1.0)
        with pytest.raises(ModelError):
            await told(model)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert in_virtual_time(work()) == 0


async def told_in_silence(model: PatientModel) -> list[tuple[float, str]]:
    """What is said while a turn's stream is silent, and when."""
    heard: list[tuple[float, str]] = []
    turn = model.stream_response(
        None,
        "hello",
        ModelSettings(),
        [],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        say=lambda notice: heard.append((now(), notice.text)),
    )
    async for _ in turn:
        pass
    return heard


WAITS = [(10.0, "10"), (30.0, "30"), (60.0, "60"), (120.0, "120")]


@pytest.mark.parametrize("first", [[], [begins()]], ids=["nothing", "that it begins"])
@pytest.mark.parametrize(("seconds", "times"), [(9.0, 0), (11.0, 1), (31.0, 2), (150.0, 4)])
def test_a_silent_model_is_said_to_be_waited_for_now_and_then(first: list[Any], seconds: float, times: int) -> None:
    model, _ = patient([*first, seconds, *answers("hi")], silence_seconds=600.0)
    words = [(moment, f"waiting for the model: {text} s") for moment, text in WAITS[:times]]
    assert in_virtual_time(told_in_silence(model)) == words


@pytest.mark.parametrize("begun", [[word("hi")], [called_delta()]], ids=["a word", "a call"])
def test_a_model_that_has_begun_to_answer_is_not_said_to_be_waited_for(begun: list[Any]) -> None:
    model, _ = patient([begins(), *begun, 50.0, said("hi")], silence_seconds=600.0)
    assert in_virtual_time(told_in_silence(model)) == []


def test_silence_of_another_try_is_counted_anew() -> None:
    model, _ = patient([12.0, SERVER], [12.0, *answers("hi")])
    assert [words for _, words in in_virtual_time(told_in_silence(model))] == ["waiting for the model: 10 s"] * 2


def test_where_nobody_listens_nothing_is_said_of_silence() -> None:
    model, _ = patient([100.0, *answers("hi")], silence_seconds=600.0)
    assert in_virtual_time(told(model)) == ["|", "hi", "=hi"]
