"""A network started as a user starts it: `agentnet up` in a process of its own, on free ports and a new home."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
AGENTS = frozenset({"concierge", "researcher", "analyst", "writer", "reviewer"})
START_SECONDS = 360.0
STOP_SECONDS = 120.0
POLL_SECONDS = 0.1
LOG_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class UpNetwork:
    """Where the gateway of a running network is, and the key for it."""

    url: str
    key: str
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP client sends along."""
        return {"authorization": f"Bearer {self.key}"}


@contextmanager
def network_up() -> Iterator[UpNetwork]:
    """A network for the length of the block. A failed start shows its log."""
    home = Path(tempfile.gettempdir()) / f"agentnet-{secrets.token_hex(6)}"
    home.mkdir()
    log = home / "up.log"
    port, registry_port = free_ports(2)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("agentnet")), "up"],
            env=_environment(home, port, registry_port),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        key = _wait_until_ready(url, home, process, log)
        yield UpNetwork(url, key, home, process)
    finally:
        stop(process)
        shutil.rmtree(home, ignore_errors=True)


def stop(process: subprocess.Popen[bytes]) -> int:
    """End the network as Ctrl-C does; its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _environment(home: Path, port: int, registry_port: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "agents"))),
        "AGENTNET_HOME": str(home),
        "AGENTNET_PORT": str(port),
        "AGENTNET_REGISTRY_PORT": str(registry_port),
        "AGENTNET_MODEL": "offline",
        "AGENTNET_KNOWLEDGE_DIRS": f'["{ROOT / "docs"}"]',
    }


def _wait_until_ready(url: str, home: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    """The admin key, once the gateway offers every bundled agent."""
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=url, trust_env=False) as client:
        while time.monotonic() < deadline and process.poll() is None:
            if (key := _key(home)) and _offered(client, key) >= AGENTS:
                return key
            time.sleep(POLL_SECONDS)
    stop(process)
    raise AssertionError(f"the network did not start:\n{log.read_text(errors='replace')[-LOG_CHARACTERS:]}")


def _key(home: Path) -> str:
    path = home / "admin.key"
    return path.read_text().strip() if path.is_file() else ""


def _offered(client: httpx.Client, key: str) -> set[str]:
    try:
        answer = client.get("/agents", headers={"authorization": f"Bearer {key}"})
    except httpx.TransportError:
        return set()
    return {agent["name"] for agent in answer.json()["agents"]} if answer.is_success else set()
