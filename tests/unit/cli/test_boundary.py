from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app
from agentnet.manifests.manifest import load_specialist

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGENTNET_PORT", "1")  # nobody listens there
    for name in ("AGENTNET_URL", "AGENTNET_API_KEY", "AGENTNET_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ask", "hi", "--file", "nowhere.csv"], "nowhere.csv cannot be read: No such file"),
        (["ask", "hi", "--no-start"], "No gateway answers at http://127.0.0.1:1"),
        (["ask", "hi", "--url", "http://127.0.0.1:1"], "No gateway answers"),
        (["ask", "hi", "--url", "localhost:1"], "not the URL of a gateway"),
        (["ask", "  "], "nothing to ask"),
        (["agents"], "No gateway answers"),
        (["watch", "x"], "There is no task 'x'"),
        (["keys", "show-admin"], "There is no admin key"),
        (["up", "--agents", "nowhere"], "nowhere is not a folder"),
        (["up", "--only", "knowlege"], "Did you mean 'knowledge'?"),
        (["new", "agent", "My Agent"], "is not a name for an agent"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_2(arguments: list[str], told: str) -> None:
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert told in last
    assert last.startswith("Error: ")
    assert "Traceback" not in result.output


def test_a_bad_manifest_is_named_with_its_file_and_key(tmp_path: Path) -> None:
    folder = tmp_path / "agents" / "mine"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text("name: mine\ndescription: x\nskils: []\n")
    result = runner.invoke(app, ["up", "--agents", str(tmp_path / "agents")])
    assert result.exit_code == 2
    assert "agent.yaml" in result.stderr
    assert "Did you mean 'skills'?" in result.stderr


def test_the_unexpected_is_one_line_and_exit_code_70(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr("agentnet.manifests.manifest.manifest_schema", broken)
    result = runner.invoke(app, ["schema"])
    assert result.exit_code == 70
    assert result.stderr.strip().count("\n") == 0
    assert "a wheel came off" in result.stderr
    assert "AGENTNET_LOG_LEVEL=DEBUG" in result.stderr


def test_wrong_settings_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_PORT", "hunter2")
    result = runner.invoke(app, ["agents"])
    assert result.exit_code == 2
    assert "AGENTNET_PORT" in result.stderr
    assert "hunter2" not in result.stderr


def test_a_new_agent_loads_and_is_never_overwritten(tmp_path: Path) -> None:
    assert runner.invoke(app, ["new", "agent", "counter", "--dir", "mine"]).exit_code == 0
    specialist = load_specialist(tmp_path / "mine" / "counter")
    assert specialist.name == "counter"
    assert specialist.tools_file is not None
    first_line = (tmp_path / "mine/counter/agent.yaml").read_text().splitlines()[0]
    schema = first_line.removeprefix("# yaml-language-server: $schema=")
    assert (tmp_path / "mine/counter" / schema).is_file()
    again = runner.invoke(app, ["new", "agent", "counter", "--dir", "mine"])
    assert again.exit_code == 2
    assert "already there" in again.stderr


def test_the_tool_of_a_new_agent_works(tmp_path: Path) -> None:
    runner.invoke(app, ["new", "agent", "counter", "--dir", "mine"])
    names: dict[str, object] = {}
    exec((tmp_path / "mine/counter/tools.py").read_text(), names)
    from agents import FunctionTool

    [tool] = [value for value in names.values() if isinstance(value, FunctionTool)]
    assert tool.name == "count_words"
    assert "text" in tool.params_json_schema["properties"]


def test_the_schema_is_json_schema() -> None:
    import json

    import jsonschema

    schema = json.loads(runner.invoke(app, ["schema"]).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_generated_key_is_one_that_can_be_stored() -> None:
    from agentnet.identity.keys import parse_key

    assert parse_key(runner.invoke(app, ["keys", "generate"]).stdout.strip()) is not None


def test_the_admin_key_is_shown_on_request(home: Path) -> None:
    home.mkdir()
    (home / "admin.key").write_text("ank_0_secret\n")
    assert runner.invoke(app, ["keys", "show-admin"]).stdout == "ank_0_secret\n"
