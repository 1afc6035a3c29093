"""The processes of the test: PostgreSQL, Redis, and the network's services. Each is ended by its own id."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.e2e.containers import executable, postgres_user
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
HOST = "127.0.0.1"


class Process:
    """One that can be killed, paused and started again."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environment = dict(environment)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Let it end, or end it."""
        if self._process is not None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


class Postgres:
    """A server of its own over TCP, so that it can be restarted under the network."""

    def __init__(self, directory: Path, port: int) -> None:
        self._data = directory / "postgres"
        self._log = directory / "postgres.log"
        self._port = port
        self.url = f"postgresql://postgres@{HOST}:{port}/postgres"

    def make(self) -> None:
        """Make its data directory and start it."""
        self._data.mkdir()
        self._log.touch()
        user = postgres_user()
        if user:
            shutil.chown(self._data, user, user)
            shutil.chown(self._log, user, user)
        self._run("initdb", "-D", str(self._data), "-E", "utf8", "-U", "postgres", "--auth=trust", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(f"port = {self._port}\nlisten_addresses = '{HOST}'\nunix_socket_directories = ''\n")
            settings.write("max_connections = 200\n")
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self._log))

    def restart(self, mode: str) -> None:
        """`fast` ends every session, `immediate` is a crash that is recovered from."""
        self._run("pg_ctl", "restart", "-w", "-m", mode, "-D", str(self._data), "-l", str(self._log))

    def stop(self) -> None:
        """Stop it."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._data))

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [executable(program), *arguments],
            check=True,
            cwd=self._data.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=postgres_user(),
        )


class Network:
    """Three replicas of one specialist and one of another, behind the gateway."""

    def __init__(self, directory: Path, agents: Path, model_url: str, lease_seconds: float, names: Mapping[str, int]):
        count = sum(names.values())
        database, redis, registry, gateway, *ports = free_ports(4 + count)
        self.directory = directory
        self.ledger = directory / "ledger.jsonl"
        self.key = f"ank_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
        self.gateway_url = f"http://{HOST}:{gateway}"
        self.postgres = Postgres(directory, database)
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'agents'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": f"redis://{HOST}:{redis}",
            "OPENAI_BASE_URL": f"{model_url}/v1",
            "AGENTNET_MODEL": "scripted",
            "AGENTNET_MODEL_CONCURRENCY": "64",  # it is no model that would have to compute
            "AGENTNET_HOME": str(directory),
            "AGENTNET_SECRET": secrets.token_hex(32),
            "AGENTNET_API_KEY": self.key,
            "AGENTNET_REGISTRY_PORT": str(registry),
            "AGENTNET_PORT": str(gateway),
            "AGENTNET_LEASE_SECONDS": f"{lease_seconds:g}",
            "AGENTNET_DATABASE_POOL": "10",
            "CHAOS_LEDGER": str(self.ledger),
        }
        redis_command = [executable("redis-server"), "--port", str(redis), "--bind", HOST, "--save", ""]
        self.redis = self._process("redis", [*redis_command, "--dir", str(directory)])
        self._registry = self._service("registry", "registry", "--port", str(registry))
        self._gateway = self._service("gateway", "gateway", "--port", str(gateway))
        agent_names = [name for name, number in names.items() for _ in range(number)]
        self.agents = [
            self._service(f"{name}-{port}", "agent", name, "--agents", str(agents), "--port", str(port))
            for name, port in zip(agent_names, ports, strict=True)
        ]
        self._ports = ports

    def revive(self) -> None:
        """What an orchestrator does: start again what has ended by itself, as a replica does that finds no database."""
        for agent in self.agents:
            if not agent.runs:
                agent.start()

    def _process(self, name: str, command: list[str]) -> Process:
        return Process(name, command, self._environment, self.directory / f"{name}.log")

    def _service(self, name: str, *arguments: str) -> Process:
        return self._process(name, [sys.executable, "-m", "agentnet", "serve", *arguments])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything, started; ended with the block whatever happens."""
        services = [self._registry, *self.agents, self._gateway]
        try:
            await asyncio.to_thread(self.postgres.make)
            self.redis.start()
            self._registry.start()
            await _answers(self._registry, f"http://{HOST}:{self._environment['AGENTNET_REGISTRY_PORT']}/ready")
            for service in services[1:]:
                service.start()
            for agent, port in zip(self.agents, self._ports, strict=True):
                await _answers(agent, f"http://{HOST}:{port}/ready")
            await _answers(self._gateway, f"{self.gateway_url}/ready")
            yield
        finally:
            await asyncio.gather(*(asyncio.to_thread(one.stop) for one in (*services, self.redis)))
            await asyncio.to_thread(self.postgres.stop)


async def _answers(process: Process, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < deadline:
            assert process.runs, f"{process.name} ended:\n{process.log.read_text()[-3000:]}"
            try:
                if (await http.get(url)).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(f"{process.name} does not answer:\n{process.log.read_text()[-3000:]}")
