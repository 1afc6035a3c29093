"""The operator's file of servers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agentnet.errors import ConfigurationError
from agentnet.process.launch import plan
from agentnet.settings import Settings
from agentnet.upstreams.credential import BearerCredential
from agentnet.upstreams.declarations import CommandServer, OpenApiServer, SseServer, load_declarations

SECRET = "never-show-this"


def write(tmp_path: Path, *servers: dict[str, Any]) -> Path:
    file = tmp_path / "servers.yaml"
    file.write_text(yaml.safe_dump({"servers": list(servers)}))
    return file


def test_each_kind_of_server_is_read(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {"name": "remote", "url": "https://a.example/mcp"},
        {"name": "files", "command": ["npx", "server"], "tenant": "acme"},
        {"name": "old", "sse": "https://b.example/sse"},
        {"name": "shop", "openapi": "https://c.example/openapi.json"},
    )
    declared = load_declarations(file)
    assert [(server.name, server.tenant) for server in declared.remote] == [("remote", "*")]
    assert [type(server) for server in declared.adapted] == [CommandServer, SseServer, OpenApiServer]


def test_without_a_file_nothing_is_declared() -> None:
    assert load_declarations(None).servers == []


def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    credential = {"type": "bearer", "token": {"file": "token"}}
    file = write(tmp_path, {"name": "remote", "url": "https://a.example/mcp", "credential": credential})
    [server] = load_declarations(file).remote
    assert isinstance(server.credential, BearerCredential)
    assert server.credential.token.get_secret_value() == SECRET
    assert SECRET not in repr(server)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"name": "a"}, "needs one of url, command, sse and openapi"),
        ({"name": "a", "url": "https://a.example", "command": ["x"]}, "and only one"),
        ({"name": "A b", "url": "https://a.example"}, "name"),
        ({"name": "a", "url": "ftp://a.example"}, "url"),
        ({"name": "a", "command": []}, "command"),
        ({"name": "a", "command": ["x"], "env": {"A": "b"}}, "env"),
        ({"name": "a", "url": "https://a.example", "credential": {"type": "bearer", "token": f"{SECRET}\n"}}, "token"),
        ({"name": "a", "url": "https://a.example", "credential": {"type": "unreadable"}}, "credential"),
        (
            {"name": "a", "url": "https://a.example", "credential": {"type": "bearer", "token": {"file": "gone"}}},
            "gone cannot be read",
        ),
    ],
)
def test_a_wrong_declaration_names_file_and_field_and_no_secret(
    tmp_path: Path, server: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_declarations(write(tmp_path, server))
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "servers: [",
        "servers: 3",
        "- a",
        "other: []",
        "servers: [null]",
        "servers: &a [*a]",
        "servers: [2020-99-99]",
        "servers: [{name: x, url: 'https://a.example', credential: {type: bearer, token: {file: 5}}}]",
    ],
)
def test_a_file_that_is_no_list_of_servers_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "servers.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"servers\.yaml"):
        load_declarations(file)


def test_a_name_stands_once(tmp_path: Path) -> None:
    server = {"name": "twice", "url": "https://a.example/mcp"}
    with pytest.raises(ConfigurationError, match="twice"):
        load_declarations(write(tmp_path, server, server))


def test_the_network_starts_a_service_for_each_server_that_it_presents_itself(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {"name": "remote", "url": "https://a.example/mcp"},
        {"name": "files", "command": ["npx", "server"]},
        {"name": "shop", "openapi": "https://c.example/openapi.json"},
    )
    services = plan(Settings(mcp_servers_file=file, _env_file=None)).services
    names = [service.name for service in services if service.kind == "mcp"]
    assert names[-2:] == ["files", "shop"]
    assert "remote" not in names
