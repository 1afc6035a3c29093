"""What a manifest asks of answers and of the model is checked at the start, with the place and what would be right."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from agents import ModelSettings

from agentnet.errors import ManifestError
from agentnet.manifests.manifest import Specialist, load_specialist, manifest_schema
from agentnet.runs.definition import build_agent

PLAIN = {"name": "own", "description": "d", "skills": [{"id": "s", "name": "S", "description": "d"}]}
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def loaded(folder: Path, files: dict[str, str] | None = None, **keys: Any) -> Specialist:
    (folder / "instructions.md").write_text("Help.")
    for name, text in (files or {}).items():
        (folder / name).write_text(text)
    (folder / "agent.yaml").write_text(yaml.safe_dump(PLAIN | keys, sort_keys=False))
    return load_specialist(folder)


@pytest.mark.parametrize("name", ["form.json", "form.yaml"])
def test_the_schema_stands_in_the_manifest_or_in_a_file(tmp_path: Path, name: str) -> None:
    inline = loaded(tmp_path, output_schema=OBJECT)
    assert inline.output_schema == OBJECT
    text = json.dumps(OBJECT) if name.endswith("json") else yaml.safe_dump(OBJECT)
    beside = loaded(tmp_path, {name: text}, output_schema=name)
    assert beside.output_schema == OBJECT
    changed = loaded(tmp_path, {name: text + " "}, output_schema=name)
    assert changed.definition != beside.definition, "a task in flight is bound to the form of its answer"


@pytest.mark.parametrize(
    ("schema", "files", "said"),
    [
        ({"type": "objekt"}, {}, "output_schema: type: 'objekt' is no type; there are: array, boolean"),
        ({"type": "object", "properties": {"a": {"type": "str"}}}, {}, "properties.a.type: 'str' is no type"),
        ({"type": "object", "properties": []}, {}, "output_schema: properties: [] is not of type 'object'"),
        ({"type": "object", "required": "a"}, {}, "output_schema: required: 'a' is not of type 'array'"),
        ({"$ref": "#/$defs/none"}, {}, "$ref: '#/$defs/none' leads nowhere"),
        ({"$ref": "https://example.com/x.json"}, {}, "$ref: 'https://example.com/x.json' leads nowhere"),
        ("none.json", {}, "none.json cannot be read: No such file or directory"),
        ("../x.json", {}, "'../x.json' lies outside the folder"),
        ("form.json", {"form.json": "{"}, "form.json is neither JSON nor YAML"),
        ("form.json", {"form.json": "[1]"}, "form.json: a JSON Schema is an object"),
        (7, {}, "output_schema"),
        ({"type": "object", "description": "d" * 40_000}, {}, "the limit is 32000"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(
    tmp_path: Path, schema: Any, files: dict[str, str], said: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        loaded(tmp_path, files, output_schema=schema)
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_an_executor_of_the_folders_own_gives_no_form(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"output_schema: executor\.py makes the answers"):
        loaded(tmp_path, {"executor.py": ""}, output_schema=OBJECT)


def test_the_form_is_part_of_the_agent(tmp_path: Path) -> None:
    agent = build_agent(loaded(tmp_path, output_schema=OBJECT), "m", ModelSettings(), "Help.")
    assert agent.output_type is not None
    assert isinstance(agent.instructions, str)
    assert agent.instructions.startswith("Help.\n\n")
    assert json.dumps(OBJECT) in agent.instructions
    assert build_agent(loaded(tmp_path), "m", ModelSettings(), "Help.").output_type is None


def test_a_pattern_that_is_not_checked_is_told_with_the_file(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}
    with pytest.raises(ManifestError, match=r"agent\.yaml: output_schema: pattern: '\(\?=x\)'"):
        build_agent(loaded(tmp_path, output_schema=schema), "m", ModelSettings(), "Help.")


@pytest.mark.parametrize(
    "reasoning", ["low", {"effort": "low"}, {"effort": "low", "summary": "auto"}], ids=["word", "effort", "summary"]
)
def test_settings_reach_the_model_beside_those_of_the_network(tmp_path: Path, reasoning: Any) -> None:
    asked = {
        "reasoning": reasoning,
        "temperature": 0,
        "top_p": 0.5,
        "frequency_penalty": 1,
        "presence_penalty": -1,
        "seed": 7,
        "stop": ["END"],
        "verbosity": "low",
        "parallel_tool_calls": False,
        "extra_body": {"top_k": 20, "chat_template_kwargs": {"enable_thinking": False}},
    }
    ours = ModelSettings(include_usage=True, max_tokens=4096)
    settings = build_agent(loaded(tmp_path, model_settings=asked), "m", ours, "Help.").model_settings
    assert (settings.include_usage, settings.max_tokens) == (True, 4096)
    assert settings.reasoning is not None
    assert settings.reasoning.effort == "low"
    assert (settings.temperature, settings.top_p, settings.verbosity) == (0, 0.5, "low")
    assert (settings.frequency_penalty, settings.presence_penalty) == (1, -1)
    assert settings.parallel_tool_calls is False
    body = {"seed": 7, "stop": ["END"], "top_k": 20, "chat_template_kwargs": {"enable_thinking": False}}
    assert settings.extra_body == body


def test_without_any_nothing_is_sent_that_was_not_sent_before(tmp_path: Path) -> None:
    ours = ModelSettings(include_usage=True)
    assert build_agent(loaded(tmp_path), "m", ours, "Help.").model_settings == ours


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temprature": 1}, "model_settings.temprature: unknown key. Did you mean 'temperature'?"),
        ({"temperature": 3}, "model_settings.temperature: input should be less than or equal to 2"),
        ({"temperature": "hot"}, "model_settings.temperature"),
        ({"seed": 1.5}, "model_settings.seed"),
        ({"reasoning": "lots"}, "model_settings.reasoning.effort: input should be 'none', 'minimal', 'low'"),
        ({"reasoning": {"efort": "low"}}, "model_settings.reasoning.efort: unknown key. Did you mean 'effort'?"),
        ({"extra_body": {"model": "other"}}, "extra_body may not hold model: the network fills it itself"),
        ({"extra_body": {"stream": False, "tools": []}}, "extra_body may not hold stream, tools"),
        ({"extra_body": {"temperature": 1}}, "extra_body holds temperature, which is a setting beside it"),
        ({"extra_body": {"x": "y" * 9_000}}, "the limit is 8000"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(tmp_path: Path, settings: Any, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        loaded(tmp_path, model_settings=settings)
    assert said in str(caught.value)


def test_reasoning_effort_is_taken_by_the_name_of_chat_completions(tmp_path: Path) -> None:
    agent = build_agent(loaded(tmp_path, model_settings={"reasoning_effort": "high"}), "m", ModelSettings(), "Help.")
    assert agent.model_settings.reasoning is not None
    assert agent.model_settings.reasoning.effort == "high"


def test_the_published_schema_has_both() -> None:
    assert {"output_schema", "model_settings"} <= manifest_schema()["properties"].keys()
