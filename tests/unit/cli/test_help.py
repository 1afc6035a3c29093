import subprocess
import sys

import pytest

HEAVY = (
    "a2a",
    "agents",
    "asyncpg",
    "httpx",
    "httpx2",
    "mcp",
    "openai",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "uvicorn",
)
PROGRAM = """
import sys
sys.argv = ["agentnet", *{arguments!r}]
from agentnet.cli import main
try:
    main()
finally:
    print("imported:", *sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["ask", "--help"],
        ["serve", "--help"],
        ["mcp", "servers", "--help"],
        ["new", "--help"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)], capture_output=True, text=True, check=True
    )
    imported = set(done.stderr.partition("imported:")[2].split())
    assert "typer" in imported
    assert not imported.intersection(HEAVY)
    if "--help" in arguments[:1]:
        assert "pydantic" not in imported  # Typer itself takes it for the options of a command
    assert "agentnet" in done.stdout


def test_every_command_of_the_issue_is_there() -> None:
    from typer.testing import CliRunner

    from agentnet.cli.app import app

    shown = CliRunner().invoke(app, ["--help"]).output
    for command in (
        "up",
        "serve",
        "ask",
        "agents",
        "tasks",
        "watch",
        "card",
        "new",
        "doctor",
        "keys",
        "tenants",
        "demo",
        "schema",
    ):
        assert f"\n  {command} " in shown
