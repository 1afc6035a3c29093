"""The check of one endpoint: its address, its list, its model, a call, its context, in this order.

It stops at what makes the rest senseless. All of it is bounded in time and bytes; the call and the look at the context
cost about 10,000 tokens together, and can be left out.
"""

from collections.abc import AsyncIterator, Collection

from agentnet.models.check.asking import Asker, Bounds
from agentnet.models.check.call import called
from agentnet.models.check.context import probed
from agentnet.models.check.finding import Advice, Figures, Finding, told
from agentnet.models.check.listed import Listing
from agentnet.models.check.names import named
from agentnet.models.check.servers import server_of
from agentnet.models.check.there import Address, Say
from agentnet.models.check.turns import Turns
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import masked

TOKENS = 10_000
"""What the call and the look at the context cost, about."""
DECLARED_SHARE = 0.95
"""Of the declared context that the server's own word must reach."""


class Check:
    """Of one endpoint; the figures are there when its findings are."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        call: bool = True,
        advice: Advice | None = None,
        say: Say | None = None,
        own_ports: Collection[int] = (),
        bounds: Bounds | None = None,
    ) -> None:
        """`say` gets a word while something is waited for; `own_ports` are those of this network."""
        self.figures = Figures(context_tokens=endpoint.context_tokens)
        self._endpoint = endpoint
        self._call = call
        self._advice = advice or Advice()
        secrets, tell = endpoint.secrets, say or _silent
        self._say: Say = lambda words: tell(masked(words, secrets))
        self._own_ports = own_ports
        self._bounds = bounds or Bounds()

    def findings(self) -> AsyncIterator[Finding]:
        """What is found, in order."""
        return told(self._found(), self._endpoint.secrets)

    async def _found(self) -> AsyncIterator[Finding]:
        if wrong := _wrong_key(self._endpoint):
            found = f"{self._advice.key} {wrong}"
            yield Finding("model key", False, found, "Copy it again: it is one word of letters, digits and signs.")
            return
        async with Asker(self._endpoint, self._bounds) as asker:
            address = Address(asker, self._endpoint, self._advice, self._say, self._own_ports)
            reached = await address.look()
            if reached.goes_on and reached.listing is None and not self._call:
                yield Finding(
                    reached.finding.check, False, reached.finding.found, "Leave --no-call out: a call shows it."
                )
                return
            yield reached.finding
            if not reached.goes_on:
                return
            name = self._endpoint.model
            if reached.listing is not None:
                there = named(name, reached.listing, self._advice)
                yield there.finding
                if not there.goes_on:
                    return
                name = there.name
            if self._call:
                async for finding in self._asked(asker, name, reached.listing):
                    yield finding

    async def _asked(self, asker: Asker, name: str, listing: Listing | None) -> AsyncIterator[Finding]:
        server = listing.server if listing else server_of(self._endpoint.base_url)
        turns = Turns(asker, self._endpoint, name, self._say)
        found = await called(turns, server, self._advice, self.figures)
        for finding in found:
            yield finding
        if len(found) == 1:  # no answer to this one: to a longer one neither
            return
        stated = listing.context_of(name) if listing else None
        declared = self._endpoint.context_tokens
        if stated and declared and stated < DECLARED_SHARE * declared:
            self.figures.context_tokens = stated
            words = f"{declared:,} tokens are declared, and the server says {stated:,}"
            yield Finding("model context", False, words, f"Declare {stated}, or serve the model with more.")
            return
        yield await probed(turns, server, self._advice, self.figures, stated or declared)


def _wrong_key(endpoint: Endpoint) -> str | None:
    """Why the key cannot be one; the key is not repeated."""
    key = endpoint.api_key.get_secret_value() if endpoint.api_key else ""
    if not key:
        return None
    if key.lower().startswith("bearer "):
        return "begins with “Bearer”, which is sent anyway"
    if key[0] in "\"'" or key[-1] in "\"'":
        return "is in quotes"
    if any(character.isspace() or not character.isprintable() for character in key):
        return "holds white space"
    return None if key.isascii() else "holds signs that no key has, such as …"


def _silent(_words: str) -> None:
    pass
