"""The page on models as somebody would follow it: its lines are taken from it, and played servers answer.

What the lines start is played here: its model is the one that they fetch or load, its context the one that they give.
"""

import re
import shlex
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from agentnet.identity.secret import ADMIN_KEY_FILE
from agentnet.models.check.check import Check
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.choice import with_fallbacks
from agentnet.process.launch import network, with_free_ports
from agentnet.settings import Settings, load_settings
from tests.integration.models.endpoints import (
    ANSWER,
    GEMINI,
    LLAMA_CPP,
    LM_STUDIO,
    OLLAMA,
    VLLM,
    Manner,
    but,
    model,
    played,
)
from tests.patience import PATIENCE_SECONDS
from tests.unit.project.repository import ROOT

pytestmark = pytest.mark.anyio

PAGE = (ROOT / "docs" / "models.md").read_text()
OURS = ("AGENTNET_", "OPENAI_")
"""What variables of the network begin with."""
MANNERS = {"Ollama": OLLAMA, "LM Studio": LM_STUDIO, "vLLM": VLLM, "llama.cpp": LLAMA_CPP, "Gemini": GEMINI}
FETCHED = re.compile(r"(?:ollama pull|lms load|vllm serve|-hf) (\S+)")
CONTEXT = re.compile(r"(?:OLLAMA_CONTEXT_LENGTH=|--context-length |--max-model-len |-c )(\d+)")
KEY = re.compile(r"OPENAI_API_KEY=(\S+)")


def lines_of(server: str) -> str:
    """The block of commands for that server."""
    found = re.search(rf"\*\*{re.escape(server)}\.\*\*.*?```bash\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"the page has no lines for {server}"
    return found[1]


def exported(lines: str) -> dict[str, str]:
    """The variables that the lines set."""
    words = [word for line in lines.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]]
    return dict(word.split("=", 1) for word in words)


def manner_of(server: str, lines: str) -> Manner:
    """The server as the lines start it."""
    manner, fetched, context = MANNERS[server], FETCHED.search(lines), CONTEXT.search(lines)
    if key := KEY.search(lines):
        return but(manner, key=key[1])
    assert fetched and context, lines
    owner = str(manner.entries[0]["owned_by"])
    others = [entry for entry in manner.entries if "embed" in str(entry["id"])]
    return but(manner, entries=[model(fetched[1], owner), *others], kept=int(context[1]))


@asynccontextmanager
async def followed(server: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    """The settings of whoever has followed the page, in an empty folder; the server's host is this machine's."""
    lines = lines_of(server)
    async with played(manner_of(server, lines)) as url:
        root = url.removesuffix(MANNERS[server].base)
        for name, value in exported(lines).items():
            monkeypatch.setenv(name, re.sub(r"^https?://[^/]+", root, value))
        with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
            Path(home).chmod(0o755)  # PostgreSQL runs as a user of its own
            monkeypatch.chdir(home)
            monkeypatch.setenv("AGENTNET_HOME", home)
            yield with_free_ports(load_settings())


@pytest.mark.parametrize("server", MANNERS)
async def test_who_follows_the_page_gets_an_answer(
    server: str, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    async with followed(server, monkeypatch) as settings, network(settings, only=["concierge"]) as running:
        key = (settings.home / ADMIN_KEY_FILE).read_text().strip()
        headers = {"authorization": f"Bearer {key}", "a2a-version": "1.0"}
        message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "What is the answer?"}]}
        async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
            sent = await http.post(f"{running.gateway_url}/agents/concierge/message:send", json={"message": message})
    task = sent.json()["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED", task
    assert ANSWER in str(task["artifacts"])


@pytest.mark.parametrize("server", MANNERS)
async def test_the_doctor_has_nothing_against_what_the_page_says(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with followed(server, monkeypatch) as settings:
        [name] = with_fallbacks(settings, None)
        check = Check(endpoint_of(settings, name))
        findings = [finding async for finding in check.findings()]
    assert all(finding.ok for finding in findings), findings
    assert [finding.check for finding in findings][-1] == "model context"


def test_the_lines_of_every_server_set_nothing_but_what_is_ours() -> None:
    for server in MANNERS:
        assert all(name.startswith(OURS) for name in exported(lines_of(server))), server
