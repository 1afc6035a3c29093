"""A name in a manifest or on the command line that nobody has is refused, with the nearest one."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from agentnet.cli.app import app

runner = CliRunner()
TOOLS = '''
from agents import function_tool

@function_tool
def empty_shelf(shelf: str) -> str:
    """Empty a shelf."""
    return shelf

def helper() -> None:
    """No tool."""
'''


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTNET_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def folder(path: Path, manifest: str = "", tools: str = TOOLS) -> Path:
    path.mkdir(parents=True)
    skills = "skills: [{id: work, name: Work, description: Works.}]"
    (path / "agent.yaml").write_text(f"name: keeper\ndescription: Keeps shelves.\n{skills}\n{manifest}\n")
    (path / "instructions.md").write_text("Work.")
    (path / "tools.py").write_text(tools)
    return path


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (
            "needs_approval: [empty-shelf]",
            "there is no tool 'empty-shelf'. Did you mean 'empty_shelf'?",
        ),
        ("needs_approval: [empty_shelf, rm]", "needs_approval: there is no tool 'rm'"),
        ("not_repeatable: [emptyshelf]", "not_repeatable: there is no tool 'emptyshelf'. Did you mean 'empty_shelf'?"),
        ("needs_approval: [helper]", "there is no tool 'helper'"),
        ("needs_approval: [data_query]", "there is no tool 'data_query'"),
        ("mcp_servers: [knowlege]", "mcp_servers: there is no MCP server 'knowlege'. Did you mean 'knowledge'?"),
        ("mcp_servers: [data, nowhere]", "there is no MCP server 'nowhere'"),
        ("peers: [writter]", "peers: there is no agent 'writter'. Did you mean 'writer'?"),
        ("peers: ['*', keeperr]", "there is no agent 'keeperr'. Did you mean 'keeper'?"),
    ],
)
def test_a_name_in_a_manifest_that_nobody_has_is_told_with_the_nearest(
    tmp_path: Path, manifest: str, said: str
) -> None:
    result = runner.invoke(app, ["agents", "check", str(folder(tmp_path / "keeper", manifest))])
    assert result.exit_code == 2
    assert said in result.stdout
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("TOOLS = [len]", "TOOLS holds len, which is no tool"),
        ("TOOLS = [helper]", "Put @function_tool before `def helper`"),
        ("TOOLS = [empty_shelf, 'x']", "TOOLS holds str, which is no tool"),
        (
            "from agents import FunctionTool\nx = FunctionTool('my tool!', 'Odd.', {}, len, strict_json_schema=False)",
            "the tool 'my tool!' is left out: its name is not one that models take",
        ),
        ("TOOLS = empty_shelf", "TOOLS must be a list"),
        ("again = function_tool(helper, name_override='empty_shelf')", "two tools are named 'empty_shelf'"),
        ("raise ValueError('boom')", "ValueError: boom"),
    ],
)
def test_what_is_no_tool_is_told_with_what_to_do(tmp_path: Path, more: str, said: str) -> None:
    result = runner.invoke(app, ["agents", "check", str(folder(tmp_path / "keeper", tools=f"{TOOLS}\n{more}\n"))])
    assert result.exit_code == 2
    assert said in result.stdout


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "needs_approval: [empty_shelf]",
        "needs_approval: [handoff, delegate]\npeers: ['*']",
        "mcp_servers: [data]\nneeds_approval: [data_query]",
        "peers: [writer, keeper]",
    ],
)
def test_a_folder_whose_names_are_right_is_well(tmp_path: Path, manifest: str) -> None:
    result = runner.invoke(app, ["agents", "check", str(folder(tmp_path / "keeper", manifest))])
    assert (result.exit_code, result.stdout) == (0, "keeper: well\n"), result.output


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Servers that admins of a running network have stored."""
    names: list[str] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v1/mcp/servers"
            body = json.dumps({"servers": [{"name": name} for name in names]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        monkeypatch.setenv("AGENTNET_PORT", str(server.server_port))
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield names
        server.shutdown()
        serving.join()


def test_servers_that_admins_stored_in_a_running_network_are_known(tmp_path: Path, stored: list[str]) -> None:
    path = folder(tmp_path / "keeper", "mcp_servers: [data, crm]\nneeds_approval: [crm_erase]")
    unknown = runner.invoke(app, ["agents", "check", str(path)])
    assert unknown.exit_code == 2
    assert "there is no MCP server 'crm'" in unknown.stdout
    assert unknown.stderr == ""
    stored.append("crm")
    assert runner.invoke(app, ["agents", "check", str(path)]).stdout == "keeper: well\n"
    stored[:] = ["crn"]
    assert "Did you mean 'crn'?" in runner.invoke(app, ["agents", "check", str(path)]).stdout


@pytest.mark.parametrize(("manifest", "asks"), [("mcp_servers: [crm]", True), ("mcp_servers: [data]", False)])
def test_it_is_said_where_no_network_could_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: str, asks: bool
) -> None:
    monkeypatch.setenv("AGENTNET_PORT", "9")
    result = runner.invoke(app, ["agents", "check", str(folder(tmp_path / "keeper", manifest))])
    assert ("could not be asked for: No gateway answers at" in result.stderr) == asks


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "agent", "concierge"], "The network has an agent 'concierge'"),
        (["new", "agent", "writer"], "The network has an agent 'writer'"),
        (["new", "mcp", "data"], "The network has an MCP server 'data'"),
        (["serve", "agent", "keeper"], "--agents DIR or AGENTNET_AGENTS_DIRS"),
        (["serve", "agent", "writter"], "Did you mean 'writer'?"),
        (["serve", "mcp", "stock"], "--servers DIR or AGENTNET_MCP_DIRS"),
        (["serve", "mcp", "knowlege"], "Did you mean 'knowledge'?"),
    ],
)
def test_a_name_on_the_command_line_is_told_with_what_is_possible(arguments: list[str], said: str) -> None:
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not Path("my-agents").exists()


def test_each_folder_is_checked_though_others_are_wrong(tmp_path: Path) -> None:
    names = ["first", "fourth", "second", "third"]
    for name, manifest in zip(names, ["version: [1]", "", "peers: [nobody]", "nonsense: 1"], strict=True):
        path = folder(tmp_path / "all" / name, manifest) / "agent.yaml"
        path.write_text(path.read_text().replace("name: keeper", f"name: {name}"))
    result = runner.invoke(app, ["agents", "check", str(tmp_path / "all")])
    assert result.exit_code == 2
    assert sorted(line.partition(":")[0] for line in result.stdout.splitlines()) == names
    assert "fourth: well" in result.stdout
