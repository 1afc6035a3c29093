"""Where models come from: one that is installed, any OpenAI-compatible endpoint, or without both the offline model."""

from agents import Model, ModelProvider, ModelSettings, OpenAIProvider
from agents.retry import ModelRetryBackoffSettings, ModelRetrySettings, retry_policies
from openai import AsyncOpenAI

from agentnet.models.choice import absent, resolved
from agentnet.models.installed import OFFLINE_MODEL, installed_models, load_model
from agentnet.settings import Settings

NO_KEY = "none"
"""Sent where an endpoint wants no key: the client insists on one."""
MAX_RETRIES = 4
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
RETRIED_STATUSES = (429, 500, 502, 503)


class Models(ModelProvider):
    """The models of one process: those that are installed, and the endpoint's over one shared HTTP client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installed = frozenset(installed_models())
        self._loaded: dict[str, Model] = {}
        self._client: AsyncOpenAI | None = None
        self._provider: OpenAIProvider | None = None

    def get_model(self, model_name: str | None) -> Model:
        """The model of that name; the settings' one for None. Nothing is contacted yet.

        Raises `ConfigurationError` where there is neither an endpoint nor the offline model.
        """
        name = resolved(self._settings, model_name, self._installed)
        if name in self._installed:
            return self._local(name)
        if name == OFFLINE_MODEL:
            raise absent(self._settings)
        return self._remote().get_model(name)

    async def aclose(self) -> None:
        """Close the shared client."""
        client, self._client, self._provider = self._client, None, None
        if client is not None:
            await client.close()

    def _local(self, name: str) -> Model:
        if name not in self._loaded:
            self._loaded[name] = load_model(name)
        return self._loaded[name]

    def _remote(self) -> OpenAIProvider:
        if self._provider is None:
            self._client = _client(self._settings)
            self._provider = OpenAIProvider(
                openai_client=self._client,
                use_responses=self._settings.openai_base_url is None,  # others have Chat Completions alone, mostly
            )
        return self._provider


def model_provider(settings: Settings) -> Models:
    """The provider for `settings`. Close it with `aclose`."""
    return Models(settings)


def default_model_settings(settings: Settings) -> ModelSettings:
    """Timeout, usage also for streams, and retries: 429 (waiting as long as told), 500, 502, 503 and the network.

    A stream that has begun is never retried.
    """
    return ModelSettings(
        include_usage=True,  # a stream tells it only when asked, and a task's token limit counts by it
        timeout=settings.model_timeout_seconds,
        retry=ModelRetrySettings(
            max_retries=MAX_RETRIES,
            backoff=ModelRetryBackoffSettings(
                initial_delay=FIRST_RETRY_SECONDS, max_delay=LONGEST_RETRY_SECONDS, multiplier=2.0, jitter=True
            ),
            policy=retry_policies.any(
                retry_policies.provider_suggested(),
                retry_policies.http_status(RETRIED_STATUSES),
                retry_policies.network_error(),
            ),
        ),
    )


def _client(settings: Settings) -> AsyncOpenAI:
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    return AsyncOpenAI(
        api_key=key or NO_KEY,
        base_url=settings.openai_base_url,
        max_retries=0,  # the runner retries as the settings below say; the client's own tries would multiply
        timeout=settings.model_timeout_seconds,
    )
