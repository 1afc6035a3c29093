"""What a manifest says of its model, and what is said where it cannot be run."""

import os
from pathlib import Path

import pytest

from agentnet.errors import ConfigurationError, ManifestError
from agentnet.manifests.manifest import Specialist, load_specialist
from agentnet.process.launch import plan
from agentnet.process.modelnames import check_models, wrong_models
from agentnet.settings import Settings

MODELS = """
models:
  local: {base_url: "http://127.0.0.1:11434/v1", model: qwen3}
  cloud: {base_url: "https://models.example.com/v1", model: large, key_env: NOT_SET}
"""


@pytest.fixture(autouse=True)
def nobody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith(("AGENTNET_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings(**values: object) -> Settings:
    return Settings.model_validate({"openai_api_key": None, "openai_base_url": None, "model": None, **values})


def specialist(model: str | None, name: str = "helper") -> Specialist:
    folder = Path("agents") / name
    folder.mkdir(parents=True, exist_ok=True)
    line = "" if model is None else f"model: {model}\n"
    skills = "skills: [{id: help, name: Help, description: Helps.}]\n"
    (folder / "agent.yaml").write_text(f"name: {name}\ndescription: Helps.\n{line}{skills}")
    (folder / "instructions.md").write_text("Help.")
    return load_specialist(folder)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (None, ()),
        ("null", ()),
        ("gpt-5", ("gpt-5",)),
        ("'local, cloud'", ("local", "cloud")),
        ("[local, cloud]", ("local", "cloud")),
        ("[' local ']", ("local",)),
    ],
)
def test_a_manifest_names_one_model_or_an_order(written: str | None, names: tuple[str, ...]) -> None:
    assert specialist(written).manifest.model == names


@pytest.mark.parametrize("written", ["3", "{name: x}", "[1]", "['']", "'a,,b'", "true"])
def test_what_is_no_model_is_refused_with_what_would_be_one(written: str) -> None:
    with pytest.raises(ManifestError) as caught:
        specialist(written)
    assert "model: must be the name of a model, or a list of names in the order of fallbacks." in str(caught.value)


def test_more_models_than_make_sense_are_refused() -> None:
    with pytest.raises(ManifestError, match="model: "):
        specialist(f"[{', '.join(f'm{number}' for number in range(9))}]")


def test_a_model_that_cannot_be_asked_is_said_with_its_manifest() -> None:
    Path("models.yaml").write_text(f"default: local\n{MODELS}")
    found = [specialist(None, "plain"), specialist("lokal", "typo"), specialist("[local, cloud]", "keyless")]
    typo, keyless = map(str, wrong_models(settings(), found))
    assert typo == "agents/typo/agent.yaml: model: there is no model 'lokal'. Did you mean 'local'?"
    assert keyless == (
        "agents/keyless/agent.yaml: model: models.yaml: models.cloud.key_env: the variable NOT_SET is not set. "
        "Set NOT_SET, here or in .env."
    )
    with pytest.raises(ManifestError, match="agents/typo"):
        check_models(settings(), found)


def test_what_no_manifest_says_is_wrong_once_and_in_none_of_them() -> None:
    Path("models.yaml").write_text(MODELS)
    [problem] = wrong_models(settings(), [specialist(None, "one"), specialist(None, "two")])
    assert not isinstance(problem, ManifestError)
    assert "models.yaml declares 2 models, and none of them is the default." in str(problem)


def test_a_folder_with_its_own_executor_needs_no_model() -> None:
    Path("models.yaml").write_text(MODELS)
    specialist("lokal")
    (Path("agents") / "helper" / "executor.py").write_text("")
    assert not [*wrong_models(settings(), [load_specialist(Path("agents/helper"))])]


def test_without_any_model_a_network_is_still_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.models.endpoints.installed.entry_points", lambda group: ())
    assert not [*wrong_models(settings(), [specialist("anything")])]


def test_a_plan_looks_at_those_that_it_runs_alone() -> None:
    Path("models.yaml").write_text(f"default: local\n{MODELS}")
    specialist("lokal")
    made = settings(agents_dirs=[Path("agents")])
    with pytest.raises(ConfigurationError, match="there is no model 'lokal'"):
        plan(made)
    assert plan(made, ["writer"]).services
