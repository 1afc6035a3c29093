"""A model that is patient: it waits for its turn, for a server that loads, and asks again where that helps."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from agents import Model, ModelSettings
from openai.types.responses import Response, ResponseCreatedEvent

from agentnet.models.deadline import Deadline, silent
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.notice import Notice
from agentnet.models.failures import broken, failure_in
from agentnet.models.heard import ENDS, Heard
from agentnet.models.queue import line_of
from agentnet.models.retries import Retries
from agentnet.models.whole import whole
from agentnet.models.wire.habits import habits_of

logger = logging.getLogger(__name__)

OUT_SECONDS = 60.0
"""How long a model that failed for good is not asked where another may do the turn."""
DRAIN_SECONDS = 1.0
"""How long the end of a stream may take behind its answer; read to its end, its connection is used again."""
CREATED = "response.created"

Ask = Callable[[Model], Any]
"""Begins a turn at a model: its events."""
Say = Callable[[Notice], None]
"""Takes what is said while the stream of a turn is silent. It must not wait."""


@dataclass(frozen=True)
class Choice:
    """A model that may do a turn, and what is known of it."""

    model: Model
    endpoint: Endpoint

    @property
    def is_watched(self) -> bool:
        """Whether its silence is watched here: the HTTP client below does it otherwise, and hears each byte."""
        return not self.endpoint.base_url or getattr(self.endpoint, "through_litellm", None) is not None


class PatientModel(Model):
    """The model `inner` of `endpoint`, and others that are asked, in this order, when it has failed for good.

    Its stream may hold `Notice`s, and begin anew: `response.created` says so, and all before it counts no more.
    """

    tells_of_silence = True
    """Whether `stream_response` takes `say`."""

    def __init__(
        self,
        inner: Model,
        endpoint: Endpoint,
        fallbacks: Sequence["Model | Callable[[], Model]"] = (),
    ) -> None:
        self.own = Choice(inner, endpoint)
        self._fallbacks = fallbacks

    @property
    def endpoint(self) -> Endpoint:
        """What is known of the model that is asked first."""
        return self.own.endpoint

    @property
    def reads_at_most(self) -> int | None:
        """Tokens of a prompt, where its server was seen to cut longer ones without a word."""
        return habits_of(self.endpoint.base_url, self.endpoint.model).reads_at_most

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        """A turn in one piece. Raises `ModelError`."""
        return await whole(self.stream_response(*args, **kwargs))

    async def stream_response(
        self,
        system_instructions: str | None,
        input: Any,
        model_settings: ModelSettings,
        tools: Any,
        output_schema: Any,
        *args: Any,
        say: Say | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[Any, None]:
        """The events of a turn; `say` is told when none come for long. Raises `ModelError`."""

        def ask(model: Model) -> Any:
            return model.stream_response(
                system_instructions, input, model_settings, tools, output_schema, *args, **kwargs
            )

        choices = _in_order(self._choices)
        turn = _Turn(ask, model_settings.max_tokens, say, has_form=output_schema is not None)
        for number, choice in enumerate(choices, 1):
            following = choices[number] if number < len(choices) else None
            try:
                async with aclosing(turn.at(choice, is_last=following is None)) as events:
                    async for event in events:
                        yield event
                return
            except ModelError as error:
                if following is None or not _passes_on(error, choice.endpoint, following.endpoint):
                    raise
                failed = error
            line_of(choice.endpoint).out_until = asyncio.get_running_loop().time() + OUT_SECONDS
            logger.warning("%s: model %s does the turn instead", failed, following.endpoint.label)
            yield Notice(f"{failed.message} {following.endpoint.label} does it instead.", choice.endpoint.label)

    @cached_property
    def _choices(self) -> Sequence[Choice]:
        """This one and the others; theirs in turn are not asked."""
        return self.own, *(_choice(each) for each in self._fallbacks)


class _Turn:
    """One turn of an agent, tried until it is done."""

    def __init__(self, ask: Ask, max_tokens: int | None, say: Say | None, *, has_form: bool) -> None:
        self._ask = ask
        self._max_tokens = max_tokens
        self._say = say
        self._has_form = has_form
        self._heard: Heard | None = None
        """Of the try that is under way."""
        self._is_stale = False
        """Whether something was told of a try that failed."""

    async def at(self, choice: Choice, *, is_last: bool) -> AsyncGenerator[Any, None]:
        """The events of the turn as `choice` does it, with all its tries. Raises `ModelError`."""
        endpoint = choice.endpoint
        line, retries = line_of(endpoint), Retries(is_last=is_last)
        tell = None if self._say is None else partial(self._tell, self._say, endpoint.label)
        deadline = Deadline(endpoint.total_seconds, endpoint.silence_seconds if choice.is_watched else None, tell)
        while True:
            heard = self._heard = Heard(self._max_tokens, has_form=self._has_form)
            try:
                async with aclosing(self._once(choice, heard, deadline, again=retries.tries > 1)) as events:
                    async for event in events:
                        yield event
                return
            except Exception as error:  # noqa: BLE001 - whatever a server sent, and what its clients made of it
                failure = _failure(error, choice, heard)
            self._is_stale = self._is_stale or heard.has_begun
            pause = retries.pause(failure, deadline.left)
            if pause is None:
                raise failure.named(endpoint.label, tries=retries.tries)
            if failure.kind is Kind.BUSY:
                line.close(pause)
            logger.info("model %s: %s Another try in %.1f s.", endpoint.name, failure, pause)
            if (words := retries.words(failure, pause)) is not None:
                yield Notice(words, endpoint.label)
            await asyncio.sleep(pause)
            deadline.spend(pause)

    def _tell(self, say: Say, name: str, seconds: float) -> bool:
        """Say for how long the model has been silent, if it still is."""
        if self._heard is None or not self._heard.is_silent:
            return False
        say(Notice(f"waiting for the model: {seconds:.0f} s", name, seconds))
        return True

    async def _once(
        self, choice: Choice, heard: Heard, deadline: Deadline, *, again: bool
    ) -> AsyncGenerator[Any, None]:
        """One try, from the end of the line on. Raises whatever goes wrong below."""
        place, events = line_of(choice.endpoint).join(again=again), None
        try:
            if not place.is_in:
                async for words in place.wait():
                    yield Notice(words, choice.endpoint.label)
            deadline.begin()
            events = self._ask(choice.model)
            while (event := await deadline.next(events)) is not None:
                kind = getattr(event, "type", "")
                if self._is_stale:
                    self._is_stale = False
                    if kind != CREATED:
                        yield _anew()
                if kind in ENDS:
                    place.leave()
                    if (cut := _cut(choice.endpoint)) is not None:
                        yield Notice(cut, choice.endpoint.label)
                    for each in heard.end(kind, event):
                        line_of(choice.endpoint).use(_tokens(each))
                        yield each
                    await _drain(events)
                    return
                heard.take(kind, event)
                yield event
            raise broken()
        finally:
            deadline.rest()
            place.leave()
            await _close(events)


def _choice(model: "Model | Callable[[], Model]") -> Choice:
    if not isinstance(model, Model):
        model = model()
    if isinstance(model, PatientModel):
        return model.own
    name = type(model).__name__
    return Choice(model, Endpoint(name=name, model=name, base_url=""))


def _in_order(choices: Sequence[Choice]) -> Sequence[Choice]:
    """Those that failed for good a moment ago are left out, unless all did."""
    if len(choices) == 1:
        return choices
    now = asyncio.get_running_loop().time()
    return [each for each in choices if line_of(each.endpoint).out_until <= now] or choices


def _passes_on(error: ModelError, failed: Endpoint, following: Endpoint) -> bool:
    """Whether the next model may mend what this one failed at."""
    if error.kind is Kind.OVERFLOW:
        return (following.context_tokens or 0) > (failed.context_tokens or 0) > 0
    return error.elsewhere


def _failure(error: Exception, choice: Choice, heard: Heard) -> ModelError:
    failure = failure_in(error, has_begun=heard.has_begun)
    if failure.kind is Kind.SILENT:
        failure = silent(choice.endpoint.silence_seconds)
        failure.__cause__ = error
    failure = failure.without(choice.endpoint.secrets)
    if failure.kind is Kind.GARBLED:
        logger.warning("model %s: %s", choice.endpoint.label, failure, exc_info=error)
    return failure


def _cut(endpoint: Endpoint) -> str | None:
    """What to say of an endpoint that cuts prompts without a word; None where it does not, or it was said."""
    habits = habits_of(endpoint.base_url, endpoint.model)
    if habits.reads_at_most is None or habits.is_told:
        return None
    habits.is_told = True
    read = f"{habits.reads_at_most:,}"
    logger.warning(
        "model %s: its server reads %s tokens of a prompt and drops the rest without a word", endpoint.name, read
    )
    return (
        f"the model's server reads {read} tokens of a prompt and drops the rest without a word: give it a longer "
        "context; until then prompts are shortened"
    )


def _anew() -> ResponseCreatedEvent:
    """For models that do not tell themselves that they begin."""
    return ResponseCreatedEvent(
        response=Response.construct(id="", output=[]), sequence_number=0, type="response.created"
    )


def _tokens(event: Any) -> int:
    usage = getattr(getattr(event, "response", None), "usage", None)
    return int(getattr(usage, "total_tokens", 0) or 0)


async def _drain(events: AsyncIterator[Any]) -> None:
    with suppress(Exception):
        async with asyncio.timeout(DRAIN_SECONDS):
            while await anext(events, None) is not None:
                pass


async def _close(events: Any) -> None:
    if events is not None and hasattr(events, "aclose"):  # a model need not stream by a generator
        with suppress(Exception):
            await events.aclose()
