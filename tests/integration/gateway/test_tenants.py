"""The operator makes tenants at the database; each sees only what is its own."""

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app

runner = CliRunner()


def run(*arguments: str) -> str:
    result = runner.invoke(app, ["tenants", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def northwind(gateway_database: str) -> str:
    """The first admin key of a tenant that the operator made."""
    runner.invoke(app, ["tenants", "close", "northwind", "--yes"])  # the database is that of all tests here
    return run("create", "northwind").splitlines()[-1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_second_tenant_makes_keys_of_its_own_and_sees_nothing_of_others(northwind, network):
    await network.agent("echo")
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
    async with network.client() as ours, network.client(northwind) as theirs:
        await ours.post("/agents/echo/message:send", json={"message": message}, headers={"a2a-version": "1.0"})
        made = await theirs.post("/v1/keys", json={"name": "laptop"})
        assert made.status_code == 201
        assert made.json()["tenant"] == "northwind"
        listed = (await theirs.get("/v1/keys")).json()["keys"]
        assert {key["tenant"] for key in listed} == {"northwind"}
        assert (await theirs.get("/v1/tasks")).json()["tasks"] == []
        refused = await theirs.post("/v1/keys", json={"name": "x", "tenant": "default"})
        assert refused.status_code == 403
        assert "agentnet tenants create" in refused.json()["error"]["message"]


def test_tenants_are_listed_and_the_keys_of_one_that_is_closed_do_not_hold(northwind):
    assert "northwind" in run("list")
    assert "Revoked 1 key of" in run("close", "northwind", "--yes")
    again = runner.invoke(app, ["tenants", "close", "northwind", "--yes"])
    assert (again.exit_code, "No key of a tenant 'northwind' holds" in again.stderr) == (2, True)


def test_a_tenant_that_is_there_is_not_made_again(northwind):
    result = runner.invoke(app, ["tenants", "create", "northwind"])
    assert result.exit_code == 2
    assert "There is a tenant 'northwind'" in result.stderr


@pytest.mark.parametrize("name", ["*", "", " ", "a/b", "a\0b", "-a", "x" * 129, "a b", "é"])
def test_what_is_no_name_for_a_tenant_is_refused(name, gateway_database):
    result = runner.invoke(app, ["tenants", "create", "--", name])
    assert result.exit_code == 2
    assert "is no name for a tenant" in result.stderr


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["foo", "ank", "sk-proj-abc", "ank-1-2", "Bearer", "a.b"])
async def test_what_is_no_key_is_called_a_key_and_not_a_token(key, network):
    async with network.client(key) as client:
        response = await client.get("/v1/tasks")
    assert response.status_code == 401
    assert response.json()["error"]["message"] == "The API key is not valid. A key has the form ank_<id>_<secret>."
