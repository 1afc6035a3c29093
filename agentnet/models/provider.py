"""Where models come from: one that is installed, any OpenAI-compatible endpoint, or without both the offline model."""

from agents import Model, ModelProvider, ModelSettings, OpenAIResponsesModel
from openai import AsyncOpenAI, Timeout

from agentnet.models.chat import ChatModel
from agentnet.models.endpoints.choice import absent, resolved
from agentnet.models.endpoints.endpoint import OPENAI_URL, Endpoint
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models, load_model
from agentnet.models.patient import PatientModel
from agentnet.models.wire.client import WireClient
from agentnet.settings import Settings

NO_KEY = "none"
"""Sent where an endpoint wants no key: the client insists on one."""
CONNECT_SECONDS = 10.0
"""A host that takes no connection by then is away; what it says may take longer."""


class Models(ModelProvider):
    """The models of one process: those that are installed, and the endpoints', each over one HTTP client of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installed = frozenset(installed_models())
        self._made: dict[str, Model] = {}
        self._clients: list[AsyncOpenAI] = []

    def get_model(self, model_name: str | None) -> Model:
        """The model of that name; the settings' one for None. Nothing is contacted yet.

        Raises `ConfigurationError` where there is neither an endpoint nor the offline model.
        """
        name = resolved(self._settings, model_name, self._installed)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    async def aclose(self) -> None:
        """Close the clients."""
        clients, self._clients, self._made = self._clients, [], {}
        for client in clients:
            await client.close()

    def _make(self, name: str) -> Model:
        if name in self._installed:
            return load_model(name)
        if name == OFFLINE_MODEL:
            raise absent(self._settings)
        endpoint = _endpoint(self._settings, name)
        client = _client(endpoint)
        self._clients.append(client)
        kind = OpenAIResponsesModel if endpoint.speaks_responses else ChatModel
        return PatientModel(kind(model=endpoint.model, openai_client=client), endpoint)


def model_provider(settings: Settings) -> Models:
    """The provider for `settings`. Close it with `aclose`."""
    return Models(settings)


def default_model_settings(settings: Settings) -> ModelSettings:
    """Usage also for streams. Limits of time and further tries are the model's own: see `agentnet.models.patient`."""
    return ModelSettings(include_usage=True)  # a stream tells it only when asked, and a task's token limit counts by it


def _endpoint(settings: Settings, name: str) -> Endpoint:
    key = settings.openai_api_key
    return Endpoint(
        name=name,
        model=name,
        base_url=settings.openai_base_url or OPENAI_URL,
        api_key=key if key and key.get_secret_value() else None,
        silence_seconds=settings.model_timeout_seconds,
    )


def _client(endpoint: Endpoint) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=endpoint.api_key.get_secret_value() if endpoint.api_key else NO_KEY,
        base_url=endpoint.base_url,
        max_retries=0,  # a turn is tried again as a whole: the client's own tries would multiply
        timeout=Timeout(endpoint.silence_seconds, connect=min(CONNECT_SECONDS, endpoint.silence_seconds)),
        http_client=WireClient(endpoint),
    )
