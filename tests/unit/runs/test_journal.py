"""The journal's keys are the same in every replay, whatever went wrong the first time."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from a2a.types.a2a_pb2 import Task
from agents import Model, ModelProvider, ModelSettings, ModelTracing
from openai.types.responses import Response, ResponseCompletedEvent

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.notice import Notice
from agentnet.runs.journal import JournaledModels
from agentnet.runs.scope import RunScope
from agentnet.tasks.steps import step_of
from agentnet.tasks.values import struct_json

pytestmark = pytest.mark.anyio


class FailingOnce(Model, ModelProvider):
    calls = 0

    def get_model(self, model_name: str | None) -> Model:
        return self

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError("429")
        response = Response.construct(id="r", output=[], usage=None)
        yield ResponseCompletedEvent(response=response, sequence_number=0, type="response.completed")


class Run:
    def __init__(self) -> None:
        self.leased = SimpleNamespace(journal={})

    async def make_sure(self) -> None: ...

    async def journal(self, key: str, value: bytes) -> None:
        self.note(key, value)

    def note(self, key: str, value: bytes, *, at_once: bool = False) -> None:
        self.leased.journal[key] = value


async def _turn(model: Model) -> None:
    async for _ in model.stream_response():  # type: ignore[call-arg, attr-defined]
        pass


async def test_a_model_call_that_the_runner_tries_again_is_the_same_turn_for_a_replay() -> None:
    run, inner = Run(), FailingOnce()
    scope = RunScope(cast(Any, run), "a", cast(Any, None))
    model = JournaledModels(inner, scope, None).get_model(None)
    with pytest.raises(ConnectionError):
        await _turn(model)
    await _turn(model)
    await _turn(model)
    assert list(run.leased.journal) == ["m1", "m2"]
    replayed = JournaledModels(inner, scope, None).get_model(None)
    await _turn(replayed)
    await _turn(replayed)
    assert inner.calls == 3


async def test_what_the_sdk_still_does_after_the_end_of_an_execution_leaves_no_trace() -> None:
    run, inner = Run(), FailingOnce()
    inner.calls = 1
    scope = RunScope(cast(Any, run), "a", cast(Any, None))
    model = JournaledModels(inner, scope, None).get_model(None)
    scope.over = True
    with pytest.raises(asyncio.CancelledError):
        await _turn(model)
    with pytest.raises(asyncio.CancelledError):
        await scope.journal("t:1", b"An error occurred")
    with pytest.raises(asyncio.CancelledError):
        scope.note("t:1", b"An error occurred")
    assert run.leased.journal == {}


class Telling(FailingOnce):
    """Says what it waits for, then a word, and answers or fails with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.is_closed = error, False

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.calls += 1
        try:
            yield Notice("waiting 30 s: rate limit", "house")
            yield Notice("waiting 20 s: rate limit", "house")
            if self.error is not None:
                raise self.error
            yield "word"
            response = Response.construct(id="r", output=[], usage=None)
            yield ResponseCompletedEvent(response=response, sequence_number=0, type="response.completed")
        finally:
            self.is_closed = True


class TellingRun(Run):
    """A run that keeps the steps that it is told of."""

    waits_for = ""

    def __init__(self) -> None:
        super().__init__()
        self.leased = SimpleNamespace(journal={}, chain=())
        self.lease = SimpleNamespace(task_id="t")
        self.named = Task(id="t", context_id="c")
        self.told: list[tuple[Any, ...]] = []
        self.took: list[int | None] = []
        """Milliseconds that each says."""

    async def emit(self, event: Any) -> None:
        step = step_of(struct_json(event.status_update.metadata))
        assert step is not None
        self.told.append((step.id, step.kind, step.phase, step.name, step.summary, step.ok))
        self.took.append(step.ms)


