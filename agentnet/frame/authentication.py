"""The door of every service: an ASGI middleware that admits a request with a principal or answers 401."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.errors import AgentNetError, ForbiddenError, InvalidInputError, TooLargeError, UnauthenticatedError
from agentnet.frame.bodies import check_address
from agentnet.frame.rechecking import Rechecked
from agentnet.http.forms import Form, form_of, send_in_form
from agentnet.identity.keys import PREFIX, Keys
from agentnet.identity.principal import Principal
from agentnet.identity.tokens import Tokens

KEY = f"{PREFIX}_"
TOKEN_DOTS = 2
Authenticate = Callable[[str], Awaitable[Principal]]


def credential_of(scope: Scope) -> str | None:
    """The key or token of a request: `Authorization: Bearer …` or `X-API-Key: …`."""
    key = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            # The scheme's case does not count (RFC 9110 section 11.1); the header goes before the other one.
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else None
        if name == b"x-api-key":
            key = value.decode("latin-1").strip()
    return key


def credential_in(authorization: str | None, api_key: str | None) -> str:
    """The key or token of a call from its two headers. Raises `UnauthenticatedError` when neither holds one."""
    headers = [(b"authorization", authorization), (b"x-api-key", api_key)]
    given = [(name, value.encode("latin-1", "replace")) for name, value in headers if value]
    return _credential({"headers": given})


def _credential(scope: Scope) -> str:
    credential = credential_of(scope)
    if not credential:
        raise UnauthenticatedError(
            "This address needs a key.", hint="Send `Authorization: Bearer <key>` or `X-API-Key: <key>`."
        )
    return credential


def authenticate_with(tokens: Tokens, audience: str, keys: Keys | None = None) -> Authenticate:
    """Takes service tokens for `audience`, and API keys when `keys` is given."""

    async def authenticate(credential: str) -> Principal:
        if keys is not None and credential.startswith(KEY):
            return await keys.verify(credential)
        # A token has three parts with dots between (RFC 7519): whoever sends anything else means a key.
        if keys is not None and credential.count(".") != TOKEN_DOTS:
            raise UnauthenticatedError("The API key is not valid.", hint=f"A key has the form {KEY}<id>_<secret>.")
        return tokens.verify(credential, audience)

    return authenticate


class AuthMiddleware:
    """Puts the caller's `Principal` into `scope["state"]["principal"]`; refuses what has none, bodies over a
    limit, and addresses that hold NUL.

    `is_open` tells which requests need no credential; those have no principal.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Authenticate,
        *,
        max_body_bytes: int,
        is_open: Callable[[Scope], bool],
    ) -> None:
        self._app = app
        self._authenticate = authenticate
        self._max_body_bytes = max_body_bytes
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            check_address(scope)
            counted = _checked_form(scope, self._max_body_bytes)
            if not self._is_open(scope):
                credential = _credential(scope)
                scope.setdefault("state", {})["principal"] = await self._authenticate(credential)
                if credential.startswith(KEY):  # tokens end on their own, and their streams are the services' business
                    send = Rechecked(send, lambda: self._authenticate(credential))
        except AgentNetError as error:
            await _refuse(scope, send, error)
            return
        await self._app(scope, receive if counted else _limited(receive, self._max_body_bytes), send)


async def _refuse(scope: Scope, send: Send, error: AgentNetError) -> None:
    form = form_of(scope["method"], scope["path"])
    if form is Form.JSONRPC and isinstance(error, (UnauthenticatedError, ForbiddenError)):
        form = Form.PLAIN  # said by status and challenge, which come before any protocol (RFC 9110 section 11.6.1)
    await send_in_form(send, error, form)


def _checked_form(scope: Scope, limit: int) -> bool:
    """Whether the request says how long its body is: the server holds it to that. Raises `TooLargeError`, and
    `InvalidInputError` for one that names two hosts."""
    said = chunked = has_host = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or int(value) > limit:
                raise TooLargeError(f"The request body is over the limit of {limit} bytes.", limit=limit)
            said = True
        elif name == b"transfer-encoding":  # overrides a Content-Length beside it (RFC 9112 section 6.3)
            chunked = True
        elif name == b"host":
            if has_host:  # a proxy before us may have looked at the other one (RFC 9112 section 3.2)
                raise InvalidInputError("The request has more than one Host header; it must have one.")
            has_host = True
    return said and not chunked


def _limited(receive: Receive, limit: int) -> Receive:
    """`receive` for bodies that do not say their length; ends a request that grows over the limit."""
    seen = 0

    async def counted() -> dict[str, object]:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:  # the app finds its client gone, as it would when one breaks off
                return {"type": "http.disconnect"}
        return dict(message)

    return counted
