"""Where models come from: declared in `models.yaml`, installed, any OpenAI-compatible endpoint, LiteLLM, or without all
of them the offline model.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from typing import Any, get_args

import httpx2
from agents import Model, ModelProvider, ModelSettings, OpenAIResponsesModel
from agents.tracing import get_trace_provider
from openai import AsyncOpenAI, Omit, Timeout
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
)
from pydantic import BaseModel

from agentnet.errors import ConfigurationError
from agentnet.models.chat import ChatClient, ChatModel
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.choice import absent, with_fallbacks
from agentnet.models.endpoints.declared import declared_models
from agentnet.models.endpoints.endpoint import OPENAI_URL, Endpoint
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models, load_model
from agentnet.models.endpoints.listing import only_model
from agentnet.models.patient import PatientModel
from agentnet.models.through_litellm import ThroughLiteLLM
from agentnet.models.wire.client import WireClient
from agentnet.settings import Settings

NO_KEY = "none"
"""What the client, which insists on a key, is given where an endpoint wants none. It is not sent."""
AUTHORIZATION = "Authorization"
OPENAI_ACCOUNT = ("OpenAI-Organization", "OpenAI-Project")
"""Headers that the client makes of the environment, for whatever endpoint."""
CONNECT_SECONDS = 10.0
"""A host that takes no connection by then is away; what it says may take longer."""
USUAL_EVENTS = (
    ResponseCreatedEvent,
    ResponseOutputItemAddedEvent,
    ResponseTextDeltaEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseOutputItemDoneEvent,
    ResponseCompletedEvent,
)
"""What nearly every turn consists of."""


class Models(ModelProvider):
    """The models of one process: those that are installed, and the endpoints', each over one HTTP client of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installed = frozenset(installed_models())
        self._asked: dict[str | None, Model] = {}
        self._made: dict[tuple[str, ...], Model] = {}
        self._parts: dict[str, tuple[Model, Endpoint]] = {}
        self._clients: list[AsyncOpenAI] = []

    def get_model(self, model_name: str | None) -> Model:
        """The model of that name, or the first of several with commas between, for which the others stand in; the
        settings' one for None. Nothing is contacted yet.

        Raises `ConfigurationError` where there is neither an endpoint nor the offline model, for a name that nothing
        has, and for a key that is not there.
        """
        if model_name not in self._asked:
            names = with_fallbacks(self._settings, model_name)
            self._asked[model_name] = self._made[names] = self._made.get(names) or self._make(names)
        return self._asked[model_name]

    async def aclose(self) -> None:
        """Close the clients."""
        clients, self._clients = self._clients, []
        for known in (self._asked, self._made, self._parts):
            known.clear()
        for client in clients:
            await client.close()

    def _make(self, names: tuple[str, ...]) -> Model:
        (inner, endpoint), *others = [self._part(name) for name in names]
        if not others and self._is_installed(names[0]):
            return inner
        return PatientModel(inner, endpoint, tuple(PatientModel(*other) for other in others))

    def _part(self, name: str) -> tuple[Model, Endpoint]:
        """The model of that name alone, and what is known of its endpoint."""
        if name not in self._parts:
            self._parts[name] = self._installed_part(name) if self._is_installed(name) else self._endpoint_part(name)
        return self._parts[name]

    def _is_installed(self, name: str) -> bool:
        return (name in self._installed or name == OFFLINE_MODEL) and name not in declared_models(self._settings).models

    def _installed_part(self, name: str) -> tuple[Model, Endpoint]:
        if name not in self._installed:
            raise absent(self._settings)
        return load_model(name), Endpoint(name=name, model=name, base_url="")

    def _endpoint_part(self, name: str) -> tuple[Model, Endpoint]:
        endpoint = endpoint_of(self._settings, name)
        if endpoint.through_litellm is not None:
            return ThroughLiteLLM(endpoint.through_litellm, endpoint), endpoint
        client = _client(endpoint)
        self._clients.append(client)
        kind = OpenAIResponsesModel if endpoint.speaks_responses else ChatModel
        model = kind(model=endpoint.model, openai_client=client)
        return (model if endpoint.model else OnlyListedModel(model, endpoint)), endpoint


class OnlyListedModel(Model):
    """A model whose name nobody said: `inner` under the only one that `endpoint` lists. The list is asked for
    before the first turn, and again at the next where there was none."""

    def __init__(self, inner: ChatModel | OpenAIResponsesModel, endpoint: Endpoint) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._finding = asyncio.Lock()

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        """A turn in one piece. Raises `ModelError` also where the endpoint lists none, or several."""
        await self._find()
        return await self._inner.get_response(*args, **kwargs)

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """The events of a turn. Raises `ModelError` also where the endpoint lists none, or several."""
        await self._find()
        async for event in self._inner.stream_response(*args, **kwargs):
            yield event

    async def _find(self) -> None:
        async with self._finding:
            if not self._inner.model:
                self._inner.model = await only_model(self._endpoint)


def prepare(models: ModelProvider, name: str | None) -> None:
    """Do now what the first turn of a model would wait for: 0.2 s of imports, and of types that OpenAI's client builds
    when they are used. Contacts nothing. Where there is no such model, a turn says so.
    """
    with suppress(ConfigurationError):
        models.get_model(name)
    get_trace_provider()
    _build(USUAL_EVENTS, set())


def _build(kinds: Iterable[type[BaseModel]], done: set[type[BaseModel]]) -> None:
    """Build each model behind those that it holds: of one that is not built every other would make its own, which takes
    three times the memory and the time."""
    for kind in kinds:
        if kind not in done:
            done.add(kind)
            _build((held for field in kind.model_fields.values() for held in _models_in(field.annotation)), done)
            kind.model_rebuild()


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def model_provider(settings: Settings) -> Models:
    """The provider for `settings`. Close it with `aclose`."""
    return Models(settings)


def default_model_settings(settings: Settings) -> ModelSettings:
    """Usage also for streams. Limits of time and further tries are the model's own: see `agentnet.models.patient`."""
    return ModelSettings(include_usage=True)  # a stream tells it only when asked, and a task's token limit counts by it


def _client(endpoint: Endpoint) -> AsyncOpenAI:
    key = endpoint.api_key.get_secret_value() if endpoint.api_key else NO_KEY
    # Said outright, or the client takes what the environment has for OpenAI, and sends it elsewhere too.
    headers: dict[str, Any] = {AUTHORIZATION: f"Bearer {key}"}
    if endpoint.base_url.rstrip("/") != OPENAI_URL:
        headers |= dict.fromkeys(OPENAI_ACCOUNT, Omit())
    headers |= {name: value.get_secret_value() for name, value in endpoint.headers}
    http_client = WireClient(endpoint)
    if endpoint.api_key is None:
        http_client.event_hooks["request"].append(_without_key)
    return ChatClient(
        api_key=key,
        base_url=endpoint.base_url,
        max_retries=0,  # a turn is tried again as a whole: the client's own tries would multiply
        timeout=Timeout(endpoint.silence_seconds, connect=min(CONNECT_SECONDS, endpoint.silence_seconds)),
        default_headers=headers,
        default_query={name: value.get_secret_value() for name, value in endpoint.query},
        http_client=http_client,
    )


async def _without_key(request: httpx2.Request) -> None:
    if request.headers.get(AUTHORIZATION) == f"Bearer {NO_KEY}":
        del request.headers[AUTHORIZATION]
