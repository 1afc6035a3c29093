"""Names that the network calls its own: no server has one, wherever it comes from."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from agentnet.errors import ConfigurationError
from agentnet.identity import Principal
from agentnet.manifests.manifest import RESERVED_NAMES
from agentnet.manifests.toolfolders import find_tool_folders
from agentnet.upstreams.declarations import load_declarations
from agentnet.upstreams.server import NewServer
from gateway.http.transport import Headers
from gateway.mcp.upstream.server import UpstreamServer
from gateway.mcp.upstream.servers import Servers

pytestmark = pytest.mark.parametrize("name", sorted(RESERVED_NAMES))


class Stored:
    """A source with servers of these names, from a time when they were not reserved."""

    def __init__(self, *names: str) -> None:
        self._names = names

    async def servers(self, principal: Principal) -> list[UpstreamServer]:
        return [UpstreamServer(name, ("http://127.0.0.1:1/mcp",), "*", "", {}, self) for name in self._names]

    async def credential(self, server: UpstreamServer, principal: Principal) -> Headers:
        return []

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        return False


def test_it_is_not_added(name: str) -> None:
    with pytest.raises(ValidationError, match="a name of the network's own"):
        NewServer(name=name, url="https://a.example/mcp")


@pytest.mark.parametrize("kind", [{"url": "https://a.example/mcp"}, {"command": ["x"]}, {"openapi": "x.json"}])
def test_it_is_not_declared(name: str, kind: dict[str, object], tmp_path: Path) -> None:
    file = tmp_path / "servers.yaml"
    file.write_text(yaml.safe_dump({"servers": [{"name": name} | kind]}))
    with pytest.raises(ConfigurationError, match="a name of the network's own"):
        load_declarations(file)


def test_no_folder_has_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "server.py").touch()
    with pytest.raises(ConfigurationError, match="a name of the network's own"):
        find_tool_folders([tmp_path])


async def test_one_that_is_there_already_is_left_out_and_takes_nothing_from_others(name: str) -> None:
    servers = Servers([Stored(name, "other")])
    assert [server.name for server in await servers.visible(Principal("acme", "key"))] == ["other"]
