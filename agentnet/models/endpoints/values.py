"""Values of `models.yaml` that may be secret: a text, the variable that holds it, or the file."""

import re
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, SecretStr, WithJsonSchema, model_validator

from agentnet.errors import ConfigurationError
from agentnet.settings import variable

VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
"""In capitals, so that a key that was pasted in the place of a name is told from one, and never repeated."""
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
"""RFC 9110 section 5.6.2."""
SECRET_NAME = re.compile(r"key|token|secret|password|authorization|cookie|sig(?:nature)?$", re.IGNORECASE)
MAX_BYTES = 16 * 1024
ONE_PLACE = "must be a text, {env: VARIABLE} or {file: PATH}"


class Value(BaseModel):
    """One value and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = None
    file: Path | None = None
    text: SecretStr | None = None

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if sum(place is not None for place in (self.env, self.file, self.text)) != 1:
            raise ValueError(ONE_PLACE)
        if self.env is not None and not VARIABLE.fullmatch(self.env):
            raise ValueError("env must be the name of a variable, in capital letters, and not its value")
        return self

    def in_clear(self, name: str) -> bool:
        """Whether, under that name, it is a secret that stands in the file itself."""
        return self.text is not None and SECRET_NAME.search(name) is not None

    def read(self, where: str, folder: Path) -> SecretStr:
        """The value. Raises `ConfigurationError`, which says `where` it was wanted."""
        if self.env is not None:
            return from_variable(self.env, f"{where}.env")
        if self.file is not None:
            return from_file(folder / self.file.expanduser(), f"{where}.file")
        return self.text or SecretStr("")


def value_of(given: Any) -> Any:
    """What is written for a value, as the fields of `Value`."""
    if isinstance(given, bool) or given is None:
        raise ValueError("must be a text; put it in quotes")
    if isinstance(given, (str, int, float)):
        text = str(given)
        if not text.isprintable():
            raise ValueError("holds a character that cannot be sent")
        return {"text": text}
    if not isinstance(given, (dict, Value)) or (isinstance(given, dict) and not given.keys() & {"env", "file"}):
        raise ValueError(ONE_PLACE)
    return given


def value_schema() -> WithJsonSchema:
    """JSON Schema of a value."""
    source = {"type": "object", "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
    places = {"env": {"type": "string", "pattern": f"^{VARIABLE.pattern}$"}, "file": {"type": "string"}}
    return WithJsonSchema({"anyOf": [{"type": ["string", "number"]}, source | {"properties": places}]})


def from_variable(name: str, where: str) -> SecretStr:
    """The value of the variable. Raises `ConfigurationError` where it has none."""
    value = variable(name)
    if value is None:
        raise ConfigurationError(f"{where}: the variable {name} is not set.", hint=f"Set {name}, here or in .env.")
    return sendable(value, f"{where}: the variable {name}")


def from_file(path: Path, where: str) -> SecretStr:
    """The text of the file, without the line break at its end. Raises `ConfigurationError`."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
        text = body.decode()
    except OSError as error:
        raise ConfigurationError(f"{where}: {path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where}: {path} holds no text.") from None
    if len(body) > MAX_BYTES:
        raise ConfigurationError(f"{where}: {path} is over {MAX_BYTES // 1024} KiB, which is no key.")
    return sendable(text, f"{where}: {path}")


def sendable(text: str, what: str) -> SecretStr:
    """`text` as it goes into a header. Raises `ConfigurationError`, which says `what` cannot."""
    value = text.strip()
    if not value:
        raise ConfigurationError(f"{what} is empty.")
    if not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"{what} holds more than one line, or characters that no key has.")
    return SecretStr(value)
