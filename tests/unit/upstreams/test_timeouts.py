"""Seconds of tools by name and pattern, and how they are declared."""

from pathlib import Path

import pytest
import yaml

from agentnet.cli.mcp.commands import seconds_by_tool
from agentnet.errors import InvalidInputError
from agentnet.upstreams.declarations import load_declarations
from agentnet.upstreams.timeouts import Timed, Timeouts, limits_in, limits_of, patterns_of, seconds_for


@pytest.mark.parametrize(
    ("tool", "seconds"), [("report", 1.0), ("report_all", 3.0), ("reply", 2.0), ("[x]", 5.0), ("other", None)]
)
def test_a_name_goes_before_a_pattern_and_a_longer_pattern_before_a_shorter(tool: str, seconds: float | None) -> None:
    patterns = patterns_of({"re*": 2, "report": 1, "report_*": 3, "[x]": 5})
    assert seconds_for(tool, patterns) == seconds


def test_a_file_declares_limits_for_each_kind_of_server(tmp_path: Path) -> None:
    limits = {"call_seconds": 20, "timeouts": {"report*": 120}}
    servers = [{"name": "a", "url": "https://a.example/mcp"}, {"name": "b", "command": ["x"]}]
    file = tmp_path / "servers.yaml"
    file.write_text(yaml.safe_dump({"servers": [server | limits for server in servers]}))
    declared = load_declarations(file)
    expected = Timeouts(20.0, (("report*", 120.0),))
    assert [server.limits for server in (*declared.remote, *declared.adapted)] == [expected, expected]


def test_limits_go_through_a_registry_entry_unchanged() -> None:
    timed = Timed(call_seconds=2, timeouts={"a": 1})
    assert limits_in(limits_of(timed)) == timed.limits
    assert limits_of(Timed()) == {}
    assert limits_in({}) == Timeouts()


def test_the_command_line_takes_a_tool_and_its_seconds() -> None:
    assert seconds_by_tool(["report*=120", "a=b=2.5"]) == {"report*": 120.0, "a=b": 2.5}
    assert seconds_by_tool(None) == {}
    with pytest.raises(InvalidInputError, match="TOOL=SECONDS"):
        seconds_by_tool(["report*"])
