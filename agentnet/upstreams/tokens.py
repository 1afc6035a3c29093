"""Access tokens of upstream servers (OAuth 2.1 client credentials): fetched once, kept until about to expire."""

import asyncio
import json
import time
from dataclasses import dataclass
from urllib.parse import quote_plus

import httpx
from cachetools import LRUCache
from pydantic import BaseModel, Field, ValidationError

from agentnet.errors import UnavailableError
from agentnet.http.ssrf import read_body
from agentnet.upstreams.credential import ClientCredentials

MARGIN_SECONDS = 30.0
"""So long before it expires a token is fetched anew; half of its life for one that lives shorter than twice this."""
DEFAULT_LIFE_SECONDS = 300.0
"""Of a token whose server does not say."""
REQUEST_SECONDS = 15.0
MAX_TOKENS = 1000
MAX_ANSWER_BYTES = 64 * 1024

Key = tuple[str, str, ClientCredentials]
"""Tenant, resource and credentials: no two tenants share a token."""


class TokenAnswer(BaseModel):
    """RFC 6749 section 5.1."""

    access_token: str = Field(min_length=1, max_length=16_384, pattern=r"^[\x21-\x7e]+$")
    token_type: str = "Bearer"  # noqa: S105 - a scheme
    expires_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class _Held:
    value: str
    until: float


class AccessTokens:
    """Fetches through `http`, which must be a client of the SSRF guard."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._held: LRUCache[Key, _Held] = LRUCache(MAX_TOKENS)
        self._fetching: dict[Key, asyncio.Future[str]] = {}

    async def get(self, key: Key) -> str:
        """A token that holds; callers that come while it is fetched wait for the one. Raises `AgentNetError`."""
        held = self._held.get(key)
        if held and held.until > time.monotonic():
            return held.value
        fetching = self._fetching.get(key)
        if fetching is None:
            fetching = self._fetching[key] = asyncio.ensure_future(self._fetch(key))
            fetching.add_done_callback(lambda done: self._fetched(key, done))
        return await asyncio.shield(fetching)  # others wait for it too

    def forget(self, key: Key, value: str) -> None:
        """The server refused `value`. A token that was fetched since stays."""
        held = self._held.get(key)
        if held and held.value == value:
            del self._held[key]

    def _fetched(self, key: Key, done: "asyncio.Future[str]") -> None:
        self._fetching.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; nobody may have

    async def _fetch(self, key: Key) -> str:
        _, resource, credentials = key
        answer = await self._ask(credentials, resource)
        life = DEFAULT_LIFE_SECONDS if answer.expires_in is None else answer.expires_in
        # Let go before it expires, which is on its way to the server too late; a short one after half of its life.
        self._held[key] = _Held(answer.access_token, time.monotonic() + max(life / 2, life - MARGIN_SECONDS))
        return answer.access_token

    async def _ask(self, credentials: ClientCredentials, resource: str) -> TokenAnswer:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                status, body = await self._post(credentials, resource)
        except (TimeoutError, httpx.HTTPError) as error:
            raise UnavailableError(f"The token server does not answer ({type(error).__name__}).") from None
        if not 200 <= status < 300:
            raise UnavailableError(f"The token server refused the credentials ({status}{_code(body)}).")
        try:
            answer = TokenAnswer.model_validate_json(body)
        except ValidationError:
            raise UnavailableError("The token server's answer holds no token.") from None
        if answer.token_type.lower() != "bearer":
            raise UnavailableError("The token server gives tokens of another kind than Bearer.")
        return answer

    async def _post(self, credentials: ClientCredentials, resource: str) -> tuple[int, bytes]:
        """Status and body; a redirect is not followed, for the secret is for this address only."""
        async with self._http.stream(
            "POST",
            credentials.token_url,
            data=_form(credentials, resource),
            auth=_shown(credentials),
            headers={"accept": "application/json"},
            follow_redirects=False,
        ) as response:
            return response.status_code, await read_body(response, MAX_ANSWER_BYTES)


def _form(credentials: ClientCredentials, resource: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "resource": credentials.resource or resource}
    if credentials.scope:
        form["scope"] = credentials.scope
    if credentials.auth == "post":
        form |= {"client_id": credentials.client_id, "client_secret": credentials.client_secret.get_secret_value()}
    return form


def _shown(credentials: ClientCredentials) -> httpx.Auth:
    """RFC 6749 section 2.3.1: both parts are form-encoded first."""
    if credentials.auth != "basic":
        return httpx.Auth()
    secret = credentials.client_secret.get_secret_value()
    return httpx.BasicAuth(quote_plus(credentials.client_id), quote_plus(secret))


def _code(body: bytes) -> str:
    """The error code of RFC 6749 section 5.2: one of a few words, never the description."""
    try:
        code = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    known = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope")
    return f", {code}" if code in known else ""
