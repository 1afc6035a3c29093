"""What the process of each kind of service has in memory once it serves, as `agentnet serve` starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.project.repository import ROOT

PROGRAM = """
import asyncio, sys
from agentnet.process.imports import COMMAND_OF_HTTPX, without

with without(COMMAND_OF_HTTPX):
    from agentnet.process.launch import single
    from agentnet.process.service import Service
    from agentnet.settings import load_settings

    def below(kind):
        return {kind}.union(*map(below, kind.__subclasses__()))

    async def main():
        async with single(load_settings(), Service(*sys.argv[1:], 0)):
            from pydantic import BaseModel

            print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
            print("built:", *sorted({kind.__module__ for kind in below(BaseModel) if kind.__pydantic_complete__}))

    asyncio.run(main())
"""
NOBODY = "http://127.0.0.1:9"
MIGRATING = {"alembic", "mako", "sqlalchemy", "sqlmodel"}
"""The tables are up to date, as at every start but the first."""
TERMINAL = {"pygments", "rich"}
DATA = {"bs4", "duckdb", "markdownify", "openpyxl", "pandas", "pint", "pypdf", "vl_convert"}
OFF = {"grpc", "redis"}
"""Of what is off unless a setting wants it."""
NOBODYS = MIGRATING | TERMINAL | DATA | OFF
UNUSED_AS_YET = {"mcp_types._v2025_11_25", "mcp_types._v2026_07_28", "agents.sandbox.manifest"}
"""Hundreds of models of pydantic, which nobody has used when a service starts."""
MODELS = {"agents", "griffe", "openai", "offline_model"}

SERVICES = {
    ("registry", "registry"): NOBODYS | MODELS | {"a2a", "google", "mcp", "mcp_types"},
    ("gateway", "gateway"): NOBODYS | MODELS,
    ("mcp", "toolbox"): (NOBODYS | MODELS | {"a2a", "google"}) - TERMINAL,
    ("mcp", "web"): (NOBODYS | MODELS | {"a2a", "google"}) - TERMINAL,
    ("agent", "writer"): NOBODYS,
    ("agent", "bench"): NOBODYS | MODELS | {"mcp", "mcp_types"},
}
"""By kind and name, `bench` with an executor of its own: the packages that it does without.

MCP's SDK takes rich for its logs where it is installed.
"""


@pytest.mark.parametrize("service", SERVICES, ids=" ".join)
def test_a_process_holds_nothing_that_its_service_does_not_need(
    service: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    variables = {
        "AGENTNET_HOME": str(tmp_path),
        "AGENTNET_AGENTS_DIRS": str(ROOT / "bench" / "specialist"),
        "AGENTNET_MODEL": "offline",
        "AGENTNET_REGISTRY_URL": NOBODY,
        "DATABASE_URL": database_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *service], capture_output=True, text=True, env=os.environ | variables
    )
    assert done.returncode == 0, done.stderr
    loaded, _, built = (set(part.split()) for part in done.stdout.partition("loaded:")[2].partition("built:"))
    assert "asyncpg" in loaded
    assert loaded & SERVICES[service] == set()
    assert "agentnet.settings" in built
    assert built & UNUSED_AS_YET == set()
