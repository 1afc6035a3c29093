"""An agent as one upstream, whatever the number of its instances: the next one is tried for one that is away."""

from collections.abc import AsyncIterable, Callable

from agentnet.discovery.directory import Entry
from agentnet.errors import UnavailableError
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from gateway.a2a.catalog import RETRY_SECONDS, Catalog
from gateway.http.headers import to_agent
from gateway.http.transport import Headers, Incoming, NotReachedError, Outgoing, Transport

# Whatever the first instance did with one of these, it changed nothing (RFC 9110 section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD"})


class LostError(UnavailableError):
    """It was sent, and is not answered: it may have had its effects, or not."""


Content = bytes | AsyncIterable[bytes]


class Upstream:
    """Sends requests to agents on behalf of a principal, with a service token that no other agent takes."""

    def __init__(self, catalog: Catalog, tokens: Tokens, transport: Transport) -> None:
        self._catalog = catalog
        self._tokens = tokens
        self._transport = transport

    async def open(
        self,
        principal: Principal,
        entry: Entry,
        method: str,
        path: str,
        headers: Headers,
        content: Callable[[], Content],
    ) -> Incoming:
        """The response of the first instance that can be had; must be closed. Raises `UnavailableError`, `LostError`.

        Another instance is tried only while nothing was sent, or for a request that changes nothing.
        """
        token = self._tokens.mint(principal, f"agent:{entry.name}")
        sent = to_agent(headers, token)
        reason: UnavailableError | None = None
        kind = UnavailableError
        for url in self._catalog.instances(entry):
            try:
                return await self._transport.send(Outgoing(method, f"{url}/{path}", sent, content()))
            except UnavailableError as error:
                reason = error
                self._catalog.mark_down(url)
                # It was sent, so it may have had effects there: whether to send it again is for the client to say.
                if not isinstance(error, NotReachedError) and method not in SAFE_METHODS:
                    kind = LostError
                    break
        raise kind(
            f"The agent {entry.name!r} does not answer.", hint=str(reason), retry_after=RETRY_SECONDS, agent=entry.name
        )
