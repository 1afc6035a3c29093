"""The endpoint behind a model's name: one that is declared, one that LiteLLM reaches, or the one of the settings."""

from pydantic import SecretStr

from agentnet.models.endpoints.declared import Declared, DeclaredModel, declared_models
from agentnet.models.endpoints.endpoint import ANY_MODEL, LITELLM, OPENAI_URL, Endpoint, Traits, on_this_machine
from agentnet.models.endpoints.values import from_file, from_variable, sendable
from agentnet.settings import Settings, variable

LOCAL_CONCURRENCY = 4
"""What LM Studio and llama.cpp serve at once by default; what comes besides waits in a queue that says nothing."""
OLLAMA_PORT = ":11434"
OLLAMA_CONCURRENCY = 1
"""OLLAMA_NUM_PARALLEL is 1 by default: in its queue a turn would use up the time in which it may be silent."""


def endpoint_of(settings: Settings, name: str) -> Endpoint:
    """The endpoint of the model of that name, which is no installed one. Reads keys, and contacts nothing.

    Raises `ConfigurationError` for a key that is not where `models.yaml` says, and for a wrong file.
    """
    declared = declared_models(settings)
    if (model := declared.models.get(name)) is not None:
        return _declared(settings, declared, name, model)
    if name.startswith(LITELLM):
        return _through_litellm(settings, name)
    address = settings.openai_base_url or OPENAI_URL
    model_name = "" if name == ANY_MODEL else name
    return Endpoint.model_validate(
        _limits(settings, address)
        | {"name": name, "model": model_name, "base_url": address, "api_key": _settings_key(settings)}
    )


def _declared(settings: Settings, declared: Declared, name: str, model: DeclaredModel) -> Endpoint:
    where = f"{declared.path}: models.{name}"
    folder = declared.folder
    said = {trait: getattr(model, trait) for trait in model.model_fields_set & Traits.model_fields.keys()}
    values = {
        kind: tuple((key, value.read(f"{where}.{kind}.{key}", folder)) for key, value in getattr(model, kind).items())
        for kind in ("headers", "query")
    }
    litellm = model.model is not None and model.model.startswith(LITELLM)
    address = model.base_url or ("" if litellm else OPENAI_URL)
    key = _declared_key(model, where, declared)
    if key is None and address and address == (settings.openai_base_url or OPENAI_URL).rstrip("/"):
        key = _settings_key(settings)
    return Endpoint.model_validate(
        _limits(settings, address)
        | said
        | values
        | {"name": name, "model": model.model or "", "base_url": address, "api_key": key}
    )


def _declared_key(model: DeclaredModel, where: str, declared: Declared) -> SecretStr | None:
    if model.key_env is not None:
        return from_variable(model.key_env, f"{where}.key_env")
    if model.key_file is not None:
        return from_file(declared.folder / model.key_file.expanduser(), f"{where}.key_file")
    return sendable(model.api_key.get_secret_value(), f"{where}.api_key") if model.api_key else None


def _through_litellm(settings: Settings, name: str) -> Endpoint:
    """One that no file declares: LiteLLM finds its key in the environment, and we for it in `.env`."""
    provider = name.removeprefix(LITELLM).partition("/")[0]
    found = variable(f"{provider.upper()}_API_KEY")
    key = sendable(found, f"{provider.upper()}_API_KEY") if found else None
    return Endpoint.model_validate(
        _limits(settings, "") | {"name": name, "model": name, "base_url": "", "api_key": key}
    )


def _settings_key(settings: Settings) -> SecretStr | None:
    key = settings.openai_api_key
    return sendable(key.get_secret_value(), "OPENAI_API_KEY") if key and key.get_secret_value() else None


def _limits(settings: Settings, address: str) -> dict[str, object]:
    """The limits of an endpoint that says none itself."""
    concurrency = settings.model_concurrency
    if concurrency is None and on_this_machine(address):
        concurrency = OLLAMA_CONCURRENCY if OLLAMA_PORT in address else LOCAL_CONCURRENCY
    return {
        "silence_seconds": settings.model_timeout_seconds,
        "total_seconds": settings.model_total_seconds,
        "concurrency": concurrency,
    }
