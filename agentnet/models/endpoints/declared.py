"""`models.yaml`: the models that the operator names, each with where it is and what it may be asked.

A wrong file is a `ConfigurationError` that names file, key and the nearest right one, and never a value: it may be a
secret. Secrets come from a variable or a file, and are read when their model is first wanted.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic import field_validator as check_field
from pydantic import model_validator as check_model

from agentnet.errors import ConfigurationError
from agentnet.manifests.manifest import nearest
from agentnet.models.endpoints.address import endpoint_address
from agentnet.models.endpoints.endpoint import LITELLM, Prices, Traits
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.models.endpoints.strict_yaml import read_yaml
from agentnet.models.endpoints.values import HEADER_NAME, VARIABLE, Value, value_of, value_schema
from agentnet.settings import Settings

logger = logging.getLogger(__name__)

MODELS_FILE = "models.yaml"
"""Found in the working folder, as `.env` is, where no setting names another."""
MAX_MODELS = 200
MAX_VALUES = 32
MAX_FALLBACKS = 8
MAX_PROBLEMS = 5
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,127}")
NEEDED = frozenset({"model", "messages", "input", "tools", "stream"})
"""Without them a request would be another one."""
SCHEMA_ID = "https://agentnet.dev/schemas/models.schema.json"
FOREIGN = "Is it another program's? AGENTNET_MODELS_FILE names the file to read instead."
OTHER_WORDS = {
    "url": "base_url",
    "api_base": "base_url",
    "key": "key_env",
    "api_key_env": "key_env",
    "api_key_file": "key_file",
    "context": "context_tokens",
    "context_length": "context_tokens",
    "context_window": "context_tokens",
    "max_model_len": "context_tokens",
    "num_ctx": "context_tokens",
    "rpm": "requests_per_minute",
    "tpm": "tokens_per_minute",
    "max_parallel": "concurrency",
    "timeout": "silence_seconds",
    "timeout_seconds": "silence_seconds",
    "quirks": "omit",
    "fallback": "fallbacks",
}
"""What other tools call a key."""
SHAPES = {
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "string_type": "must be a text; put it in quotes",
    "path_type": "must be a path",
}
"""What is said in place of Python's names of types."""


def _listed(value: Any) -> Any:
    """One name, or several with commas between, as a list of them."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _variable(value: str) -> str:
    if not VARIABLE.fullmatch(value):
        raise ValueError("must be the name of a variable that holds the key, in capital letters, and not the key")
    return value


def _without_spaces(value: str) -> str:
    if len(value.split()) != 1 or value != value.strip():
        raise ValueError("holds a space")
    return value


def _word(value: str) -> str:
    if not WORD.fullmatch(value) or value in NEEDED:
        raise ValueError("is nothing that a request can do without, such as strict or stream_options")
    return value


Values = Annotated[Value, BeforeValidator(value_of), value_schema()]


class DeclaredModel(Traits):
    """One model of the file."""

    base_url: Annotated[str, AfterValidator(endpoint_address)] | None = Field(
        default=None, description="Address of an OpenAI-compatible API, up to and with /v1; unset: OpenAI itself."
    )
    model: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_without_spaces)] | None = Field(
        default=None, description="What its server calls it; unset: the only one that the server lists."
    )
    key_env: Annotated[str, AfterValidator(_variable)] | None = Field(
        default=None, description="Variable that holds the key."
    )
    key_file: Path | None = Field(default=None, description="File that holds the key and nothing else.")
    api_key: SecretStr | None = Field(default=None, description="The key in clear; better key_env or key_file.")
    headers: dict[str, Values] = Field(
        default_factory=dict[str, Value], max_length=MAX_VALUES, description="Sent along with every request."
    )
    query: dict[str, Values] = Field(
        default_factory=dict[str, Value], max_length=MAX_VALUES, description="Added to the address of every request."
    )
    omit: Annotated[frozenset[Annotated[str, AfterValidator(_word)]], BeforeValidator(_listed)] = Field(
        default=frozenset(), max_length=MAX_VALUES, description="What its requests must not hold, such as strict."
    )
    fallbacks: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(), max_length=MAX_FALLBACKS, description="Models that are asked in this order when it cannot answer."
    )

    @check_field("headers", mode="after")
    @classmethod
    def _sendable(cls, headers: dict[str, Value]) -> dict[str, Value]:
        for name, value in headers.items():
            if not HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a header")
            if value.text is not None and not value.text.get_secret_value().isascii():
                raise ValueError(f"{name} holds a character that cannot be sent")
        return headers

    @check_model(mode="after")
    def _fits_together(self) -> Self:
        if self.base_url is None and self.model is None:
            raise ValueError("needs base_url, model or both")
        keys = [name for name in ("key_env", "key_file", "api_key") if getattr(self, name) is not None]
        if len(keys) > 1:
            raise ValueError(f"takes its key from one place; {' and '.join(keys)} are set")
        if self.silence_seconds > self.total_seconds and {"silence_seconds", "total_seconds"} <= self.model_fields_set:
            raise ValueError("silence_seconds is longer than total_seconds")
        if self.model is not None and self.model.startswith(LITELLM):
            self._fits_litellm(self.model.removeprefix(LITELLM))
        return self

    def _fits_litellm(self, name: str) -> None:
        if "/" not in name.strip("/"):
            raise ValueError(f"model must be {LITELLM} and then LiteLLM's provider/model, such as anthropic/claude-…")
        unused = [key for key in ("api", "headers", "query", "omit") if key in self.model_fields_set]
        if unused:
            raise ValueError(f"{unused[0]} has no meaning for a model through LiteLLM; leave it out")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    default: str | None = Field(default=None, description="The model of specialists that name none.")
    models: dict[str, DeclaredModel] = Field(description="Each model under the name that manifests use.")

    @check_field("models", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not value:
            raise ValueError("must be a mapping of names to models, with one at least")
        if len(value) > MAX_MODELS:
            raise ValueError(f"are {len(value)}, and may be {MAX_MODELS}")
        for name, model in value.items():
            if not isinstance(name, str):
                raise ValueError(f"the name {str(name)[:40]!r} is no text; put it in quotes")
            if not NAME.fullmatch(name):
                raise ValueError(f"{name[:40]!r} is no name; it has letters, digits and . _ : / @ + - alone")
            if name == OFFLINE_MODEL or name.startswith(LITELLM):
                raise ValueError(f"the name {name[:40]!r} has a meaning already; take another")
            if not isinstance(model, dict):
                raise ValueError(f"{name} must be a mapping of keys such as base_url, model and key_env")
        return value


@dataclass(frozen=True, slots=True)
class Declared:
    """The models of a file; none where there is no file."""

    path: Path | None = None
    models: Mapping[str, DeclaredModel] = field(default_factory=dict[str, DeclaredModel])
    named_default: str | None = None

    @property
    def folder(self) -> Path:
        """What paths in the file start from."""
        return self.path.parent if self.path else Path()

    def fallbacks(self, name: str) -> tuple[str, ...]:
        """The models that stand in for the one of that name, where it is declared."""
        return self.models[name].fallbacks if name in self.models else ()

    @property
    def default(self) -> str | None:
        """The model of specialists that name none: the one that the file says, or the only one that it has."""
        return self.named_default or (next(iter(self.models)) if len(self.models) == 1 else None)


def models_file(settings: Settings) -> Path | None:
    """Where the models are declared: the setting's file, or the one in the working folder; None without either."""
    if settings.models_file is not None:
        return settings.models_file
    found = Path(MODELS_FILE)
    return found if found.is_file() else None


