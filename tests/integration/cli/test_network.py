import socket

import httpx
import pytest

import agentnet.process.service
from agentnet.errors import ConfigurationError, NotFoundError
from agentnet.identity.secret import admin_key_path, read_key
from agentnet.process.launch import network, plan, with_free_ports
from agentnet.settings import Settings
from tests.integration.cli import standins
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def on_standins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agentnet.process.service, "load_factory", standins.load_factory)
    standins.entries.clear()


async def test_a_network_starts_in_order_and_stops_whole(settings: Settings) -> None:
    parts: list[str] = []
    async with network(settings, report=lambda part, _seconds: parts.append(part)) as running:
        assert parts[:2] == ["PostgreSQL", "registry"]
        assert parts[-2:] == ["gateway", "registration"]
        urls = [served.url for served in running.services]
        assert len(set(urls)) == len(urls)
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
            assert (await http.get(f"{running.gateway_url}/health")).is_success
            assert (await http.get(f"{running.gateway_url}/agents")).status_code == 401
            headers = {"authorization": f"Bearer {read_key(settings)}"}
            assert (await http.get(f"{running.gateway_url}/agents", headers=headers)).is_success
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        for url in (running.gateway_url, running.settings.registry_base_url):
            with pytest.raises(httpx.ConnectError):
                await http.get(url)


async def test_the_admin_key_is_made_once_and_only_its_owner_reads_it(settings: Settings) -> None:
    async with network(settings):
        key = read_key(settings)
        assert admin_key_path(settings).stat().st_mode & 0o777 == 0o600
    async with network(with_free_ports(settings)):
        assert read_key(settings) == key


async def test_an_inner_port_that_is_taken_moves(settings: Settings) -> None:
    [tool] = [service for service in plan(settings).services if service.name == "knowledge"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind((settings.host, tool.port))
            other.listen()
        except OSError:
            pass  # somebody else has it: just as good
        async with network(settings) as running:
            [served] = [served for served in running.services if served.service.name == "knowledge"]
            assert not served.url.endswith(f":{tool.port}")


@pytest.mark.parametrize("which", ["port", "registry_port"])
async def test_a_taken_outer_port_is_refused_before_anything_starts(settings: Settings, which: str) -> None:
    with socket.socket() as other:
        other.bind((settings.host, 0))
        other.listen()
        port = other.getsockname()[1]
        parts: list[str] = []
        with pytest.raises(ConfigurationError, match=str(port)):
            async with network(settings.model_copy(update={which: port}), report=lambda part, _: parts.append(part)):
                pass
        assert parts == []


async def test_one_service_that_fails_stops_the_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_arguments: object) -> None:
        raise ConfigurationError("The gateway has no roof.")

    monkeypatch.setitem(standins.FACTORIES, "gateway", fails)
    with pytest.raises(ConfigurationError, match="no roof"):
        async with network(settings):
            pass
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(settings.registry_base_url)


async def test_only_what_is_named_runs(settings: Settings) -> None:
    async with network(settings, only=["toolbox"]) as running:
        assert [served.service.name for served in running.services] == ["registry", "toolbox", "gateway"]
    with pytest.raises(NotFoundError, match="Did you mean 'toolbox'"):
        plan(settings, ["tolbox"])
