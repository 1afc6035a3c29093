"""Which model is meant, by manifest, settings, file and what is installed."""

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agentnet.errors import ConfigurationError
from agentnet.models import is_offline, model_name, no_model
from agentnet.models.endpoints.choice import Wanted, with_fallbacks
from agentnet.settings import Settings

TWO = """
models:
  local: {base_url: "http://127.0.0.1:11434/v1", model: qwen3, fallbacks: [cloud]}
  cloud: {base_url: "https://models.example.com/v1", model: large, fallbacks: [last, local]}
  last: {base_url: "https://other.example.com/v1", model: larger, fallbacks: offline}
"""


@pytest.fixture(autouse=True)
def nobody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith(("AGENTNET_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings(**values: object) -> Settings:
    return Settings.model_validate({"openai_api_key": None, "openai_base_url": None, "model": None, **values})


def declare(text: str = TWO, default: str = "local") -> None:
    Path("models.yaml").write_text(f"default: {default}\n{text}" if default else text)


def test_one_name_brings_its_fallbacks_and_theirs_each_once() -> None:
    declare()
    assert with_fallbacks(settings(), None) == ("local", "cloud", "last", "offline")
    assert with_fallbacks(settings(), "last") == ("last", "offline")


@pytest.mark.parametrize("wanted", ["local, last", ("local", "last"), ["local,last"], ["local", "last", "local"]])
def test_an_order_is_taken_as_it_stands(wanted: Wanted) -> None:
    declare()
    assert with_fallbacks(settings(), wanted) == ("local", "last")
    assert model_name(settings(), wanted) == "local,last"


def test_the_setting_names_an_order_too_and_stands_behind_the_manifest_and_before_the_file() -> None:
    declare()
    assert with_fallbacks(settings(model="last,cloud"), None) == ("last", "cloud")
    assert model_name(settings(model="last,cloud"), "cloud") == "cloud"
    assert model_name(settings()) == "local"
    assert is_offline(settings(model="offline"), "local,cloud")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "offline"),
        ({"openai_api_key": "k"}, "gpt-4.1-mini"),
        ({"openai_api_key": "k", "openai_base_url": "https://api.openai.com/v1/"}, "gpt-4.1-mini"),
        ({"openai_base_url": "http://127.0.0.1:11434/v1"}, "*"),
        ({"openai_base_url": "http://127.0.0.1:11434/v1", "model": "qwen3:8b"}, "qwen3:8b"),
    ],
)
def test_without_a_file_the_short_way_holds(values: dict[str, object], name: str) -> None:
    assert model_name(settings(**values)) == name


def test_the_only_declared_model_is_the_default_and_one_of_several_is_not() -> None:
    declare("models: {mine: {model: x}}", default="")
    assert model_name(settings()) == "mine"
    assert model_name(settings(openai_api_key="k")) == "mine"
    declare(default="")
    assert model_name(settings(openai_api_key="k")) == "gpt-4.1-mini"
    problem = no_model(settings())
    assert str(problem) == (
        "models.yaml declares 3 models, and none of them is the default. Write `default: local` in it, or set "
        "AGENTNET_MODEL."
    )


def test_the_file_may_leave_those_that_name_no_model_offline() -> None:
    declare(default="offline")
    assert is_offline(settings())
    assert model_name(settings(), "cloud") == "cloud"


def test_a_name_that_nothing_has_is_refused_where_a_file_declares_models_and_no_endpoint_takes_it() -> None:
    declare()
    with pytest.raises(ConfigurationError) as caught:
        model_name(settings(), "lokal")
    assert str(caught.value) == "There is no model 'lokal'. Did you mean 'local'?"
    assert str(no_model(settings(model="cloud,lokal"))) == "There is no model 'lokal'. Did you mean 'local'?"
    assert model_name(settings(openai_base_url="http://127.0.0.1:9/v1"), "lokal") == "lokal"


def test_a_fallback_without_its_key_is_found_before_it_is_needed() -> None:
    declare("models:\n  a: {model: x, fallbacks: b}\n  b: {model: y, key_env: NOT_SET}", default="a")
    assert "models.b.key_env: the variable NOT_SET is not set." in str(no_model(settings()))


def test_a_wrong_file_is_told_wherever_a_model_is_asked_for() -> None:
    Path("models.yaml").write_text("models: {}")
    assert "models.yaml: models: must be a mapping of names" in str(no_model(settings()))
    with pytest.raises(ConfigurationError, match="must be a mapping of names"):
        model_name(settings())


@pytest.mark.parametrize(
    "text",
    [
        "models: {m: {model: litellm/anthropic/claude-x}}",
        "models: {m: {model: x, fallbacks: [n]}, n: {model: litellm/a/b}}",
    ],
)
def test_without_litellm_its_models_are_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("agentnet.models.endpoints.choice.find_spec", lambda name: None)
    declare(text, default="m")
    problem = str(no_model(settings()))
    assert "is reached through LiteLLM, which is not installed." in problem
    assert "pip install 'agentnet[litellm]'" in problem
    assert "LiteLLM" in str(no_model(settings(model="litellm/anthropic/claude-x")))


def test_a_declared_name_goes_before_an_installed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = [EntryPoint(name, "offline_model:OfflineModel", "agentnet.models") for name in ("house", "offline")]
    monkeypatch.setattr("agentnet.models.endpoints.installed.entry_points", lambda group: offered)
    declare("models: {house: {model: x, fallbacks: offline}}", default="")
    assert with_fallbacks(settings(), None) == ("house", "offline")
