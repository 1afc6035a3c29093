"""docker-compose.yml, unmodified, as containers of a project of their own, and what can befall them."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.containers.engine import Engine
from tests.containers.images import Images, build_options
from tests.ports import free_ports

UP_SECONDS = 300.0
BUILD_SECONDS = 1200.0
HEALTHY_SECONDS = 400.0
"""12 s on a quiet machine; 55 to 118 s were seen at a load of 14, where each look at a container takes its time too."""
POLL_SECONDS = 0.5
BUILT = {"registry": "", "data": "-data"}
"""A service of each image that is built, and the end of that image's tag."""
LABEL = "com.docker.compose.service"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a service."""

    name: str
    service: str


class Stack:
    """One project. Containers are named by their services."""

    def __init__(self, engine: Engine, images: Images, source: Path, directory: Path) -> None:
        self.engine = engine
        self.images = images
        self.project = f"agentnet-test-{secrets.token_hex(4)}"
        self.key = f"ank_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
        self.port = free_ports(1)[0]
        self._source = source
        self._directory = directory
        self._tag = self.project.removeprefix("agentnet-")
        self._variables = directory / "compose.env"
        self._variables.write_text("".join(f"{name}={value}\n" for name, value in self._values().items()))

    @property
    def url(self) -> str:
        """Where the published port answers."""
        return f"http://127.0.0.1:{self.port}"

    def image_of(self, service: str) -> str:
        """The image that a service of ours runs."""
        return f"agentnet:{self._tag}{BUILT.get(service, '')}"

    def build(self) -> None:
        """Build the product's images as the compose file says."""
        options = " ".join(build_options(self._directory))
        for service in BUILT:  # one after another: the second finds the layers of the first
            self._compose(f"--podman-build-args={options}", "build", service, seconds=BUILD_SECONDS)

    def up(self, *arguments: str) -> None:
        """Start what does not run."""
        self._compose("up", "--detach", "--no-build", *arguments, seconds=UP_SECONDS)

    def down(self) -> None:
        """Remove containers, networks and volumes. Raises AssertionError if any is left."""
        for container in self.containers():
            self.engine.tells("unpause", container.name)  # a test that failed may have left it so, and nothing ends it
            if not container.name.endswith("1"):  # podman-compose forgets the replicas that it added
                self.engine.run("rm", "--force", "--time=20", container.name)
        self._compose("down", "--volumes", "--timeout=20", seconds=UP_SECONDS)
        for kind in ("container", "network", "volume", "pod"):
            listed = self.engine.run(kind, "ls", "--format=json", *(["--all"] if kind == "container" else []))
            left = [one for one in json.loads(listed or "[]") if self.project in json.dumps(one)]
            assert not left, f"{kind}s are left behind: {left}"

    def containers(self) -> list[Container]:
        """All of them, whether they run or not."""
        found = json.loads(self.engine.run("ps", "--all", "--format=json", f"--filter=name=^{self.project}[-_]"))
        return sorted(
            (Container(one["Names"][0], one["Labels"][LABEL]) for one in found), key=lambda container: container.name
        )

    def names(self, service: str) -> list[str]:
        """The names of a service's containers."""
        return [container.name for container in self.containers() if container.service == service]

    def inspect(self, name: str) -> Mapping[str, Any]:
        """What the engine knows of a container."""
        inspected: Mapping[str, Any] = json.loads(self.engine.run("container", "inspect", name))[0]
        return inspected

    def wait_healthy(self) -> None:
        """Wait until each container passes the check that the file gives it."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        waiting = self.containers()
        while waiting := [container for container in waiting if not self.is_healthy(container.name)]:
            if time.monotonic() > deadline:
                logs = "\n\n".join(f"--- {one.name}\n{self.logs(one.name)}" for one in waiting)
                raise AssertionError(f"not healthy after {HEALTHY_SECONDS:g} s:\n{logs}")
            time.sleep(POLL_SECONDS)

    def is_healthy(self, name: str) -> bool:
        """The container's own check, run once."""
        return self.engine.tells("healthcheck", "run", name)

    def kill(self, name: str) -> None:
        """End a container at once, as when its machine dies."""
        self.engine.run("kill", "--signal=KILL", name)

    def start(self, name: str) -> None:
        """Start a container that has ended, unless its restart policy did so already."""
        self.engine.run("start", name)

    def pause(self, name: str) -> None:
        """From here on no process of a container does anything, and none ends."""
        self.engine.run("pause", name)

    def unpause(self, name: str) -> None:
        """Let a container go on as if nothing had been."""
        self.engine.run("unpause", name)

    def logs(self, name: str) -> str:
        """The end of what a container wrote."""
        return self.engine.run("logs", "--tail=30", name)

    def query(self, sql: str) -> Sequence[str]:
        """The rows of a query, asked in the database's own container."""
        (postgres,) = self.names("postgres")
        address = "postgresql://agentnet:$POSTGRES_PASSWORD@127.0.0.1/agentnet"
        command = f'psql --no-psqlrc --tuples-only --no-align --command="{sql}" {address}'
        return self.engine.run("exec", postgres, "sh", "-c", command).splitlines()

    def _compose(self, *arguments: str, seconds: float) -> None:
        options = (f"--env-file={self._variables}", "--file=docker-compose.yml", f"--project-name={self.project}")
        self.engine.compose(*options, *arguments, project=self._source, seconds=seconds)

    def _values(self) -> Mapping[str, str]:
        return {
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "REDIS_PASSWORD": secrets.token_hex(16),
            "AGENTNET_SECRET": secrets.token_hex(32),
            "AGENTNET_API_KEY": self.key,
            "AGENTNET_MODEL": "offline",
            "AGENTNET_PORT": str(self.port),
            "AGENTNET_IMAGE_TAG": self._tag,
        }
