"""`agentnet models`: what it lists, and what it never shows."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app
from agentnet.cli.network.litellm_check import check_of, tokens_of_check
from agentnet.models.check.finding import Advice
from agentnet.models.endpoints.endpoint import Endpoint
from tests.unit.project.repository import ROOT

FILE = """
default: local
models:
  local:
    base_url: http://127.0.0.1:11434/v1
    model: qwen3:8b
    context_tokens: 32768
    fallbacks: [cloud]
  cloud:
    model: gpt-5-mini
    key_env: CLOUD_KEY
    prices: {input: 0.25, output: 2}
  whatever: {base_url: "https://generativelanguage.googleapis.com/v1beta/openai", key_file: gemini.key}
"""


@pytest.fixture(autouse=True)
def nobody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith(("AGENTNET_", "OPENAI_", "CLOUD_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def listed(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["models", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    told["by name"] = {model["name"]: model for model in told["models"]}
    return told


def test_without_anything_the_offline_model_is_the_default() -> None:
    told = listed()
    assert told["default"] == ["offline"]
    assert told["by name"]["offline"]["where"] == "installed"
    assert told["by name"]["offline"]["default"] is True
    assert told["file"] is None
    assert listed("list")["models"] == told["models"]


def test_the_models_of_the_file_are_listed_without_their_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("models.yaml").write_text(FILE)
    (tmp_path / "gemini.key").write_text("hunter2")
    monkeypatch.setenv("CLOUD_KEY", "hunter2")
    told = listed()
    assert "hunter2" not in json.dumps(told)
    local, cloud, whatever = (told["by name"][name] for name in ("local", "cloud", "whatever"))
    assert told["default"] == ["local", "cloud"]
    assert (local["where"], local["model"], local["api"]) == ("http://127.0.0.1:11434/v1", "qwen3:8b", "chat")
    assert (local["context_tokens"], local["concurrency"], local["key"]) == (32768, 1, "none")
    assert local["default"] is True
    assert (cloud["where"], cloud["api"]) == ("https://api.openai.com/v1", "responses")
    assert (cloud["key"], cloud["key_from"], cloud["default"]) == ("set", "CLOUD_KEY", False)
    assert cloud["prices"] == {"input": 0.25, "cached_input": None, "output": 2.0}
    assert (whatever["model"], whatever["key"], whatever["key_from"]) == (None, "set", "gemini.key")


def test_the_table_fits_eighty_columns_and_says_what_stands_in_for_what(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("models.yaml").write_text(FILE)
    (tmp_path / "gemini.key").write_text("hunter2")
    monkeypatch.setenv("CLOUD_KEY", "hunter2")
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "Default: local, then cloud."
    words = " ".join(result.stdout.split())
    assert "local *" in words
    assert "qwen3:8b at" in words
    assert "32,768" in words
    assert "0.25/2" in words
    assert "hunter2" not in result.output


def test_a_key_that_is_missing_is_said_and_the_others_are_listed() -> None:
    Path("models.yaml").write_text(FILE)
    told = listed()
    assert told["default"] == []
    assert told["by name"]["cloud"]["key"] == "missing"
    assert "the variable CLOUD_KEY is not set" in told["by name"]["cloud"]["problem"]
    assert told["by name"]["local"]["key"] == "none"
    assert "the variable CLOUD_KEY is not set" in told["problem"]
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 0
    assert "No default." in result.stdout
    assert "gemini.key cannot be read" in result.stderr


def test_the_short_way_is_listed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    told = listed()
    assert told["default"] == ["*"]
    assert told["by name"]["*"]["model"] is None
    assert "the only one *" in CliRunner().invoke(app, ["models"]).stdout
    monkeypatch.setenv("AGENTNET_MODEL", "qwen3:8b,offline")
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    told = listed()
    assert told["default"] == ["qwen3:8b", "offline"]
    assert (told["by name"]["qwen3:8b"]["key"], told["by name"]["qwen3:8b"]["key_from"]) == ("set", "OPENAI_API_KEY")


def test_the_endpoint_of_the_settings_is_listed_beside_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("models.yaml").write_text('models: {mine: {base_url: "http://127.0.0.1:8000/v1", model: x}}')
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    told = listed()
    assert told["default"] == ["mine"]
    assert told["by name"]["gpt-4.1-mini"]["where"] == "https://api.openai.com/v1"
    monkeypatch.setenv("AGENTNET_MODEL", "offline")
    told = listed()
    assert told["default"] == ["offline"]
    assert {"mine", "gpt-4.1-mini", "offline"} <= told["by name"].keys()


def test_a_wrong_file_is_one_line_and_exit_code_2() -> None:
    Path("models.yaml").write_text("models: {m: {base_ulr: x}}")
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 2
    assert result.stderr == "Error: models.yaml: models.m.base_ulr: unknown key. Did you mean 'base_url'?\n"


def test_the_schema_of_the_file_is_printed() -> None:
    result = CliRunner().invoke(app, ["schema", "models"])
    assert json.loads(result.stdout)["$id"].endswith("/models.schema.json")
    assert json.loads(CliRunner().invoke(app, ["schema"]).stdout)["$id"].endswith("/agent.schema.json")
    wrong = CliRunner().invoke(app, ["schema", "cards"])
    assert wrong.exit_code == 2
    assert "There is no schema of 'cards'. There are: agent, models." in wrong.stderr


def test_a_model_that_nothing_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    Path("models.yaml").write_text(FILE.replace("key_env: CLOUD_KEY", "context_tokens: 4096"))
    folder = tmp_path / "mine" / "helper"
    folder.mkdir(parents=True)
    manifest = "name: helper\ndescription: Helps.\nmodel: [cloud, lokal]\nskills: [{id: a, name: A, description: A.}]\n"
    (folder / "agent.yaml").write_text(manifest)
    (folder / "instructions.md").write_text("Help.")
    checked = CliRunner().invoke(app, ["agents", "check", "mine"])
    assert checked.exit_code == 2
    assert "agent.yaml: model: there is no model 'lokal'. Did you mean 'local'?" in checked.stdout
    started = CliRunner().invoke(app, ["up", "--agents", "mine", "--only", "helper"])
    assert started.exit_code == 2
    assert "agent.yaml: model: there is no model 'lokal'. Did you mean 'local'?" in started.stderr


@pytest.mark.anyio
async def test_without_litellm_the_check_of_its_models_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.models.endpoints.choice.find_spec", lambda name: None)
    endpoint = Endpoint(name="claude", model="litellm/anthropic/claude-x", base_url="")
    check = check_of(endpoint, call=True, advice=Advice(), say=None, own_ports=())
    [found] = [finding async for finding in check.findings()]
    assert not found.ok
    assert "is reached through LiteLLM, which is not installed" in found.found
    assert "pip install 'agentnet[litellm]'" in found.todo
    assert tokens_of_check(endpoint) < tokens_of_check(Endpoint(name="m", model="m", base_url="http://127.0.0.1:1/v1"))


PAGE = (ROOT / "docs" / "models.md").read_text()


def test_the_page_shows_the_list_of_its_own_file_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = PAGE.partition("`agentnet models list`, or")[2].partition("```text\n")[2].partition("```")[0]
    Path("models.yaml").write_text(PAGE.partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/anthropic.key").write_text("hunter2")
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    monkeypatch.setenv("COLUMNS", "120")
    result = CliRunner().invoke(app, ["models", "list"])
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert "\n".join(lines).strip() == shown.strip()


def test_what_a_model_takes_is_told_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("models.yaml").write_text(
        "models:\n"
        "  sees: {base_url: 'http://127.0.0.1:8000/v1', model: a, takes: [image]}\n"
        "  reads: {base_url: 'http://127.0.0.1:8000/v1', model: b}\n"
        "  cloud: {model: gpt-5-mini}\n"
        "  words: {model: gpt-5-mini, takes: []}\n"
    )
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    told = listed()["by name"]
    found = {name: told[name]["takes"] for name in ("sees", "reads", "cloud", "words", "offline")}
    assert found == {"sees": ["image"], "reads": [], "cloud": ["file", "image"], "words": [], "offline": []}
