"""`agentnet mcp servers` as a person types it, against a real gateway."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from agentnet.identity.principal import ADMIN
from tests.integration.gateway.conftest import Network
from tests.integration.upstreams.parts import adder, mcp_over_http

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("network", [{"allow_private_urls": True}], indirect=True),
]

SECRET = "s3cret-of-mine"


async def agentnet(network: Network, folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all that was printed."""
    key = await (await network.runtime.keys()).create("acme", "admin", scopes=[ADMIN])
    environment = {**os.environ, "AGENTNET_API_KEY": key, "AGENTNET_URL": network.url, "AGENTNET_HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agentnet", "mcp", "servers", *arguments),
        env=environment,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_a_server_is_added_tried_listed_and_removed(network: Network, tmp_path: Path) -> None:
    await (await network.runtime.database()).pool.execute("DELETE FROM upstream_servers")
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    async with mcp_over_http(adder(), authorization=f"Bearer {SECRET}") as upstream:
        add = ["add", "sums", upstream.url, "--auth", "bearer", "--secret-file", str(secret)]
        add += ["--call-seconds", "20", "--timeout", "a*=5"]
        told = [
            await agentnet(network, tmp_path, *words)
            for words in (
                add,
                ["test", "sums"],
                ["list"],
                ["list", "--json"],
                ["remove", "sums"],
                ["test", "sums"],
                ["list"],
            )
        ]
    assert [code for code, _ in told] == [0, 0, 0, 0, 0, 2, 0]
    assert " on " in told[2][1]
    assert "add" in told[1][1] and "sums answers" in told[1][1]
    assert upstream.url in told[2][1] and "bearer" in told[2][1]
    [shown] = json.loads(told[3][1])["servers"]
    assert (shown["call_seconds"], shown["timeouts"]) == (20.0, {"a*": 5.0})
    assert "no upstream server 'sums'" in told[5][1]
    assert "There are no upstream servers" in told[6][1]
    assert not any(SECRET in printed for _, printed in told)


async def test_a_server_is_switched_off_and_on_and_replaced(network: Network, tmp_path: Path) -> None:
    await (await network.runtime.database()).pool.execute("DELETE FROM upstream_servers")
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    async with mcp_over_http(adder(), authorization=f"Bearer {SECRET}") as upstream:
        add = ["add", "sums", f"{upstream.url}/old", "--auth", "bearer", "--secret-file", str(secret)]
        replace = ["replace", "sums", upstream.url, "--description", "adds", "--json"]
        told = [
            await agentnet(network, tmp_path, *words)
            for words in (add, ["disable", "sums"], ["list"], replace, ["enable", "sums"], ["test", "sums"])
        ]
    assert [code for code, _ in told] == [0] * 6
    assert "sums is off" in told[1][1] and " off " in told[2][1] and "sums is on" in told[4][1]
    replaced = json.loads(told[3][1])
    assert (replaced["description"], replaced["credential"], replaced["enabled"]) == ("adds", "bearer", False)
    assert "sums answers" in told[5][1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--auth", "magic"], "There is no --auth magic"),
        (["--auth", "oauth"], "--token-url and --client-id"),
        (["--auth", "bearer", "--secret-file", "gone"], "gone cannot be read"),
        (["--timeout", "add"], "--timeout add is not TOOL=SECONDS"),
    ],
)
async def test_what_is_missing_is_named(network: Network, tmp_path: Path, options: list[str], said: str) -> None:
    code, printed = await agentnet(network, tmp_path, "add", "sums", "https://mcp.example.com/mcp", *options)
    assert code == 2
    assert said in printed
