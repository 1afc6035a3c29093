"""The settings that `agentnet up` prints, read back from its output and used as the host would use them."""

import json
import time
from pathlib import Path
from typing import Any

from agentnet.cli.network.hosts import SERVER_NAME

HOSTS = ("VS Code", "Cursor", "Claude Desktop")
VARIABLES = ("${input:agentnet-key}", "${env:AGENTNET_API_KEY}")
"""Where each host puts the key; the bridge reads the admin key file by itself."""
LAST_LINE = "Stop it: Ctrl-C"
PRINTED_SECONDS = 30.0
POLL_SECONDS = 0.1


def printed_settings(log: Path, host: str) -> dict[str, Any]:
    """The JSON that stands below the host's heading; the network prints it a moment after it answers."""
    deadline = time.monotonic() + PRINTED_SECONDS
    while LAST_LINE not in (output := log.read_text(errors="replace")):
        assert time.monotonic() < deadline, f"the settings were not printed:\n{output}"
        time.sleep(POLL_SECONDS)
    below = output[output.index(f"\n{host}, ") :]
    settings: dict[str, Any] = json.JSONDecoder().raw_decode(below[below.index("{") :])[0]
    return settings


def inspector_config(settings: dict[str, Any], key: str, directory: Path) -> tuple[str, ...]:
    """Options that let the Inspector start from a host's settings, with the key where the host would put it."""
    servers = settings.get("servers") or settings["mcpServers"]
    # The Inspector wants the type that Cursor reads off the URL.
    typed = {name: {"type": "http" if "url" in server else "stdio"} | server for name, server in servers.items()}
    text = json.dumps({"mcpServers": typed})
    for variable in VARIABLES:
        text = text.replace(json.dumps(variable)[1:-1], key)
    file = directory / "hosts.json"
    file.write_text(text)
    return ("--config", str(file), "--server", SERVER_NAME)
