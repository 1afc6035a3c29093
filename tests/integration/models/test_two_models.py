"""One network, two specialists, two models: a small one on this machine and a large one that wants a key."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentnet.identity.secret import read_key
from agentnet.process.launch import network, with_free_ports
from agentnet.settings import Settings
from agentnet.testing import Call, Decision, OpenAIServer, Request, Scenario, serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

MANIFEST = """
name: {name}
description: {description}
model: {model}
skills: [{{id: work, name: Work, description: "{description}"}}]
peers: ["*"]
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        yield Path(home)


def specialist(folder: Path, name: str, description: str, model: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "agent.yaml").write_text(MANIFEST.format(name=name, description=description, model=model))
    (folder / name / "instructions.md").write_text("Do the work.")


def delegating(request: Request) -> Decision:
    """Hand the work to the thinker, then say what it said."""
    results = [item["output"] for item in request.items if item.get("type") == "function_call_output"]
    if not results:
        return Decision(calls=(Call("delegate", {"agent": "thinker", "message": "Think hard."}),))
    return Decision(text=f"The clerk has it from the thinker: {'deeply' in str(results[-1])}")


async def ask(running_url: str, key: str, agent: str, text: str) -> dict[str, object]:
    headers = {"authorization": f"Bearer {key}", "a2a-version": "1.0"}
    message = {"messageId": f"{agent}-1", "role": "ROLE_USER", "parts": [{"text": text}]}
    async with httpx.AsyncClient(
        base_url=running_url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False
    ) as http:
        answer = await http.post(f"/agents/{agent}/message:send", json={"message": message})
    task: dict[str, object] = answer.json()["task"]
    return task


async def test_a_small_model_here_and_a_large_one_there_work_in_one_network(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LARGE_KEY", "k")
    small = OpenAIServer(Scenario(brain=delegating))
    large = OpenAIServer(Scenario(brain=lambda request: Decision(text="I thought deeply.")))
    specialist(home / "mine", "clerk", "Hands work on.", "small")
    specialist(home / "mine", "thinker", "Thinks hard about anything.", "[large, small]")
    async with serving(small.app) as here, serving(large.app) as there:
        (home / "models.yaml").write_text(f"""
            default: small
            models:
              small: {{base_url: "{here}/v1", model: tiny}}
              large: {{base_url: "{there}/v1", model: huge, key_env: LARGE_KEY}}
        """)
        settings = Settings(
            home=home,
            agents_dirs=[home / "mine"],
            models_file=home / "models.yaml",
            model=None,
            openai_api_key=None,
            openai_base_url=None,
        )
        async with network(with_free_ports(settings), only=["clerk", "thinker"]) as running:
            task = await ask(running.gateway_url, read_key(running.settings) or "", "clerk", "Find out.")
    assert "The clerk has it from the thinker: True" in str(task["artifacts"]), task
    assert {request["model"] for request in small.requests} == {"tiny"}
    assert {request["model"] for request in large.requests} == {"huge"}
    assert (len(small.requests), len(large.requests)) == (2, 1)
