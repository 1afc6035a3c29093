"""Stored upstream servers in a real database."""

import pytest
from pydantic import SecretStr

from agentnet.database import Database
from agentnet.errors import ConflictError, NotFoundError, TooLargeError
from agentnet.identity.sealing import Seal
from agentnet.ids import new_id
from agentnet.upstreams import store as store_module
from agentnet.upstreams.credential import BearerCredential, UnreadableCredential
from agentnet.upstreams.server import NewServer
from agentnet.upstreams.store import UpstreamStore

pytestmark = pytest.mark.anyio

SECRET = "a-secret-that-nobody-may-read"
NEW = NewServer(
    name="github",
    url="https://mcp.example.com/mcp",
    credential=BearerCredential(type="bearer", token=SecretStr(SECRET)),
)


@pytest.fixture
def store(database: Database) -> UpstreamStore:
    return UpstreamStore(database, Seal("s" * 32))


async def test_a_stored_server_comes_back_with_its_credential_which_lies_sealed(
    store: UpstreamStore, database: Database
) -> None:
    tenant = new_id()
    await store.add(tenant, NEW)
    found = await store.get(tenant, "github")
    assert found.credential == NEW.credential
    sealed = await database.pool.fetchval("SELECT credential FROM upstream_servers WHERE tenant = $1", tenant)
    assert SECRET.encode() not in sealed
    under_another = await UpstreamStore(database, Seal("t" * 32)).get(tenant, "github")
    assert under_another.credential == UnreadableCredential()


async def test_two_tenants_do_not_see_each_others_servers(store: UpstreamStore) -> None:
    ours, theirs = new_id(), new_id()
    await store.add(ours, NEW)
    assert await store.list(theirs) == []
    with pytest.raises(NotFoundError):
        await store.get(theirs, "github")
    with pytest.raises(NotFoundError):
        await store.remove(theirs, "github")
    await store.add(theirs, NEW)
    await store.remove(ours, "github")
    assert [server.name for server in await store.list(theirs)] == ["github"]


async def test_a_name_is_taken_once_and_a_tenant_has_a_limit(
    store: UpstreamStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = new_id()
    monkeypatch.setattr(store_module, "MAX_SERVERS", 2)
    await store.add(tenant, NEW)
    with pytest.raises(ConflictError):
        await store.add(tenant, NEW)
    await store.add(tenant, NEW.model_copy(update={"name": "second"}))
    with pytest.raises(TooLargeError):
        await store.add(tenant, NEW.model_copy(update={"name": "third"}))
