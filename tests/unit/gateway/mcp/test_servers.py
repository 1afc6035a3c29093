"""The servers of all sources as one list, merged anew when a source says something new."""

from typing import Any

import pytest

from agentnet.errors import NotFoundError, UnavailableError
from agentnet.identity import Principal
from gateway.http import cache
from gateway.mcp.upstream.server import UpstreamServer
from gateway.mcp.upstream.servers import FRESH_SECONDS, Servers

pytestmark = pytest.mark.anyio

ACME, OTHER = Principal("acme", "key:1"), Principal("other", "key:2")


class Source:
    """Says what it is told to, by tenant; nothing where it is away."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.listed: dict[str, list[str]] = {}
        self.is_away = False
        self.asked = 0

    async def servers(self, principal: Principal) -> list[UpstreamServer]:
        self.asked += 1
        if self.is_away:
            raise UnavailableError(f"{self.name} is away.")
        return [
            UpstreamServer(name, (f"http://{self.name}/{name}",), principal.tenant, self.name, {}, self)
            for name in self.listed.get(principal.tenant, [])
        ]

    async def credential(self, server: UpstreamServer, principal: Principal) -> Any:
        raise NotImplementedError

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        raise NotImplementedError


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cache, "time", made)
    return made


@pytest.fixture
def sources() -> tuple[Source, Source]:
    registry, stored = Source("registry"), Source("stored")
    registry.listed = {"acme": ["data", "web"], "other": ["web"]}
    stored.listed = {"acme": ["web", "books"]}
    return registry, stored


async def seen(servers: Servers, principal: Principal) -> list[str]:
    return [f"{server.description}:{server.name}" for server in await servers.visible(principal)]


async def test_all_servers_are_seen_by_name_and_the_first_source_goes_first(sources: tuple[Source, Source]) -> None:
    servers = Servers([*sources])
    for _ in range(2):
        assert await seen(servers, ACME) == ["stored:books", "registry:data", "registry:web"]
        assert await seen(servers, OTHER) == ["registry:web"]
    assert (await servers.get(ACME, "books")).description == "stored"
    assert await servers.find(OTHER, "books") is None
    with pytest.raises(NotFoundError):
        await servers.get(OTHER, "books")
    assert [source.asked for source in sources] == [2, 2]  # once for each tenant


async def test_what_a_source_says_new_is_seen_when_the_old_is_not_fresh_any_more(
    sources: tuple[Source, Source], clock: Clock
) -> None:
    servers = Servers([*sources])
    await servers.visible(ACME)
    sources[1].listed["acme"] = ["maps"]
    assert await servers.find(ACME, "maps") is None
    clock.now += FRESH_SECONDS
    assert await seen(servers, ACME) == ["registry:data", "stored:maps", "registry:web"]
    assert await servers.find(ACME, "books") is None


async def test_a_source_that_is_away_is_left_out_and_comes_back_by_itself(
    sources: tuple[Source, Source], clock: Clock
) -> None:
    registry, stored = sources
    servers = Servers([*sources])
    stored.is_away = True
    for _ in range(2):
        assert await seen(servers, ACME) == ["registry:data", "registry:web"]
    stored.is_away = False
    assert await seen(servers, ACME) == ["stored:books", "registry:data", "registry:web"]
    registry.is_away = stored.is_away = True
    clock.now += FRESH_SECONDS  # what they said last serves for a while
    assert await seen(servers, ACME) == ["stored:books", "registry:data", "registry:web"]


async def test_with_every_source_away_the_first_ones_reason_is_told(sources: tuple[Source, Source]) -> None:
    for source in sources:
        source.is_away = True
    with pytest.raises(UnavailableError, match="registry is away"):
        await Servers([*sources]).visible(ACME)


async def test_what_was_given_out_is_the_askers_own(sources: tuple[Source, Source]) -> None:
    servers = Servers([*sources])
    (await servers.visible(ACME)).clear()
    assert len(await servers.visible(ACME)) == 3
