"""Where models come from: any OpenAI-compatible endpoint named by the settings, else the built-in offline model."""

from agents import Model, ModelProvider, ModelSettings, OpenAIProvider
from agents.retry import ModelRetryBackoffSettings, ModelRetrySettings, retry_policies
from openai import AsyncOpenAI

from agentnet.models.offline import OFFLINE_MODEL, OfflineModel
from agentnet.settings import Settings

DEFAULT_MODEL = "gpt-4.1-mini"
"""What OpenAI is asked for when a key is set and no model is named."""
NO_KEY = "none"
"""Sent where an endpoint wants no key: the client insists on one."""
MAX_RETRIES = 4
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
RETRIED_STATUSES = (429, 500, 502, 503)


class Models(ModelProvider):
    """The models of one process, over one shared HTTP client. `offline` is always among them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._offline = OfflineModel()
        self._client: AsyncOpenAI | None = None
        self._provider: OpenAIProvider | None = None

    def get_model(self, model_name: str | None) -> Model:
        """The model of that name; the settings' one for None. Nothing is contacted yet."""
        name = _resolved(self._settings, model_name)
        if name == OFFLINE_MODEL:
            return self._offline
        return self._remote().get_model(name)

    async def aclose(self) -> None:
        """Close the shared client."""
        client, self._client, self._provider = self._client, None, None
        if client is not None:
            await client.close()

    def _remote(self) -> OpenAIProvider:
        if self._provider is None:
            self._client = _client(self._settings)
            self._provider = OpenAIProvider(
                openai_client=self._client, use_responses=self._settings.openai_base_url is None
            )
        return self._provider


def model_provider(settings: Settings) -> Models:
    """The provider for `settings`. Close it with `aclose`."""
    return Models(settings)


def model_name(settings: Settings, manifest_model: str | None = None) -> str:
    """The model that a specialist runs on: `offline` when forced or when there is no endpoint, else the manifest's,
    else the settings', else OpenAI's default."""
    return _resolved(settings, manifest_model)


def is_offline(settings: Settings, manifest_model: str | None = None) -> bool:
    """Whether that specialist runs on the built-in offline model."""
    return model_name(settings, manifest_model) == OFFLINE_MODEL


def has_endpoint(settings: Settings) -> bool:
    """Whether there is a key, or an endpoint that may do without."""
    key = settings.openai_api_key
    return bool(settings.openai_base_url) or bool(key and key.get_secret_value())


def default_model_settings(settings: Settings) -> ModelSettings:
    """Timeout, usage also for streams, and retries: 429 (waiting as long as told), 500, 502, 503 and the network.

    A stream that has begun is never retried.
    """
    return ModelSettings(
        include_usage=True,
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


def _resolved(settings: Settings, wanted: str | None) -> str:
    if settings.model == OFFLINE_MODEL or not has_endpoint(settings):
        return OFFLINE_MODEL
    return wanted or settings.model or DEFAULT_MODEL


def _client(settings: Settings) -> AsyncOpenAI:
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    return AsyncOpenAI(
        api_key=key or NO_KEY,
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=settings.model_timeout_seconds,
    )
