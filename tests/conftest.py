"""One PostgreSQL for each process that tests: the server of `DATABASE_URL`, or else an embedded one."""

import os
import ssl
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import Databases, databases_of_process

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def one_trust_store() -> Iterator[None]:
    """Reading the certificates of all authorities takes longer than all else of a client, and a test has several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def database_of_our_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where `DATABASE_URL` is set, it leads to a new database from here on: tests leave no trace in the user's."""
    server = os.environ.get("DATABASE_URL")
    if server:
        os.environ["DATABASE_URL"] = request.getfixturevalue("database_url")
    yield
    if server:
        os.environ["DATABASE_URL"] = server


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Databases of the tests' own, on a server that runs until the last test of this process."""
    with databases_of_process() as databases:
        yield databases


@pytest.fixture(scope="session")
def database_url(databases: Databases) -> Iterator[str]:
    """The database of all tests that disturb no other."""
    with databases.copied() as url:
        yield url


@pytest.fixture
def new_database(databases: Databases) -> Iterator[str]:
    """The URL of a database with nothing but its tables."""
    with databases.copied() as url:
        yield url
