import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from agentnet.cli.network.hosts import host_settings
from agentnet.settings import Settings

URL = "http://127.0.0.1:8700"


def test_each_host_gets_the_settings_that_it_reads() -> None:
    code, cursor, desktop = host_settings(Settings.model_construct())
    assert code.settings["servers"]["agentnet"]["type"] == "http"
    assert code.settings["servers"]["agentnet"]["url"] == f"{URL}/mcp"
    assert code.settings["inputs"][0]["password"] is True
    assert cursor.settings["mcpServers"]["agentnet"]["headers"] == {"Authorization": "Bearer ${env:AGENTNET_API_KEY}"}
    assert desktop.settings["mcpServers"]["agentnet"]["args"][-1] == "mcp"
    assert desktop.settings["mcpServers"]["agentnet"]["env"] == {"AGENTNET_URL": URL}


def test_the_command_of_the_bridge_is_there_and_finds_the_key_of_this_network(tmp_path: Path) -> None:
    *_, desktop = host_settings(Settings.model_construct(home=tmp_path))
    server = desktop.settings["mcpServers"]["agentnet"]
    assert Path(server["command"]).is_file()
    assert server["env"]["AGENTNET_HOME"] == str(tmp_path)


@pytest.mark.parametrize("key", [None, SecretStr("ank_000000000000_" + "x" * 43)])
def test_no_key_is_in_the_settings_nor_anything_to_fill_in(key: SecretStr | None) -> None:
    entries = host_settings(Settings.model_construct(api_key=key))
    text = json.dumps([entry.settings for entry in entries])
    assert "ank_" not in text
    assert "<" not in text
    assert ("AGENTNET_API_KEY" in entries[-1].note) is (key is not None)
