"""Legacy sessions in PostgreSQL: requests take one for what it was a moment ago, everything else for what it is."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agentnet.database import Database
from agentnet.identity import Principal
from agentnet.settings import Settings
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.sessions import sessions as subject
from gateway.mcp.sessions.sessions import Sessions

pytestmark = pytest.mark.anyio

CALLER, PROFILE = Principal("acme", "key:1"), Profile()
FOR_LONG = 60.0
"""So recent no test is slow enough to make it old."""


@pytest.fixture
async def database(gateway_database: str) -> AsyncIterator[Database]:
    opened = await Database.open(Settings(database_url=gateway_database, _env_file=None))
    yield opened
    await opened.close()


@pytest.fixture
def replicas(database: Database) -> tuple[Sessions, Sessions]:
    return Sessions(database), Sessions(database)


async def opened(sessions: Sessions, level: str | None = None) -> str:
    identifier = await sessions.open(CALLER, PROFILE, "2025-11-25", {"roots": {}}, {"name": "test"})
    if level is not None:
        await sessions.set_log_level(await sessions.get(CALLER, PROFILE, identifier), level)
    return identifier


async def is_there(sessions: Sessions, identifier: str) -> bool:
    try:
        await sessions.recent(CALLER, PROFILE, identifier)
    except McpError as error:
        assert error.http == 404
        return False
    return True


async def test_a_request_takes_a_session_for_what_it_was_a_moment_ago(
    database: Database, replicas: tuple[Sessions, Sessions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "RECENT_SECONDS", FOR_LONG)
    one, _ = replicas
    identifier = await opened(one)
    said = await one.recent(CALLER, PROFILE, identifier)
    await database.pool.execute("DELETE FROM mcp_sessions WHERE id = $1", identifier)
    assert await one.recent(CALLER, PROFILE, identifier) == said
    with pytest.raises(McpError):
        await one.get(CALLER, PROFILE, identifier)


async def test_a_session_that_was_read_is_nobody_elses(
    replicas: tuple[Sessions, Sessions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "RECENT_SECONDS", FOR_LONG)
    one, _ = replicas
    identifier = await opened(one)
    assert await is_there(one, identifier)
    for principal, profile in (
        (Principal("other", "key:1"), PROFILE),
        (Principal("acme", "key:2"), PROFILE),
        (CALLER, Profile(name="mine")),
    ):
        with pytest.raises(McpError) as refused:
            await one.recent(principal, profile, identifier)
        assert refused.value.http == 404
    assert await is_there(one, identifier)


async def test_a_session_ends_at_once_where_it_is_ended_and_everywhere_before_that_is_answered(
    replicas: tuple[Sessions, Sessions],
) -> None:
    one, other = replicas
    identifier = await opened(one)
    assert await is_there(one, identifier)
    await one.end(await one.get(CALLER, PROFILE, identifier))
    assert not await is_there(one, identifier)

    identifier = await opened(one)
    reading = [asyncio.create_task(is_there(other, identifier)) for _ in range(20)]
    await one.end(await one.get(CALLER, PROFILE, identifier))
    await one.settled()
    assert not await is_there(other, identifier)
    await asyncio.gather(*reading)


async def test_what_was_read_while_a_session_changed_is_not_taken_for_what_it_is(
    replicas: tuple[Sessions, Sessions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "RECENT_SECONDS", FOR_LONG)
    one, _ = replicas
    identifier = await opened(one)
    session = await one.get(CALLER, PROFILE, identifier)
    reading, ending = asyncio.create_task(is_there(one, identifier)), asyncio.create_task(one.end(session))
    await asyncio.gather(reading, ending)
    assert not await is_there(one, identifier)


async def test_what_is_joined_left_and_set_is_seen_by_the_next_request(
    replicas: tuple[Sessions, Sessions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "RECENT_SECONDS", FOR_LONG)
    one, _ = replicas
    identifier = await opened(one, "error")
    upstream = UpstreamSession("http://127.0.0.1:9/mcp", "there", "2025-11-25")
    session = await one.recent(CALLER, PROFILE, identifier)
    assert (session.log_level, session.upstreams) == ("error", {})
    await one.join(session, "alpha", upstream)
    assert (await one.recent(CALLER, PROFILE, identifier)).upstreams == {"alpha": upstream}
    await one.leave(session, "alpha", upstream)
    assert (await one.recent(CALLER, PROFILE, identifier)).upstreams == {}
    await one.set_log_level(session, "debug")
    assert (await one.recent(CALLER, PROFILE, identifier)).log_level == "debug"


async def test_requests_of_one_moment_have_each_their_own_session(
    replicas: tuple[Sessions, Sessions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "RECENT_SECONDS", FOR_LONG)
    one, _ = replicas
    identifier = await opened(one)
    first, second = [await one.recent(CALLER, PROFILE, identifier) for _ in range(2)]
    first.upstreams["alpha"] = UpstreamSession("http://127.0.0.1:9/mcp", "there", "2025-11-25")
    assert second.upstreams == {} == (await one.recent(CALLER, PROFILE, identifier)).upstreams
