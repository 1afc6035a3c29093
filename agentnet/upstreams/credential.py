"""What the network shows an upstream MCP server: a header, a bearer token or OAuth 2.1 client credentials.

It is the operator's or the tenant's own; the caller's token never goes upstream.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter

from agentnet.errors import UnsafeUrlError
from agentnet.http.header_values import HEADER_VALUE
from agentnet.http.ssrf import check_form

MAX_SECRET_CHARACTERS = 8192
_TOKEN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"  # noqa: S105 - the characters of a header's name
_OURS = re.compile(r"(?i)(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|accept.*|mcp-.*|proxy-.*)")
"""Headers that belong to the transport."""


def _header_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) > MAX_SECRET_CHARACTERS or not HEADER_VALUE.fullmatch(text):
        raise ValueError(f"must be printable ASCII of at most {MAX_SECRET_CHARACTERS} characters")
    return value


def _header_name(name: str) -> str:
    if _OURS.fullmatch(name):
        raise ValueError(f"the header {name} is the transport's own")
    return name


def safe_url(url: str) -> str:
    """`url` if its form is safe; for pydantic. Where it leads is looked at when it is used. Raises `ValueError`."""
    try:
        return str(check_form(url))
    except UnsafeUrlError as error:
        raise ValueError(error.message) from None


Secret = Annotated[SecretStr, AfterValidator(_header_value)]
SafeUrl = Annotated[str, AfterValidator(safe_url)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeaderCredential(_Strict):
    """One header of any name, such as `X-API-Key`."""

    type: Literal["header"]
    name: Annotated[str, Field(pattern=_TOKEN), AfterValidator(_header_name)]
    value: Secret


class BearerCredential(_Strict):
    """`Authorization: Bearer`."""

    type: Literal["bearer"]
    token: Secret


class ClientCredentials(_Strict):
    """OAuth 2.1 client credentials (RFC 6749 section 4.4): the network gets tokens by itself."""

    type: Literal["oauth"]
    token_url: SafeUrl
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: Secret
    scope: str | None = Field(default=None, max_length=1000)
    resource: str | None = Field(default=None, max_length=2048, description="RFC 8707; unset means the server's URL.")
    auth: Literal["basic", "post"] = Field(default="basic", description="How the client shows its secret.")


class UnreadableCredential(_Strict):
    """A stored one that was sealed under another AGENTNET_SECRET; nobody can send it in."""

    type: Literal["unreadable"] = "unreadable"


Credential = Annotated[HeaderCredential | BearerCredential | ClientCredentials, Field(discriminator="type")]

_CREDENTIAL: TypeAdapter[Credential] = TypeAdapter(Credential)


def parse_credential(data: bytes) -> Credential:
    """The credential in what `revealed` made."""
    return _CREDENTIAL.validate_json(data)


def revealed(credential: Credential) -> dict[str, Any]:
    """`credential` with its secrets in clear, to be sealed and for nothing else."""
    values = {name: getattr(credential, name) for name in type(credential).model_fields}
    return {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()}
