"""How a request to an upstream server proves itself: headers made of the server's credential."""

from agentnet.errors import UnavailableError
from agentnet.upstreams.credential import (
    BearerCredential,
    ClientCredentials,
    HeaderCredential,
    UnreadableCredential,
)
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.tokens import AccessTokens, Key

Header = tuple[str, str]


class Authorization:
    """Makes the headers of any server; tokens are fetched and kept by `tokens`, by `private_tokens` for a server that
    may be at a private address."""

    def __init__(self, tokens: AccessTokens, private_tokens: AccessTokens) -> None:
        self._tokens = {False: tokens, True: private_tokens}

    async def headers(self, server: OutsideServer) -> list[Header]:
        """What to send with a request to `server`. Raises `UnavailableError`, `UnsafeUrlError`."""
        match server.credential:
            case HeaderCredential(name=name, value=value):
                return [(name.lower(), value.get_secret_value())]
            case BearerCredential(token=secret):
                return [("authorization", f"Bearer {secret.get_secret_value()}")]
            case ClientCredentials() as credentials:
                return [
                    (
                        "authorization",
                        f"Bearer {await self._tokens[server.allow_private].get(_key(server, credentials))}",
                    )
                ]
            case UnreadableCredential():
                raise UnavailableError(
                    f"The stored credential of {server.name} cannot be read: AGENTNET_SECRET has changed.",
                    hint="Replace the server, with its credential.",
                )
            case None:
                return []

    def refused(self, server: OutsideServer, headers: list[Header]) -> bool:
        """`server` answered 401 to `headers`: whether another try with fresh ones is worth it. Try once."""
        if not isinstance(server.credential, ClientCredentials):
            return False
        sent = dict(headers).get("authorization", "").removeprefix("Bearer ")
        self._tokens[server.allow_private].forget(_key(server, server.credential), sent)
        return True


def _key(server: OutsideServer, credentials: ClientCredentials) -> Key:
    return server.tenant, server.url, credentials
