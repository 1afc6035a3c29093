"""The journal's keys are the same in every replay, whatever went wrong the first time."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from agents import Model, ModelProvider, ModelTimeoutError
from openai.types.responses import Response, ResponseCompletedEvent

from agentnet.runs.journal import JournaledModels
from agentnet.runs.scope import RunScope

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


class Stalling(FailingOnce):
    """Says a word, and then waits for `event`, or fails with `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.event, self.error, self.is_closed = asyncio.Event(), error, False

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            yield "word"
            if self.error is not None:
                raise self.error
            await self.event.wait()
        finally:
            self.is_closed = True


@pytest.mark.parametrize(
    ("error", "seconds", "raised"),
    [
        (None, 0.01, ModelTimeoutError),
        (TimeoutError("its own"), 60.0, TimeoutError),
        (TimeoutError("its own"), None, TimeoutError),
    ],
)
async def test_a_turn_ends_when_its_time_is_over_and_no_timeout_of_the_models_own_is_taken_for_that(
    error: Exception | None, seconds: float | None, raised: type[Exception]
) -> None:
    run, inner, words = Run(), Stalling(error), list[Any]()
    scope = RunScope(cast(Any, run), "a", cast(Any, None))
    model = JournaledModels(inner, scope, None, seconds).get_model(None)
    with pytest.raises(raised) as caught:
        async for event in model.stream_response():  # type: ignore[call-arg, attr-defined]
            words.append(event)
    assert type(caught.value) is raised
    assert words == ["word"]
    assert inner.is_closed
    assert scope.working == 0
    assert run.leased.journal == {}
