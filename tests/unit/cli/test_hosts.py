import json

from agentnet.cli.network.hosts import host_settings

URL = "http://127.0.0.1:8700"


def test_each_host_gets_the_settings_that_it_reads() -> None:
    code, cursor, desktop = host_settings(URL)
    assert code.settings["servers"]["agentnet"]["type"] == "http"
    assert code.settings["servers"]["agentnet"]["url"] == f"{URL}/mcp"
    assert code.settings["inputs"][0]["password"] is True
    assert cursor.settings["mcpServers"]["agentnet"]["headers"] == {"Authorization": "Bearer ${env:AGENTNET_API_KEY}"}
    assert desktop.settings["mcpServers"]["agentnet"]["args"] == ["-m", "agentnet", "mcp"]
    assert desktop.settings["mcpServers"]["agentnet"]["env"]["AGENTNET_URL"] == URL


def test_no_key_is_in_the_settings() -> None:
    assert "ank_" not in json.dumps([entry.settings for entry in host_settings(URL)])
