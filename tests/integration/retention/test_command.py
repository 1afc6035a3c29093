"""`agentnet retention` at a real gateway, `agentnet partitions` at a real database."""

import json
import os
import sys
from pathlib import Path

import anyio
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings

pytestmark = pytest.mark.anyio


async def test_rules_are_set_for_all_states_or_for_one(database_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=database_url, port=0, _env_file=None)
    async with Runtime.open(settings) as runtime, running(runtime, Service("gateway", "gateway", 0)) as gateway:
        admin = await (await runtime.keys()).create("of-the-command", "boss", scopes=["admin"])
        environment = os.environ | {"AGENTNET_API_KEY": admin, "AGENTNET_URL": gateway.url}

        async def run(*arguments: str) -> str:
            command = [sys.executable, "-m", "agentnet", "retention", *arguments]
            return (await anyio.run_process(command, env=environment)).stdout.decode()

        await run("set", "all", "--days", "30")
        await run("set", "failed", "--count", "5")
        await run("reset", "canceled")
        held = json.loads(await run("show", "--json"))["retention"]
        assert {state: (rule["days"], rule["count"], rule["default"]) for state, rule in held.items()} == {
            "completed": (30, None, False),
            "failed": (None, 5, False),
            "canceled": (None, None, True),
            "rejected": (30, None, False),
        }
        assert "your own" in await run("show")


async def test_partitions_are_made_listed_and_dropped(new_database: str, tmp_path: Path) -> None:
    environment = os.environ | {"DATABASE_URL": new_database, "AGENTNET_HOME": str(tmp_path)}

    async def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "agentnet", "partitions", *arguments]
        done = await anyio.run_process(command, env=environment, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    assert "are whole" in (await run("list"))[1]
    assert (await run("make", "--months", "1"))[0] == 0
    assert "task_events_first" in (await run("list"))[1]
    code, said = await run("drop", "--before", "2020-01-01", "--yes")
    assert code == 2
    assert "No partition ends before 2020-01-01" in said
