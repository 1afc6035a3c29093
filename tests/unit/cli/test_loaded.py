"""What a command has in memory when it ends: a second of imports is a second for whoever waits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
sys.argv = ["agentnet", *{arguments!r}]
from agentnet.cli import main
try:
    main()
finally:
    print("imported:", *sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
NOBODY = "http://127.0.0.1:9"
SERVICES = {"agents", "asyncpg", "cryptography", "grpc", "mcp", "openai", "redis", "sqlalchemy", "starlette", "uvicorn"}
"""What only services need, by the names of the packages."""
LISTS = SERVICES | {"a2a", "click", "google", "pygments"}
AS_JSON = LISTS | {"rich"}
COMMANDS = {
    ("agents", "--json"): AS_JSON,
    ("agents",): LISTS,
    ("tasks", "--json"): AS_JSON,
    ("tasks",): LISTS,
    ("card", "writer"): AS_JSON,
    ("keys", "list"): LISTS,
    ("retention", "show"): LISTS,
    ("push", "list"): LISTS,
    ("mcp", "servers", "list"): LISTS,
    ("mcp", "profiles", "list"): LISTS,
    ("watch", "00000000-0000-0000-0000-000000000000"): SERVICES - {"starlette"},
    ("ask", "anything", "--no-start"): SERVICES - {"starlette"},
}
"""Commands that ask a gateway, and what they do without; a2a-sdk's types bring Starlette along."""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_imports_nothing_that_it_does_not_need(command: tuple[str, ...], tmp_path: Path) -> None:
    arguments = [*command, "--url", NOBODY]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"AGENTNET_HOME": str(tmp_path), "AGENTNET_API_KEY": f"ank_x_{'s' * 40}"},
        cwd=tmp_path,
    )
    assert f"No gateway answers at {NOBODY}" in done.stderr
    imported = set(done.stderr.partition("imported:")[2].split())
    assert "httpx" in imported
    assert imported & COMMANDS[command] == set()
