"""`agentnet models test` and `compare`, and the doctor's models, as people start them, over played endpoints."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.models.endpoints import LLAMA_CPP, LLAMA_MODEL, OLLAMA, VLLM, but, model, played
from tests.unit.project.repository import ROOT

pytestmark = pytest.mark.anyio


async def agentnet(folder: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run a command in `folder`, on a terminal of 80 columns."""
    ours = {"AGENTNET_HOME": str(folder), "COLUMNS": "80", **variables}
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AGENTNET_", "OPENAI_", "DATABASE_"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agentnet", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder, env=inherited | ours,
    )  # fmt: skip
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_one_model_is_tested_with_its_figures(tmp_path: Path) -> None:
    async with played(OLLAMA) as url:
        code, output, _ = await agentnet(
            tmp_path, "models", "test", "--json", OPENAI_BASE_URL=url, AGENTNET_MODEL="qwen3"
        )
    told = json.loads(output)
    assert code == 0, told
    assert (told["name"], told["ok"], told["tool_call"], told["usage"]) == ("qwen3", True, "called", True)
    assert told["first_token_seconds"] > 0
    assert told["findings"][0]["check"] == "model list"


async def test_a_model_that_is_not_there_ends_the_test_with_1_and_what_to_do(tmp_path: Path) -> None:
    async with played(OLLAMA) as url:
        code, output, _ = await agentnet(tmp_path, "models", "test", "qwen2.5", OPENAI_BASE_URL=url)
    assert code == 1
    assert "AGENTNET_MODEL=qwen3:latest?" in output.replace("\n", " ")


async def test_an_address_to_set_is_never_broken_into_lines(tmp_path: Path) -> None:
    async with played(OLLAMA) as url:
        code, output, _ = await agentnet(tmp_path, "models", "test", "qwen3", OPENAI_BASE_URL=url.removesuffix("/v1"))
    assert code == 1
    assert f"Set OPENAI_BASE_URL={url}, which answers." in output


async def test_models_are_compared_in_a_table_of_80_columns_and_as_json(tmp_path: Path) -> None:
    async with played(but(OLLAMA, kept=4096)) as ollama, played(VLLM) as vllm, played(LLAMA_CPP) as llama:
        (tmp_path / "models.yaml").write_text(
            f"default: small\n"
            f"models:\n"
            f"  small: {{base_url: {llama}, model: {LLAMA_MODEL}}}\n"
            f"  cut: {{base_url: {ollama}, model: qwen3}}\n"
            f"  large: {{base_url: {vllm}, model: Qwen/Qwen3-8B, prices: {{input: 0.4, output: 1.6}}}}\n"
        )
        code, output, errors = await agentnet(tmp_path, "models", "compare")
        _, two, _ = await agentnet(tmp_path, "models", "compare", "small", "large", "--json")
    assert code == 1
    assert max(map(len, output.splitlines())) <= 80
    rows = {line.split()[0]: line for line in output.splitlines() if line.strip()}
    assert list(rows) == ["Model", "small", "cut", "large"]
    assert "32,768" in rows["large"]
    assert "0.4/1.6" in rows["large"]
    assert "4,096" in rows["cut"]
    assert "cut: cut: of a prompt of about" in errors
    assert "OLLAMA_CONTEXT_LENGTH" in errors
    told = json.loads(two)["models"]
    assert [(each["name"], each["ok"]) for each in told] == [("small", True), ("large", True)]


async def test_the_offline_model_has_nothing_to_be_asked(tmp_path: Path) -> None:
    code, _, errors = await agentnet(tmp_path, "models", "test", AGENTNET_MODEL="offline")
    assert code == 2
    assert "runs in this process" in errors


async def test_the_doctor_looks_for_the_model_and_asks_it_nothing_where_told_not_to(tmp_path: Path) -> None:
    asked: list[object] = []

    def refuses(body: object) -> None:
        asked.append(body)

    async with played(but(OLLAMA, refuses=refuses)) as url:
        settings = {"OPENAI_BASE_URL": url, "AGENTNET_MODEL": "qwen3"}
        _, output, _ = await agentnet(tmp_path, "doctor", "--no-call", "--json", **settings)
        unasked = len(asked)
        _, called, _ = await agentnet(tmp_path, "doctor", "--json", **settings)
    checks = [finding["check"] for finding in json.loads(output)["findings"]]
    assert checks[-2:] == ["model list", "model"]
    assert unasked == 0
    assert json.loads(called)["findings"][-1]["check"] == "model context"
    assert len(asked) == 3


@pytest.mark.parametrize("module", ["model_check", "up_model", "model_advice"])
def test_a_check_of_models_stands_on_no_sdk_and_is_there_at_once(module: str) -> None:
    program = f"import sys, agentnet.cli.network.{module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"agents", "openai", "mcp", "a2a", "sqlalchemy", "grpc", "uvicorn"} == set()


PAGE = (ROOT / "docs" / "models.md").read_text()


def printed(command: str) -> str:
    """What the page on models prints of a command."""
    return PAGE.partition(f"`agentnet models {command} NAME")[2].partition("```text\n")[2].partition("```")[0]


def shape(text: str) -> list[str]:
    """Its lines with no address and no figure."""
    return [
        re.sub(r"http://[\d.:]+|\d[\d.,]*(?: (?:ms|s)\b)?", "N", " ".join(line.split())) for line in text.splitlines()
    ]


async def test_the_page_shows_the_tables_as_they_are(tmp_path: Path) -> None:
    ollama = but(OLLAMA, entries=[model("qwen3:8b", "library")], kept=32768)
    async with played(ollama) as small, played(but(VLLM, entries=[model("gpt-5-mini", "vllm")])) as large:
        (tmp_path / "models.yaml").write_text(
            "models:\n"
            f"  small: {{base_url: {small}, model: 'qwen3:8b', context_tokens: 32768}}\n"
            f"  large: {{base_url: {large}, model: gpt-5-mini, prices: {{input: 0.25, output: 2.00}}}}\n"
        )
        wide = {"COLUMNS": "120"}
        _, tested, _ = await agentnet(tmp_path, "models", "test", "small", **wide)
        _, compared, _ = await agentnet(tmp_path, "models", "compare", "small", "large", **wide)
    assert shape(tested) == shape(printed("test"))
    assert shape(compared) == shape(printed("compare"))
