"""The whole network over the true client path: an OpenAI-compatible HTTP server that streams, calls tools and fails."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from agentnet.identity.secret import ADMIN_KEY_FILE
from agentnet.process.launch import RunningNetwork, network, with_free_ports
from agentnet.settings import Settings
from agentnet.testing import Fault, OpenAIServer, Scenario, serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def network_over(server: OpenAIServer, **settings: object) -> AsyncIterator[tuple[RunningNetwork, str]]:
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        async with serving(server.app) as url:
            made = Settings(
                home=Path(home), openai_base_url=f"{url}/v1", model="test-model", openai_api_key=None, **settings
            )
            async with network(with_free_ports(made)) as running:
                yield running, (Path(home) / ADMIN_KEY_FILE).read_text().strip()


async def ask(running: RunningNetwork, key: str, text: str) -> dict[str, object]:
    message = {"messageId": text[:80], "role": "ROLE_USER", "parts": [{"text": text}]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    headers = {"authorization": f"Bearer {key}", "A2A-Version": "1.0"}
    async with httpx.AsyncClient(headers=headers, timeout=360) as http:
        response = await http.post(running.gateway_url + "/", json=body)
    task: dict[str, object] = response.json()["result"]["task"]
    return task


async def test_the_network_works_on_a_model_server_that_often_says_429_and_500() -> None:
    faults = (Fault(every=3, status=429, retry_after=0.01), Fault(every=5, status=500))
    server = OpenAIServer(Scenario(faults=faults))
    async with network_over(server) as (running, key):
        task = await ask(running, key, "What is 15% of 2480? Convert 5 miles to kilometers.")
        assert "TASK_STATE_COMPLETED" in str(task["status"]), task
        assert "372" in str(task["artifacts"])
        assert "8.04" in str(task["artifacts"])
        assert server.faulted
        assert any(request.get("tools") for request in server.requests)
        assert all(request["stream"] for request in server.requests)


async def test_a_model_server_that_only_fails_ends_the_task_with_a_reason() -> None:
    server = OpenAIServer(Scenario(faults=(Fault(every=1, status=401),)))
    async with network_over(server) as (running, key):
        task = await ask(running, key, "What is 15% of 2480?")
        assert "TASK_STATE_FAILED" in str(task["status"])
        assert "model" in str(task["status"])


async def test_a_person_who_waits_for_a_rate_limit_is_told_so_at_the_command_line() -> None:
    server = OpenAIServer(Scenario(faults=(Fault(every=2, status=429, retry_after=1),)))
    async with network_over(server) as (running, key):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agentnet", "ask", "What is 15% of 2480?"),
            env={**os.environ, "AGENTNET_API_KEY": key, "AGENTNET_PORT": str(httpx.URL(running.gateway_url).port)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE_SECONDS * 2):
            output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert "372" in output.decode()
    assert "concierge · model test-model  waiting 1 s: rate limit" in errors.decode()
