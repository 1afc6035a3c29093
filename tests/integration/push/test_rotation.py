"""`agentnet push rotate-key` at a real database, and what it changes in the keys that a running gateway publishes."""

import os
import sys
from pathlib import Path

import anyio
import asyncpg
import httpx
import jwt
import pytest
from pydantic import SecretStr

from agentnet.identity.sealing import Seal, SealError
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.push.signing import JWKS_PATH, KeyRing, Signer
from agentnet.settings import Settings
from agentnet.upstreams.credential import BearerCredential
from agentnet.upstreams.server import NewServer
from agentnet.upstreams.store import UpstreamStore
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

SECRET = "the secret that every service of this network has"
ISSUER = "https://network.example"
WEBHOOK = "https://receiver.example/hook"

Rows = list[tuple[object, ...]]


async def rotate_key(database: str, home: Path, secret: str | None) -> tuple[int, str]:
    """The exit code of the command and all that it says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTNET_")}
    environment |= {"DATABASE_URL": database, "AGENTNET_HOME": str(home)}
    if secret is not None:
        environment["AGENTNET_SECRET"] = secret
    command = [sys.executable, "-m", "agentnet", "push", "rotate-key"]
    done = await anyio.run_process(command, env=environment, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


async def stored(database: str) -> Rows:
    """All that is known of the keys."""
    connection = await asyncpg.connect(database)
    try:
        return [tuple(row) for row in await connection.fetch("SELECT * FROM signing_keys ORDER BY created_at")]
    finally:
        await connection.close()


async def test_the_new_key_signs_after_its_time_and_the_old_one_stays_published_for_its_own(
    new_database: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=new_database, secret=SECRET, port=0, _env_file=None)
    async with Runtime.open(settings) as runtime, running(runtime, Service("gateway", "gateway", 0)) as gateway:
        pool = (await runtime.database()).pool
        ring = KeyRing(await runtime.database(), runtime.seal)

        async def published() -> list[str]:
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as anybody:
                keys = jwt.PyJWKSet.from_dict((await anybody.get(gateway.url + JWKS_PATH)).json())
            for key in keys.keys:
                verified.setdefault(str(key.key_id), key)
            return [str(key.key_id) for key in keys.keys]

        async def signs() -> str:
            """The key that a process signs with which has none in memory, found in the set that receivers know."""
            token = await Signer(ring, ISSUER).sign(WEBHOOK, "delivery", "task", b"{}")
            kid: str = jwt.get_unverified_header(token)["kid"]
            jwt.decode(token, verified[kid], algorithms=["ES256"], audience="https://receiver.example")
            return kid

        verified: dict[str, jwt.PyJWK] = {}
        old = (await ring.current()).kid
        assert await published() == [old]
        code, said = await rotate_key(new_database, tmp_path, SECRET)
        assert code == 0, said
        new, also_old = await published()
        assert also_old == old
        assert new in said
        assert await signs() == old  # receivers may have the set from before the new key
        await moved(pool, "created_at", "10 minutes")
        assert await signs() == new
        assert await published() == [new, old]
        await moved(pool, "retires_at", "23 hours")
        assert await published() == [new, old]
        await moved(pool, "retires_at", "1 hour")
        assert await published() == [new]


async def moved(pool: "asyncpg.Pool[asyncpg.Record]", column: str, time: str) -> None:
    """So much time goes by for all keys."""
    await pool.execute(f"UPDATE signing_keys SET {column} = {column} - interval '{time}'")


async def test_under_a_wrong_secret_or_none_nothing_is_rotated(new_database: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=new_database, secret=SECRET, _env_file=None)
    async with Runtime.open(settings) as runtime:
        await KeyRing(await runtime.database(), runtime.seal).current()
    before = await stored(new_database)
    code, said = await rotate_key(new_database, tmp_path, "another secret, which is just as long as it")
    assert code == 2
    assert "sealed under another secret. Nothing was changed." in said
    code, said = await rotate_key(new_database, tmp_path, "short")
    assert code == 2
    assert "shorter than 32 bytes" in said
    code, said = await rotate_key(new_database, tmp_path, None)
    assert code == 2
    assert "AGENTNET_SECRET is not set" in said
    assert await stored(new_database) == before
    assert not list(tmp_path.iterdir())  # no secret was made on the way


async def test_after_a_change_of_secret_the_newest_key_decides_whose_ring_it_is(
    new_database: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=new_database, secret=SECRET, _env_file=None)
    async with Runtime.open(settings) as runtime:
        database = await runtime.database()
        former = await KeyRing(database, Seal("the secret that the network had before it was changed")).current()
        present = await KeyRing(database, runtime.seal).current()
        code, said = await rotate_key(new_database, tmp_path, "the secret that the network had before it was changed")
        assert code == 2, said
        code, said = await rotate_key(new_database, tmp_path, SECRET)
        assert code == 0, said
        kids = [key["kid"] for key in await KeyRing(database, runtime.seal).public()]
    assert kids[1:] == [present.kid, former.kid]


async def test_the_first_key_of_a_network_may_be_made_by_the_command(new_database: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    code, said = await rotate_key(new_database, tmp_path, None)
    assert code == 0, said
    [key] = await stored(new_database)
    assert str(key[0]) in said


FORMER = "the secret that the network had before it was changed"


@pytest.mark.parametrize(
    ("keys", "others", "is_taken"),
    [
        ([], [], True),
        ([], [SECRET], True),
        ([], [FORMER], False),
        ([], [FORMER, SECRET], True),
        ([], [SECRET, FORMER, FORMER], True),
        ([SECRET], [FORMER], True),
        ([FORMER], [SECRET], False),
        ([SECRET, FORMER], [], False),
        ([FORMER, SECRET], [], True),
    ],
)
async def test_a_secret_is_tried_on_what_was_sealed(
    new_database: str, tmp_path: Path, keys: list[str], others: list[str], is_taken: bool
) -> None:
    settings = Settings(home=tmp_path, database_url=new_database, secret=SECRET, _env_file=None)
    async with Runtime.open(settings) as runtime:
        database = await runtime.database()
        for secret in keys:
            await KeyRing(database, Seal(secret)).current()
        store = UpstreamStore(database, Seal(FORMER)), UpstreamStore(database, Seal(SECRET))
        for number, secret in enumerate(others):
            bearer = BearerCredential(type="bearer", token=SecretStr("token"))
            new = NewServer(name=f"s{number}", url="https://example.com/mcp", credential=bearer)
            await store[secret == SECRET].add("acme", new)
        before = await stored(new_database)
        ring = KeyRing(database, runtime.seal)
        if is_taken:
            await ring.rotate()
        else:
            with pytest.raises(SealError, match="Nothing was changed"):
                await ring.rotate()
        assert (await stored(new_database) == before) is not is_taken


@pytest.mark.parametrize("keys", [[], [FORMER], [SECRET], [SECRET, FORMER], [FORMER, FORMER]])
async def test_after_a_service_has_started_its_secret_is_the_one_that_rotates(
    new_database: str, tmp_path: Path, keys: list[str]
) -> None:
    settings = Settings(home=tmp_path, database_url=new_database, secret=SECRET, _env_file=None)
    async with Runtime.open(settings) as runtime:
        database = await runtime.database()
        for secret in keys:
            await KeyRing(database, Seal(secret)).current()
        await runtime.push()
        with pytest.raises(SealError):
            await KeyRing(database, Seal(FORMER)).rotate()
        await KeyRing(database, runtime.seal).rotate()
