"""Settings as people write them: what is taken, and what is said of the rest."""

import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app
from agentnet.cli.gateway.answers import error_for
from agentnet.errors import ConfigurationError
from agentnet.identity.secret import key_place
from agentnet.process.launch import with_project_docs
from agentnet.settings import (
    Settings,
    example_of,
    load_settings,
    missing_paths,
    misspelt,
    place_of,
    read_settings,
    variable_of,
    variables_of,
)


@pytest.fixture(autouse=True)
def nobody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AGENTNET_") or name in ("DATABASE_URL", "REDIS_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("./docs", ["docs"]),
        ("/a/docs", ["/a/docs"]),
        (f"/a{os.pathsep}/b", ["/a", "/b"]),
        ("/a,/b", ["/a", "/b"]),
        (" /a , /b ,", ["/a", "/b"]),
        ('["/a", "/with, a comma"]', ["/a", "/with, a comma"]),
        (' ["/a"]', ["/a"]),
        ("[]", []),
        ("", []),
        ("~/docs", [str(Path("~/docs").expanduser())]),
    ],
)
@pytest.mark.parametrize("field", ["knowledge_dirs", "data_roots", "agents_dirs", "mcp_dirs"])
def test_a_list_of_folders_is_a_path_or_several_or_a_json_list(
    field: str, written: str, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable_of(field), written)
    assert [str(path) for path in getattr(load_settings(), field)] == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://app.example.com:8443", ["https://app.example.com:8443"]),
        ("https://a.example, https://b.example", ["https://a.example", "https://b.example"]),
        ('["https://a.example"]', ["https://a.example"]),
    ],
)
@pytest.mark.parametrize("field", ["allowed_origins", "allowed_hosts"])
def test_a_list_of_words_is_not_split_at_its_colons(
    field: str, written: str, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable_of(field), written)
    assert getattr(load_settings(), field) == read


