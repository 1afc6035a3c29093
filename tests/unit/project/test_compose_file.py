"""The compose file: every service is in it, hardened, and only the gateway can be reached from outside."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentnet.settings import ENV_FILE
from tests.unit.project.repository import PACKAGES, ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name not in {"postgres", "redis"}]


def test_every_bundled_specialist_has_a_container() -> None:
    bundled = {path.parent.name for path in PACKAGES["specialists"].glob("*/agent.yaml")}
    assert bundled <= served("agent")


def test_every_mcp_server_has_a_container() -> None:
    bundled = {path.parent.name for path in PACKAGES["mcp_servers"].glob("*/server.py")}
    assert bundled <= served("mcp")


def served(kind: str) -> set[str]:
    commands = [SERVICES[name]["command"] for name in OURS]
    return {command[3] for command in commands if command[1:3] == ["serve", kind]}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_checked_and_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_only_the_gateway_publishes_a_port_and_only_on_this_machine() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "gateway": ["${AGENTNET_PUBLISH:-127.0.0.1}:${AGENTNET_PORT:-8700}:8700"]
    }


def test_databases_registry_and_closed_tools_have_no_way_out() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    inside_only = {name for name, service in SERVICES.items() if service["networks"] == ["inside"]}
    assert inside_only == {"postgres", "redis", "registry", "knowledge", "data", "toolbox"}


def test_everything_waits_until_what_it_stands_on_is_healthy() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, f"{name} on {needed}"


def test_the_file_holds_no_secret_and_starts_with_none_missing() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "AGENTNET_SECRET", "AGENTNET_API_KEY"):
        assert f"${{{name}:?" in text
        assert f"${{{name}:-" not in text


def test_the_made_environment_is_none_that_the_command_line_reads(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "compose_env.py", tmp_path / "deploy")
    subprocess.run([sys.executable, script], check=True, capture_output=True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["compose.env"]
    assert ENV_FILE != "compose.env"


def test_the_made_environment_is_for_its_owner_only_and_is_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "compose.env"
    command = [sys.executable, str(ROOT / "deploy" / "compose_env.py"), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    first = target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    subprocess.run(command, check=True, capture_output=True)
    assert target.read_text() == first
