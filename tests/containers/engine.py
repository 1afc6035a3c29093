"""The container engine of this machine: Podman, if it runs here at all.

The machine's own configuration is tried first. Where a container does not start under it (both generations of
cgroups, fewer open files than Podman asks for), a second one is: runc, no systemd, the limits of this process.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND_SECONDS = 120.0
FALLBACK = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
"""
MOST_FILES = 20_000
MOST_PROCESSES = 8_000
"""Enough for any service, and less than what engines lower their own limits to: they can be raised by nobody then."""


class UnusableError(Exception):
    """No container can be run here; the message says why."""


class Engine:
    """Podman as a command. `directory` is for what it is configured with."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("podman")
        if program is None:
            raise UnusableError("podman is not installed")
        self._program = program
        self._directory = directory
        ours = ("AGENTNET_", "OPENAI_", "COMPOSE_")
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}

    def run(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> str:
        """What one command prints. Raises `subprocess.CalledProcessError`, with what it said in a note."""
        return self._run([self._program, *arguments], seconds=seconds)

    def tells(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> bool:
        """Whether a command ends well."""
        try:
            self.run(*arguments, seconds=seconds)
        except subprocess.SubprocessError:
            return False
        return True

    def compose(self, *arguments: str, project: Path, seconds: float) -> str:
        """One command of podman-compose in the folder of a compose file."""
        command = [sys.executable, "-m", "podman_compose", "--podman-path", self._program, *arguments]
        return self._run(command, directory=project, seconds=seconds)

    def settle(self, image: str) -> None:
        """Find out under which configuration containers of `image` run. Raises `UnusableError` if under none."""
        reasons: list[str] = []
        for configuration in ({}, self._fallback()):
            self._environment |= configuration
            try:
                self.run("run", "--rm", "--network=none", image, "true")
            except subprocess.SubprocessError as error:
                reasons.append(said(error))
            else:
                return
        raise UnusableError(f"podman cannot run a container: {'; '.join(dict.fromkeys(reasons))}")

    def _fallback(self) -> Mapping[str, str]:
        files = _within(resource.RLIMIT_NOFILE, MOST_FILES)
        processes = _within(resource.RLIMIT_NPROC, MOST_PROCESSES)
        path = self._directory / "containers.conf"
        path.write_text(FALLBACK.format(files=files, processes=processes))
        return {"CONTAINERS_CONF": str(path)}

    def _run(self, command: list[str], *, seconds: float, directory: Path | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=directory or self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
            error.add_note(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
            raise error
        return done.stdout


def _within(kind: int, most: int) -> int:
    _, hard = resource.getrlimit(kind)
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


def said(error: subprocess.SubprocessError) -> str:
    """The last line that a failed command wrote."""
    lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
    return lines[-1] if lines else str(error)