async def test_what_a_turn_waits_for_is_a_step_and_no_event_of_the_model() -> None:
    run, inner = TellingRun(), Telling()
    model = JournaledModels(inner, RunScope(cast(Any, run), "a", cast(Any, None)), None).get_model(None)
    events = [event async for event in model.stream_response()]  # type: ignore[call-arg, attr-defined]
    assert [type(event).__name__ for event in events] == ["str", "ResponseCompletedEvent"]
    assert run.told == [
        ("t/m1/wait", "model", "start", "house", "waiting 30 s: rate limit", True),
        ("t/m1/wait", "model", "start", "house", "waiting 20 s: rate limit", True),
        ("t/m1/wait", "model", "end", "house", "", True),
    ]
    assert run.waits_for == ""
    assert inner.is_closed
    assert list(run.leased.journal) == ["m1"]


class Silent(FailingOnce):
    """Is silent, which it says from outside its stream, and then answers, fails with `error` or is left."""

    tells_of_silence = True

    def __init__(self, run: "TellingRun", error: Exception | None = None) -> None:
        self.run, self.error = run, error
        self.is_asked = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        say = kwargs["say"]
        for seconds in (10.0, 30.0):
            before = len(self.run.told)
            say(Notice(f"waiting for the model: {seconds:.0f} s", "house", seconds))
            while len(self.run.told) == before:
                await asyncio.sleep(0)
        self.is_asked.set()
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        response = Response.construct(id="r", output=[], usage=None)
        yield ResponseCompletedEvent(response=response, sequence_number=0, type="response.completed")


@pytest.mark.parametrize("error", [None, ModelError(Kind.SILENT, "The model said nothing.")], ids=["answers", "fails"])
async def test_a_wait_that_a_timer_tells_of_is_one_step_with_an_end(error: Exception | None) -> None:
    run = TellingRun()
    inner = Silent(run, error)
    inner.goes_on.set()
    model = JournaledModels(inner, RunScope(cast(Any, run), "a", cast(Any, None)), None).get_model(None)
    if error is None:
        await _turn(model)
    else:
        with pytest.raises(ModelError):
            await _turn(model)
    assert run.told == [
        ("t/m1/wait", "model", "start", "house", "waiting for the model: 10 s", True),
        ("t/m1/wait", "model", "start", "house", "waiting for the model: 30 s", True),
        ("t/m1/wait", "model", "end", "house", str(error or ""), error is None),
    ]
    assert run.waits_for == ""
    assert run.took[0] == 10_000
    assert (run.took[1] or 0) >= 10_000


async def test_a_turn_that_is_left_while_it_waits_tells_nothing_more() -> None:
    run = TellingRun()
    inner = Silent(run)
    model = JournaledModels(inner, RunScope(cast(Any, run), "a", cast(Any, None)), None).get_model(None)
    running = asyncio.create_task(_turn(model))
    await inner.is_asked.wait()
    assert run.waits_for == "waiting for the model: 30 s"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(run.told) == 2


async def test_a_turn_that_fails_ends_its_step_and_is_not_in_the_journal() -> None:
    run, inner = TellingRun(), Telling(ModelError(Kind.BUSY, "The model is busy."))
    scope = RunScope(cast(Any, run), "a", cast(Any, None))
    model = JournaledModels(inner, scope, None).get_model(None)
    with pytest.raises(ModelError):
        await _turn(model)
    assert run.told[-1] == ("t/m1/wait", "model", "end", "house", "The model is busy.", False)
    assert (inner.is_closed, scope.working, run.leased.journal) == (True, 0, {})


async def test_a_turn_in_one_piece_is_the_same_step_of_the_journal() -> None:
    run, inner = TellingRun(), Telling()
    scope = RunScope(cast(Any, run), "a", cast(Any, None))

    async def answer() -> Any:
        model = JournaledModels(inner, scope, None).get_model(None)
        return await model.get_response(
            None, [], ModelSettings(), [], None, [], ModelTracing.DISABLED,
            previous_response_id=None, conversation_id=None, prompt=None,
        )  # fmt: skip

    first, replayed = await answer(), await answer()
    assert inner.calls == 1
    assert first.response_id == replayed.response_id == "r"
