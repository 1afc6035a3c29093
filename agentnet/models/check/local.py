"""Model servers of this machine, looked for at their usual ports and nowhere else; shown, and never used unasked."""

import asyncio
import shlex
import ssl
from collections.abc import Collection
from dataclasses import dataclass

import httpx

from agentnet.http.uncompressed import IDENTITY, is_encoded
from agentnet.models.check.asking import whole
from agentnet.models.check.listed import Listing, listing_of
from agentnet.models.check.servers import OTHER, PORTS, Server
from agentnet.models.endpoints.listing import VECTORS

LOOK_SECONDS = 0.3
"""For each port, all at once."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that lists models."""

    base_url: str
    listing: Listing
    server: Server

    @property
    def model(self) -> str | None:
        """The first of its models that talks; None where it has none."""
        names = self.listing.names
        talking = (name for name in names if not VECTORS.search(name))
        return next(talking, names[0] if names else None)

    @property
    def lines(self) -> str:
        """What to set for it, as a shell takes it."""
        model = f" AGENTNET_MODEL={shlex.quote(self.model)}" if self.model else ""
        return f"OPENAI_BASE_URL={self.base_url}{model}"


async def look(
    own_ports: Collection[int] = (), *, ports: Collection[int] | None = None, seconds: float | None = None
) -> list[LocalServer]:
    """The servers at the usual ports that list models, in their order, without `own_ports`, this network's."""
    urls = [f"http://127.0.0.1:{port}/v1" for port in (PORTS if ports is None else ports) if port not in own_ports]
    # No proxy and no redirect: it looks at this machine and nowhere else, and sends no key. Nor does it read the
    # certificates of all authorities, which takes longer than the look.
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(trust_env=False, verify=no_tls, follow_redirects=False, timeout=LOOK_SECONDS) as http:
        found = await asyncio.gather(*(_looked(http, url, seconds or LOOK_SECONDS) for url in urls))
    return [each for each in found if each is not None]


async def _looked(http: httpx.AsyncClient, url: str, seconds: float) -> LocalServer | None:
    try:
        async with (
            asyncio.timeout(seconds),
            http.stream("GET", f"{url}/models", headers=IDENTITY, timeout=seconds) as response,
        ):
            if is_encoded(response.headers):
                return None
            listing = listing_of(await whole(response), url)
    except (TimeoutError, httpx.HTTPError, OSError):
        return None
    if listing is None:
        return None
    usual = OTHER if listing.entries else PORTS.get(httpx.URL(url).port or 0, OTHER)
    return LocalServer(url, listing, usual if listing.server is OTHER else listing.server)
