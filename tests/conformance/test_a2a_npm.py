"""The npm package @a2a-js/sdk: card, message, stream, through both of its transports."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.conformance.network import UpNetwork

SCRIPT = Path(__file__).with_name("a2a_client.mjs")
TIMEOUT_SECONDS = 360


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
def test_the_javascript_client_reads_the_card_sends_and_streams(network: UpNetwork, node: Path, binding: str) -> None:
    done = subprocess.run(
        [
            str(node),
            str(SCRIPT),
            f"{network.url}/agents/researcher",
            "What does the documentation say about leases?",
            binding,
        ],
        env={"AGENTNET_API_KEY": network.key},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["card"] == "researcher"
    assert seen["skills"] >= 1
    assert seen["state"] == seen["streamedState"] == "TASK_STATE_COMPLETED"
    assert "concepts.md" in seen["text"].lower()
    assert seen["events"][0] == "task"
