"""Which model is meant: an installed one, an endpoint's, or without both the offline model. Knows no SDK."""

from collections.abc import Collection

from agentnet.errors import ConfigurationError
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.settings import Settings

DEFAULT_MODEL = "gpt-4.1-mini"
"""What OpenAI is asked for when a key is set and no model is named."""


def model_name(settings: Settings, manifest_model: str | None = None) -> str:
    """The model that a specialist runs on: `offline` when forced, else the manifest's, the settings' or OpenAI's
    default; without an endpoint `offline` again, unless the name is that of an installed model."""
    return resolved(settings, manifest_model, installed_models())


def is_offline(settings: Settings, manifest_model: str | None = None) -> bool:
    """Whether that specialist runs on the offline model."""
    return model_name(settings, manifest_model) == OFFLINE_MODEL


def no_model(settings: Settings) -> ConfigurationError | None:
    """Why there is no model under `settings`, and what to do; None when there is one."""
    offered = installed_models()
    if resolved(settings, None, offered) == OFFLINE_MODEL and OFFLINE_MODEL not in offered:
        return absent(settings)
    return None


def has_endpoint(settings: Settings) -> bool:
    """Whether there is a key, or an endpoint that may do without."""
    key = settings.openai_api_key
    return bool(settings.openai_base_url) or bool(key and key.get_secret_value())


def resolved(settings: Settings, wanted: str | None, offered: Collection[str]) -> str:
    """The name of the model that is run for the name `wanted`, where `offered` are installed."""
    if settings.model == OFFLINE_MODEL:
        return OFFLINE_MODEL
    name = wanted or settings.model or DEFAULT_MODEL
    return name if name in offered or has_endpoint(settings) else OFFLINE_MODEL


def absent(settings: Settings) -> ConfigurationError:
    """What to say where the offline model is needed and not installed."""
    another = (
        f"Name another than {OFFLINE_MODEL}" if has_endpoint(settings) else "Set OPENAI_API_KEY or OPENAI_BASE_URL"
    )
    return ConfigurationError(
        "There is no model: the offline model is not installed.",
        hint=f"{another}, or install it: `pip install ./offline_model` in a checkout.",
    )