def declared_models(settings: Settings) -> Declared:
    """The models that are declared under `settings`. Raises `ConfigurationError`."""
    path = models_file(settings)
    return Declared() if path is None else load_models(path)


def load_models(path: Path) -> Declared:
    """The models in `path`, read again only when it has changed. Raises `ConfigurationError`."""
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    return _load(path, path.absolute(), status.st_mtime_ns, status.st_size)


def models_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `models.yaml`."""
    schema = _File.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


@lru_cache(maxsize=8)
def _load(path: Path, _where: Path, _changed: int, _size: int) -> Declared:
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path} must be a mapping with the key models, and perhaps default.", hint=FOREIGN)
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors(include_input=False)[:MAX_PROBLEMS]]
        hint = None if "models" in data else FOREIGN
        raise ConfigurationError(f"{path}: {' '.join(problems)}", hint=hint) from None
    for problem in _wrong_names(file):
        raise ConfigurationError(f"{path}: {problem}")
    for name, model in file.models.items():
        for key in _in_clear(model):
            logger.warning("%s: models.%s.%s is a secret in clear; name a variable or a file instead", path, name, key)
    return Declared(path, file.models, file.default)


def _wrong_names(file: _File) -> Iterator[str]:
    """What is wrong with the names that the file uses of itself."""
    there = [*file.models, *installed_models(), OFFLINE_MODEL]
    if file.default is not None and file.default not in there:
        yield f"default: there is no model {file.default[:80]!r}. {nearest(file.default, list(file.models))}"
    for name, model in file.models.items():
        where = f"models.{name}.fallbacks"
        for other in model.fallbacks:
            if other == name:
                yield f"{where}: {name!r} cannot stand in for itself."
            elif other not in there:
                choices = [each for each in file.models if each != name]
                yield f"{where}: there is no model {other[:80]!r}. {nearest(other, choices)}".rstrip()
        if len(set(model.fallbacks)) < len(model.fallbacks):
            yield f"{where}: a model stands twice."


def _in_clear(model: DeclaredModel) -> Iterator[str]:
    if model.api_key is not None:
        yield "api_key"
    for where, values in (("headers", model.headers), ("query", model.query)):
        yield from (f"{where}.{name}" for name, value in values.items() if value.in_clear(name))


def _problem(item: Any) -> str:
    location = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        key = str(item["loc"][-1])
        return f"{location}: unknown key. {_known_as(key, _keys_at(item['loc'][:-1]))}".strip()
    if item["type"] == "missing":
        return f"{location} is missing."
    message = SHAPES.get(item["type"]) or re.sub(r"^Value error, ", "", str(item["msg"]))
    return f"{location}: {message[0].lower()}{message[1:]}."


def _known_as(key: str, choices: list[str]) -> str:
    other = OTHER_WORDS.get(key.lower().replace("-", "_"))
    return f"Did you mean {other!r}?" if other in choices else nearest(key, choices)


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    fields: type[BaseModel] = _File
    if len(location) > 2:
        fields = Prices if location[2] == "prices" else Value
    elif location:
        fields = DeclaredModel
    return list(fields.model_fields)
