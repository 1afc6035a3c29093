"""DATABASE_URL and REDIS_URL that are wrong: the setting is named, and what it holds is never repeated."""

import pytest

from agentnet.database import Database
from agentnet.database.address import POSTGRES, REDIS, Kind, check_address, safe_url
from agentnet.errors import AgentNetError, ConfigurationError
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings

pytestmark = pytest.mark.anyio

WRONG = (
    "postgresql:/u:PASS@h/x",
    "postgresql//u:PASS@h/x",
    "u:PASS@h/x",
    "host=h user=u password=PASS dbname=x",
    "postgresql://u:PASS/word@h/x",
    "postgresql://u:1/PASS@h/x",
    "postgresql://u:PASS#1@h/x",
    "postgresql://u:PASS?1@h/x",
    "postgresql://u:PASS@1@h/x",
    "postgresql://u:[PASS@h/x",
    "postgresql://u:PASS 1@h/x",
    "postgresql://u:PASS@h:port/x",
    "postgresql://u:PASS@h:99999/x",
    "postgresql://u:PASS@[::1/x",
    "postgresql://u:PASS@h:1,h2:PASS/x",
    "mysql://u:PASS@h/x",
    "postgresql+psycopg://u:PASS@h/x",
    "PASS",
)
WRONG_REDIS = (
    "redis:/:PASS@h/0",
    "h:6379:PASS",
    "http://u:PASS@h",
    "redis://:PASS/1@h/0",
    "redis://:PASS#1@h/0",
    "redis://:PASS@h:port/0",
    "redis://:PASS@[::1/0",
    "redis://:PASS@h/0?db=PASS",
)


@pytest.mark.parametrize("url", WRONG)
async def test_a_wrong_database_url_is_named_and_never_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await Database.open(Settings.model_construct(database_url=url, database_pool=2))
    _check_told(caught.value, POSTGRES)
    assert "PASS" not in safe_url(url)


@pytest.mark.parametrize("url", WRONG_REDIS)
async def test_a_wrong_redis_url_is_named_and_never_repeated(url: str, database_url: str) -> None:
    settings = Settings(_env_file=None).model_copy(update={"redis_url": url, "database_url": database_url})
    async with Runtime.open(settings) as runtime:
        with pytest.raises(ConfigurationError) as caught:
            await runtime.signals()
    _check_told(caught.value, REDIS)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://u:p@h/x", POSTGRES),
        ("postgres://u@h:5432/x?sslmode=require", POSTGRES),
        ("postgresql+asyncpg://u:p%40%2F@[::1]:5432/x", POSTGRES),
        ("postgresql://postgres:@/postgres?host=/tmp/a", POSTGRES),
        ("postgresql:///x?host=/tmp/a", POSTGRES),
        ("redis://h", REDIS),
        ("rediss://:p@h:6380/1", REDIS),
        ("unix:///tmp/redis.sock", REDIS),
    ],
)
def test_addresses_as_people_write_them_are_taken(url: str, kind: Kind) -> None:
    check_address(url, kind)


async def test_a_server_that_is_away_is_named_without_user_password_and_query() -> None:
    url = "postgresql://USER:PASS@127.0.0.1:1/x"
    with pytest.raises(AgentNetError) as caught:
        await Database.open(Settings.model_construct(database_url=url, database_pool=2))
    assert "PASS" not in str(caught.value) and "USER" not in str(caught.value)
    assert "127.0.0.1:1/x" in str(caught.value)


def _check_told(error: ConfigurationError, kind: Kind) -> None:
    said = str(error)
    assert kind.setting in said and kind.example in said
    assert "PASS" not in said