WRONG = [
    ("AGENTNET_KNOWLEDGE_DIRS", "[hunter2"),
    ("AGENTNET_DATA_ROOTS", '[{"hunter2": 1}]'),
    ("AGENTNET_ALLOWED_HOSTS", "[1]"),
    ("AGENTNET_PORT", "hunter2"),
    ("AGENTNET_PORT", "99999"),
    ("AGENTNET_REGISTRY_PORT", "-1"),
    ("AGENTNET_DATABASE_POOL", "1"),
    ("AGENTNET_LEASE_SECONDS", "10s"),
    ("AGENTNET_MCP_COMMANDS", "hunter2"),
    ("AGENTNET_LOG_FORMAT", "hunter2"),
    ("AGENTNET_LOG_LEVEL", "hunter2"),
    ("AGENTNET_HOST", "http://hunter2"),
    ("AGENTNET_ADVERTISE_HOST", "hunter2:80/x"),
    ("AGENTNET_PUBLIC_URL", "hunter2"),
    ("AGENTNET_REGISTRY_URL", "ftp://hunter2"),
    ("AGENTNET_RETENTION_DAYS", "0"),
    ("DATABASE_URL", "mysql://hunter2"),
    ("DATABASE_URL", "hunter2"),
    ("AGENTNET_DATABASE_URL", "sqlite:///hunter2"),
    ("REDIS_URL", "http://hunter2"),
    ("OPENAI_BASE_URL", "hunter2:11434"),
]


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_a_wrong_setting_is_named_as_it_is_written_with_an_example_and_without_its_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    result = CliRunner().invoke(app, ["agents"])
    assert result.exit_code == 2
    assert f"{variable}: " in result.stderr
    assert f"Right is, for example, {variable}=" in result.stderr
    assert "hunter2" not in result.output
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_an_example_that_it_takes(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in variables_of(field):
        monkeypatch.setenv(variable, example_of(field))
    assert read_settings()[1] == []
    assert example_of(field) not in ("None", "[]", "")


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_PORT", "x")
    monkeypatch.setenv("DATABASE_URL", "mysql://x")
    monkeypatch.setenv("AGENTNET_CONCURRENCY", "7")
    settings, problems = read_settings()
    assert {problem.variable for problem in problems} == {"AGENTNET_PORT", "DATABASE_URL"}
    assert (settings.port, settings.database_url, settings.concurrency) == (8700, None, 7)


def test_a_wrong_line_of_the_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENTNET_PORT=x\nAGENTNET_PROT=1\n")
    with pytest.raises(ConfigurationError, match="AGENTNET_PORT"):
        load_settings()
    assert misspelt() == {"AGENTNET_PROT": "AGENTNET_PORT"}


@pytest.mark.parametrize("line", ['export OPENAI_API_KEY="abc', "nonsense line", "=x", "A='b", 'A="b" c'])
def test_a_line_of_the_file_that_sets_nothing_is_refused(
    line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text(f"# keys\nAGENTNET_PORT=8701\n{line}\nB=c\n")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read: line 3 sets nothing\.") as caught:
        load_settings()
    assert "abc" not in str(caught.value)
    assert caplog.text == ""


PLACED = {
    "api_key": ("AGENTNET_API_KEY", "ank_000000000000_" + "x" * 43),
    "redis_url": ("REDIS_URL", "redis://127.0.0.1:6379/0"),
    "port": ("AGENTNET_PORT", "8701"),
    "database_url": ("DATABASE_URL", "postgresql://127.0.0.1/x"),
}


@pytest.mark.parametrize("field", PLACED)
def test_a_setting_is_told_with_the_place_that_it_comes_from(
    field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = PLACED[field]
    assert place_of(field) is None
    (tmp_path / ".env").write_text(f"{name}={value}\n")
    assert place_of(field) == f"{name} in {tmp_path / '.env'}"
    monkeypatch.setenv(name, value)
    assert place_of(field) == f"the environment variable {name}"


def test_a_key_of_the_file_is_said_to_be_there(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("{}={}\n".format(*PLACED["api_key"]))
    error = error_for("The API key is not valid.", 401, 1.0)
    assert f"It is AGENTNET_API_KEY in {tmp_path / '.env'}" in (error.hint or "")
    assert key_place(load_settings()) == f"AGENTNET_API_KEY in {tmp_path / '.env'}"


@pytest.mark.parametrize("line", ["AGENTNET_PORT=x", "REDIS_URL=x", "AGENTNET_CONCURRENCY=0"])
def test_a_wrong_line_of_the_file_is_told_with_the_file(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")
    [problem] = read_settings()[1]
    assert f"{line.partition('=')[0]} in {tmp_path / '.env'}: " in str(problem)


def test_what_the_file_names_and_is_not_there_is_told_with_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENTNET_DATA_ROOTS=nowhere\n")
    assert missing_paths(load_settings()) == [(f"AGENTNET_DATA_ROOTS in {tmp_path / '.env'}", Path("nowhere"))]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"AGENTNET_MODEL=\xe9\n")
    result = CliRunner().invoke(app, ["agents"])
    assert result.exit_code == 2
    assert ".env cannot be read" in result.stderr


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("AGENTNET_PROT", "AGENTNET_PORT"),
        ("AGENTNET_KNOWLEDGE_DIR", "AGENTNET_KNOWLEDGE_DIRS"),
        ("AGENTNET_AGENT_DIRS", "AGENTNET_AGENTS_DIRS"),
        ("AGENTNET_LOGLEVEL", "AGENTNET_LOG_LEVEL"),
        ("AGENTNET_OPENAI_API_KEY", "OPENAI_API_KEY"),
        ("agentnet_prot", "AGENTNET_PORT"),
        ("OPENAI_KEY", "OPENAI_API_KEY"),
        ("OPENAI_BASEURL", "OPENAI_BASE_URL"),
        ("OPENAI_API_URL", "OPENAI_BASE_URL"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_one_that_is_meant(
    written: str, meant: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(written, "1")
    load_settings()
    assert f"{written.upper()} is no setting and does nothing. Did you mean {meant}?" in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "AGENTNET_URL",
        "AGENTNET_PUBLISH",
        "AGENTNET_DATABASE_URL",
        "AGENTNET_REGISTRY_SERVICE_HOST",
        "AGENTNET_X",
        "PROT",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_API_VERSION",
        "OPENAI_AGENTS_DISABLE_TRACING",
    ],
)
def test_nobody_is_told_of_variables_that_are_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "postgresql://x")
    assert misspelt() == {}


@pytest.mark.parametrize(
    "variable",
    [
        "AGENTNET_KNOWLEDGE_DIRS",
        "AGENTNET_DATA_ROOTS",
        "AGENTNET_AGENTS_DIRS",
        "AGENTNET_MCP_DIRS",
        "AGENTNET_MCP_SERVERS_FILE",
        "AGENTNET_MCP_PROFILES",
    ],
)
def test_what_is_not_there_is_named_with_its_variable(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "nowhere")
    assert missing_paths(load_settings()) == [(variable, Path("nowhere"))]
    result = CliRunner().invoke(app, ["up"])
    assert result.exit_code == 2
    assert f"{variable} names nowhere, which is not there" in result.stderr


def test_the_doctor_lists_wrong_settings_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_PORT", "x")
    monkeypatch.setenv("AGENTNET_PROT", "x")
    monkeypatch.setenv("AGENTNET_DATA_ROOTS", "nowhere")
    monkeypatch.setenv("AGENTNET_MODEL", "offline")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    for said in ("AGENTNET_PORT: input", "AGENTNET_PROT is no setting", "Did you mean AGENTNET_PORT?", "nowhere"):
        assert said in result.stdout
    assert '"check": "model"' in result.stdout


def test_a_container_is_reached_under_its_own_name_when_told_so() -> None:
    assert Settings(host="0.0.0.0", advertise_host="hostname").reachable_host == socket.gethostname()
    assert Settings(host="0.0.0.0", advertise_host="writer").reachable_host == "writer"
    assert Settings(host="0.0.0.0").reachable_host == "127.0.0.1"


def test_a_network_in_a_checkout_has_the_projects_documents_unless_folders_are_set(tmp_path: Path) -> None:
    [docs] = with_project_docs(Settings()).knowledge_dirs
    assert (docs / "operations.md").is_file()
    assert with_project_docs(Settings(knowledge_dirs=[tmp_path])).knowledge_dirs == [tmp_path]
