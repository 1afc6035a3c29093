"""The registry over real HTTP and a real PostgreSQL, called as every service calls it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from agentnet.discovery.directory import Directory, Entry
from agentnet.errors import NotFoundError
from agentnet.identity import Principal
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from registry.entries import Entries
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

DEADLINE_SECONDS = PATIENCE_SECONDS
ACME = Principal("acme", "key:1")
OTHER = Principal("other", "key:2")


@asynccontextmanager
async def _registry(runtime: Runtime, port: int = 0) -> AsyncIterator[str]:
    async with running(runtime, Service("registry", "registry", port)) as service:
        yield service.url


def _directory(runtime: Runtime, url: str, service: str = "agent:writer") -> Directory:
    return Directory(url, runtime.http, runtime.tokens, service)


def _entry(instance: str = "one", **fields: Any) -> Entry:
    return Entry.model_validate(
        {
            "kind": "agent",
            "name": "writer",
            "instance": instance,
            "url": f"http://{instance}.test",
            "description": "Writes letters.",
            "skills": ["write-letter"],
            "words": "a letter to a customer",
            "document": {"name": "writer"},
        }
        | fields
    )


def _body(entry: Entry, lease_seconds: float = 60) -> dict[str, Any]:
    return entry.model_dump(exclude={"urls", "score"}) | {"lease_seconds": lease_seconds}


def _service_token(runtime: Runtime, name: str = "agent:writer") -> dict[str, str]:
    return {"authorization": f"Bearer {runtime.tokens.for_service(name, 'registry')}"}


async def _put(runtime: Runtime, url: str, entry: Entry, lease_seconds: float = 60) -> None:
    path = f"{url}/v1/entries/{entry.kind}/{entry.name}/{entry.instance}"
    headers = _service_token(runtime, f"{entry.kind}:{entry.name}")
    answer = await runtime.http.put(path, json=_body(entry, lease_seconds), headers=headers)
    assert answer.status_code == 200, answer.text


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not await condition():
        assert time.monotonic() < end, "it did not come true in time"
        await anyio.sleep(0.02)


async def _found(directory: Directory, principal: Principal = ACME, name: str = "writer") -> Entry | None:
    try:
        return await directory.get(principal, "agent", name)
    except NotFoundError:
        return None


async def test_a_registered_agent_is_found_listed_and_searched(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        async with directory.registered(_entry(), lease_seconds=30):
            await _until(lambda: _is_there(directory))
            entry = await directory.get(ACME, "agent", "writer")
            assert (entry.url, entry.urls, entry.skills) == ("http://one.test", ["http://one.test"], ["write-letter"])
            assert entry.document == {"name": "writer"}
            assert [item.name for item in await directory.list(ACME, "agent")] == ["writer"]
            assert await directory.list(ACME, "mcp") == []
            best = (await directory.search(ACME, "who writes letters?"))[0]
            assert best.name == "writer" and best.score is not None and best.score > 50
            assert await directory.search(ACME, "who writes letters?", kind="mcp") == []


async def _is_there(directory: Directory, principal: Principal = ACME) -> bool:
    return await _found(directory, principal) is not None


async def _is_gone(directory: Directory) -> bool:
    return not await _is_there(directory)


async def test_an_agent_that_leaves_is_gone_at_once(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        async with directory.registered(_entry(), lease_seconds=3600):
            await _until(lambda: _is_there(directory))
        assert await _is_gone(directory)


async def test_a_heartbeat_renews_the_lease(runtime: Runtime) -> None:
    pool = (await runtime.database()).pool
    lease = "SELECT lease_until FROM registry_leases"
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        async with directory.registered(_entry(), lease_seconds=1):
            await _until(lambda: _is_there(directory))
            first = await pool.fetchval(lease)

            async def renewed() -> bool:
                return bool(await pool.fetchval(lease) > first)

            await _until(renewed)


async def test_an_agent_whose_lease_runs_out_is_not_offered(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        await _put(runtime, url, _entry(), lease_seconds=1)
        await _until(lambda: _is_gone(directory))
        assert await directory.list(ACME, "agent") == []
        assert await directory.search(ACME, "write a letter") == []


async def test_instances_of_one_name_are_one_entry_and_take_turns(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        await _put(runtime, url, _entry("one"))
        await _put(runtime, url, _entry("two"))
        both = ["http://one.test", "http://two.test"]
        answers = [await directory.get(ACME, "agent", "writer") for _ in range(4)]
        assert [answer.urls for answer in answers] == [both] * 4
        assert sorted(answer.url for answer in answers) == sorted(both * 2)
        assert len(await directory.list(ACME, "agent")) == 1
        assert len(await directory.search(ACME, "letters")) == 1


async def test_one_instance_dies_and_the_other_is_offered(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        await _put(runtime, url, _entry("dies"), lease_seconds=1)
        await _put(runtime, url, _entry("lives"))

        async def alone() -> bool:
            found = await _found(directory)
            return found is not None and found.urls == ["http://lives.test"]

        await _until(alone)


async def test_the_newest_definition_speaks_for_the_name(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        await _put(runtime, url, _entry("zoe", description="First."))
        await _put(runtime, url, _entry("abe", description="Second."))
        await _put(runtime, url, _entry("zoe", description="First."))
        assert (await directory.get(ACME, "agent", "writer")).description == "Second."
        await _put(runtime, url, _entry("zoe", description="Third."))
        assert (await directory.get(ACME, "agent", "writer")).description == "Third."
        assert [entry.name for entry in await directory.search(ACME, "third")] == ["writer"]
        assert await directory.search(ACME, "first") == []


async def test_a_name_has_only_so_many_instances(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.entries.MAX_INSTANCES", 2)
    async with _registry(runtime) as url:
        for instance in ("one", "two", "one"):
            await _put(runtime, url, _entry(instance))
        refused = await runtime.http.put(
            f"{url}/v1/entries/agent/writer/three", json=_body(_entry("three")), headers=_service_token(runtime)
        )
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")


async def test_a_strange_document_breaks_no_search(runtime: Runtime) -> None:
    documents: list[dict[str, Any]] = [
        {"skills": "none"},
        {"skills": [1, {"tags": {"a": None}}, {"tags": [None, [1]]}]},
    ]
    async with _registry(runtime) as url:
        for number, document in enumerate(documents):
            await _put(runtime, url, _entry(name=f"strange-{number}", document=document))
        assert len(await _directory(runtime, url).search(ACME, "letter")) == len(documents)


async def test_a_tenant_sees_its_own_entries_and_everyones(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        await _put(runtime, url, _entry("private", tenant="acme"))
        await _put(runtime, url, _entry("public", name="editor"))
        assert [entry.name for entry in await directory.list(ACME, "agent")] == ["editor", "writer"]
        assert [entry.name for entry in await directory.list(OTHER, "agent")] == ["editor"]
        assert [entry.name for entry in await directory.search(OTHER, "letters", limit=50)] == ["editor"]
        with pytest.raises(NotFoundError) as hidden:
            await directory.get(OTHER, "agent", "writer")
        with pytest.raises(NotFoundError) as missing:
            await directory.get(OTHER, "agent", "writes")
        assert str(hidden.value).replace("writer", "writes") == str(missing.value)
        assert "writer" not in str(missing.value.data)


@pytest.mark.parametrize(
    "name", ["..", ".", "../..", "", "..%2f", "a/b", "%2e%2e", "?x", "#x", "writer.", "a\\b", " ", "\u00e9", "x" * 300]
)
async def test_a_name_that_is_none_is_not_found_and_leads_nowhere_else(runtime: Runtime, name: str) -> None:
    async with _registry(runtime) as url:
        await _put(runtime, url, _entry("public"))
        with pytest.raises(NotFoundError):
            await _directory(runtime, url).get(ACME, "agent", name)


async def test_a_tenants_own_entry_stands_before_everyones_of_that_name(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        await _put(runtime, url, _entry("public"))
        await _put(runtime, url, _entry("private", tenant="acme", words="poems"))
        assert (await directory.get(ACME, "agent", "writer")).urls == ["http://private.test"]
        assert (await directory.get(OTHER, "agent", "writer")).urls == ["http://public.test"]
        assert [entry.urls for entry in await directory.list(ACME, "agent")] == [["http://private.test"]]
        assert [entry.urls for entry in await directory.search(ACME, "letters")] == [["http://private.test"]]
        assert await directory.search(OTHER, "poems") == []


async def test_a_registry_that_restarts_with_nothing_is_filled_again(runtime: Runtime) -> None:
    pool = (await runtime.database()).pool
    async with _registry(runtime) as url:
        directory = _directory(runtime, url)
        registration = directory.registered(_entry(), lease_seconds=1)
        await registration.__aenter__()
        await _until(lambda: _is_there(directory))
    try:
        await pool.execute("TRUNCATE registry_entries, registry_leases, registry_known")
        async with _registry(runtime, port=urlsplit(url).port or 0):
            await _until(lambda: _is_there(directory))
    finally:
        await registration.__aexit__(None, None, None)


async def test_only_the_service_itself_may_register(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        address = f"{url}/v1/entries/agent/writer/one"
        user = {"authorization": f"Bearer {runtime.tokens.mint(ACME, 'registry')}"}
        for headers in (user, _service_token(runtime, "agent:other"), _service_token(runtime, "mcp:writer")):
            for refused in (
                await runtime.http.put(address, json=_body(_entry()), headers=headers),
                await runtime.http.delete(address, headers=headers),
            ):
                assert (refused.status_code, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
        elsewhere = {"authorization": f"Bearer {runtime.tokens.for_service('agent:writer', 'gateway')}"}
        for headers in ({}, elsewhere):
            assert (await runtime.http.put(address, json=_body(_entry()), headers=headers)).status_code == 401
        named_as_its_kind = runtime.http.put(
            f"{url}/v1/entries/mcp/mcp/one",
            json=_body(_entry(kind="mcp", name="mcp")),
            headers=_service_token(runtime, "mcp"),
        )
        assert (await named_as_its_kind).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lease_seconds": 0.5}, "lease_seconds"),
        ({"lease_seconds": 3601}, "lease_seconds"),
        ({"lease_seconds": None}, "lease_seconds"),
        ({"url": "ftp://x"}, "url"),
        ({"skills": ["x"] * 257}, "skills"),
        ({"tenant": ""}, "tenant"),
        ({"instance": "two"}, "instance"),
        ({"document": []}, "document"),
        ({"description": "a\0b"}, "NUL"),
    ],
)
async def test_a_wrong_registration_is_told_by_its_field(runtime: Runtime, change: dict[str, Any], field: str) -> None:
    async with _registry(runtime) as url:
        refused = await runtime.http.put(
            f"{url}/v1/entries/agent/writer/one", json=_body(_entry()) | change, headers=_service_token(runtime)
        )
        assert refused.status_code == 400
        assert refused.json()["error"]["status"] == "INVALID_ARGUMENT"
        assert field in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "change", [{"words": "x" * 16385}, {"document": {"x": "y" * 262144}}, {"document": {"x": "y" * 1048576}}]
)
async def test_a_registration_over_a_limit_is_413(runtime: Runtime, change: dict[str, Any]) -> None:
    async with _registry(runtime) as url:
        refused = await runtime.http.put(
            f"{url}/v1/entries/agent/writer/one", json=_body(_entry()) | change, headers=_service_token(runtime)
        )
        assert (refused.status_code, refused.json()["error"]["status"]) == (413, "INVALID_ARGUMENT")


async def test_every_error_has_the_one_shape(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        headers = _service_token(runtime)
        search = f"{url}/v1/search"

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * 65536

        answers = [
            (await runtime.http.get(f"{url}/v1/none", headers=headers), 404),
            (await runtime.http.get(f"{url}/v1/entries/agent/%00", headers=headers), 400),
            (await runtime.http.get(f"{url}/v1/entries/cat/tom", headers=headers), 400),
            (await runtime.http.get(f"{url}/v1/entries", headers=headers), 400),
            (await runtime.http.get(search, headers=headers), 405),
            (await runtime.http.post(search, content=b"{", headers=headers), 400),
            (await runtime.http.post(search, content=b'{"text": "\\ud800"}', headers=headers), 400),
            (await runtime.http.post(search, json={"text": "x", "limit": 51}, headers=headers), 400),
            (await runtime.http.post(search, json={"text": "x" * 20000}, headers=headers), 400),
            (await runtime.http.post(search, content=endless(), headers=headers), 413),
            (await runtime.http.get(search), 401),
        ]
        for answer, status in answers:
            assert answer.status_code == status, answer.text
            error = answer.json()["error"]
            assert error["code"] == status and error["status"] and error["message"]
            assert "Traceback" not in answer.text


async def test_health_is_the_process_and_ready_is_the_database(runtime: Runtime) -> None:
    async with _registry(runtime) as url:
        assert (await runtime.http.get(f"{url}/health")).status_code == 200
        assert (await runtime.http.get(f"{url}/ready")).status_code == 200
        await (await runtime.database()).pool.close()
        assert (await runtime.http.get(f"{url}/health")).status_code == 200
        answer = await runtime.http.get(f"{url}/ready")
        assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")


async def test_the_sweep_deletes_only_what_ran_out_long_ago(runtime: Runtime) -> None:
    pool = (await runtime.database()).pool
    async with _registry(runtime) as url:
        for instance in ("long-gone", "just-gone", "alive"):
            await _put(runtime, url, _entry(instance))
    age = """
        UPDATE registry_leases SET lease_until = now() - make_interval(mins => $2)
        WHERE digest = (SELECT lease FROM registry_entries WHERE instance = $1)"""
    await pool.execute(age, "long-gone", 61)
    await pool.execute(age, "just-gone", 59)
    assert await (await Entries.open(await runtime.database())).sweep() == 1
    rows = await pool.fetch("SELECT instance FROM registry_entries ORDER BY 1")
    assert [row["instance"] for row in rows] == ["alive", "just-gone"]
