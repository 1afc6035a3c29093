"""The built wheel holds everything, and its command runs in an environment that knows no checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.unit.project.repository import PACKAGES, ROOT

pytestmark = pytest.mark.slow

DATA_SUFFIXES = {".py", ".yaml", ".md", ".mako", ".json", ".html", ".css", ".js", ".svg", ".typed"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT), cwd=out)
    return next(out.glob("agentnet-*.whl"))


def run(*command: str, cwd: Path) -> str:
    """Run to the end without this checkout's paths; its output, or a failure that shows it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AGENTNET_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_holds_every_file_of_the_six_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"{package}/{path.relative_to(directory).as_posix()}"
        for package, directory in PACKAGES.items()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix in DATA_SUFFIXES and "__pycache__" not in path.parts
    }
    assert wanted <= held
    assert any(name.startswith("agentnet/database/migrations/versions/") for name in wanted)


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_installed_wheel_runs_from_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "clean environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python))
    run(*uv, "--require-hashes", "-r", str(ROOT / "requirements.lock"), cwd=tmp_path)
    run(*uv, "--no-deps", str(wheel), cwd=tmp_path)

    help_text = run(str(home / "bin" / "agentnet"), "--help", cwd=tmp_path)
    assert "serve" in help_text
    assert "demo" in help_text
    where = run(
        str(python), "-c", "import agents, specialists; print(agents.Runner, specialists.__file__)", cwd=tmp_path
    )
    assert str(home) in where
    run(str(home / "bin" / "agentnet"), "doctor", "--help", cwd=tmp_path)
