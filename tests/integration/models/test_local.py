"""Model servers of this machine: found at the ports they are looked for at, and told with what to set."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse

from agentnet.cli.network.doctor_model import model_findings
from agentnet.cli.network.up_model import model_lines
from agentnet.models.check.local import look
from agentnet.models.check.servers import LLAMA_CPP as LLAMA_CPP_SERVER
from agentnet.models.check.servers import OLLAMA as OLLAMA_SERVER
from agentnet.settings import Settings, read_settings
from agentnet.testing import serving
from tests.integration.models.endpoints import (
    LLAMA_CPP,
    LLAMA_MODEL,
    LM_STUDIO,
    OLLAMA,
    VLLM,
    Manner,
    always,
    but,
    page,
    played,
    speaking,
)
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports

pytestmark = pytest.mark.anyio

PORTS = "agentnet.models.check.local.PORTS"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of somebody who has set nothing, in a folder without files."""
    monkeypatch.chdir(tmp_path)
    return Settings(home=tmp_path, model=None, openai_api_key=None, openai_base_url=None, models_file=None)


@asynccontextmanager
async def all_played(*manners: Manner) -> AsyncIterator[list[str]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(played(manner)) for manner in manners]


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


async def test_servers_are_found_in_the_order_of_their_ports_each_with_what_to_set() -> None:
    async with all_played(OLLAMA, LM_STUDIO, LLAMA_CPP) as urls:
        found = await look(ports=[*map(port_of, urls)], seconds=PATIENCE_SECONDS)
    assert [server.server.name for server in found] == ["Ollama", "LM Studio", "llama.cpp"]
    assert [server.lines for server in found] == [
        f"OPENAI_BASE_URL={urls[0]} AGENTNET_MODEL=qwen3:latest",
        f"OPENAI_BASE_URL={urls[1]} AGENTNET_MODEL=qwen/qwen3-8b",
        f"OPENAI_BASE_URL={urls[2]} AGENTNET_MODEL={LLAMA_MODEL}",
    ]


async def test_what_lists_no_models_is_no_model_server() -> None:
    others = (page("Tomcat"), lambda _: JSONResponse({"status": "UP"}), lambda _: JSONResponse({"data": [1, 2]}))
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(always(other))) for other in others]
        urls.append(await stack.enter_async_context(speaking(b"SSH-2.0-OpenSSH_9.6\r\n")))
        ports = [*map(port_of, urls), *free_ports(1)]
        assert await look(ports=ports, seconds=PATIENCE_SECONDS) == []


async def test_one_that_is_silent_is_not_waited_for() -> None:
    async with speaking(b"") as silent, played(VLLM) as url:
        [found] = await look(ports=[port_of(silent), port_of(url)], seconds=2.0)
    assert found.base_url == url


async def test_this_networks_own_ports_are_not_looked_at() -> None:
    async with played(VLLM) as url:
        assert await look([port_of(url)], ports=[port_of(url)], seconds=PATIENCE_SECONDS) == []


async def test_names_that_a_server_gives_are_fit_for_a_shell_and_a_terminal() -> None:
    entry = {"id": "a b\x1b[31m; rm", "object": "model"}
    async with played(but(VLLM, entries=[entry])) as url:
        [found] = await look(ports=[port_of(url)], seconds=PATIENCE_SECONDS)
    assert found.lines == f"OPENAI_BASE_URL={url} AGENTNET_MODEL='a b [31m; rm'"


async def test_the_doctor_and_up_tell_of_a_server_of_this_machine_and_do_not_use_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(OLLAMA) as url:
        monkeypatch.setattr(PORTS, {port_of(url): OLLAMA_SERVER})
        monkeypatch.setattr("agentnet.models.check.local.LOOK_SECONDS", PATIENCE_SECONDS)
        findings = [finding async for finding in model_findings(settings)]
        lines = await model_lines(settings)
    to_set = f"To use it, set OPENAI_BASE_URL={url} AGENTNET_MODEL=qwen3:latest"
    answers = f"Ollama answers at {url}: qwen3:latest, llama3.2:3b"
    assert [(finding.check, finding.ok) for finding in findings] == [("model", True), ("local model", True)]
    assert "offline" in findings[0].found
    assert (findings[1].found, findings[1].todo) == (answers, to_set)
    assert lines == [
        "The model: the built-in offline model, which has rules and is no language model.",
        f"{answers}. {to_set}",
    ]


async def test_who_wants_the_offline_model_is_told_of_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(LLAMA_CPP) as url:
        monkeypatch.setattr(PORTS, {port_of(url): LLAMA_CPP_SERVER})
        offline = settings.model_copy(update={"model": "offline"})
        assert len([finding async for finding in model_findings(offline)]) == 1
        assert len(await model_lines(offline)) == 1


async def test_up_says_which_model_where_by_which_api_and_its_context(settings: Settings) -> None:
    async with played(VLLM) as url:
        named = settings.model_copy(update={"openai_base_url": url, "model": "Qwen/Qwen3-8B"})
        unnamed = settings.model_copy(update={"openai_base_url": url})
        wrong = settings.model_copy(update={"openai_base_url": url, "model": "gpt-4.1-mini"})
        said = [(await model_lines(each))[0] for each in (named, unnamed, wrong)]
    where = f"at {url}, by Chat Completions, context"
    assert said[0] == f"The model: Qwen/Qwen3-8B {where} 32,768."
    assert said[1] == f"The model: Qwen/Qwen3-8B {where} 32,768."
    assert said[2].startswith(f"The model: gpt-4.1-mini {where} not known. But gpt-4.1-mini is not there;")


async def test_up_says_that_a_models_server_does_not_answer_and_goes_on(settings: Settings) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/v1"
    lines = await model_lines(settings.model_copy(update={"openai_base_url": url, "model": "qwen3"}))
    assert lines == [
        f"The model: qwen3 at {url}, by Chat Completions, context not known. "
        "But it has nothing that listens there: `agentnet doctor` says more."
    ]


async def test_up_says_what_stands_in_for_a_declared_model(settings: Settings, tmp_path: Path) -> None:
    async with played(OLLAMA) as url:
        (tmp_path / "models.yaml").write_text(
            f"default: local\n"
            f"models:\n"
            f"  local: {{base_url: {url}, model: qwen3, context_tokens: 16384, fallbacks: [cloud]}}\n"
            f"  cloud: {{base_url: {url}, model: llama3.2:3b}}\n"
        )
        lines = await model_lines(settings)
        findings = [finding async for finding in model_findings(settings)]
    assert lines == [f"The model: local (qwen3) at {url}, by Chat Completions, context 16,384; then cloud."]
    assert all(finding.ok for finding in findings), findings
    checks = [finding.check for finding in findings]
    assert "model call (local)" in checks
    assert "model (cloud)" in checks
    assert "model call (cloud)" not in checks


async def test_the_doctor_says_what_an_address_without_a_scheme_should_be(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(OLLAMA) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url.removeprefix("http://"))
        _, problems = read_settings()
        [finding] = [finding async for finding in model_findings(settings, problems)]
    assert (finding.ok, finding.todo) == (False, f"Set OPENAI_BASE_URL={url}, which answers.")


async def test_the_doctor_finds_a_key_that_cannot_be_one_without_asking_anybody(settings: Settings) -> None:
    keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-…")})
    [finding] = [finding async for finding in model_findings(keyed)]
    assert not finding.ok
    assert "OPENAI_API_KEY" in finding.found
