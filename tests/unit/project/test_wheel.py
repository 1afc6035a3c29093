"""The built wheels hold everything, and their command runs in an environment that knows no checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.unit.project.repository import DISTRIBUTIONS, PACKAGES, ROOT

pytestmark = pytest.mark.slow

DATA_SUFFIXES = {".py", ".yaml", ".md", ".mako", ".json", ".html", ".css", ".js", ".svg", ".typed"}


Wheels = dict[Path, Path]
"""The wheel of each distribution, by its folder."""

each_distribution = pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=["agentnet", "offline_model"])


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return {folder: built(folder, tmp_path_factory.mktemp("wheel")) for folder in DISTRIBUTIONS}


def built(folder: Path, out: Path) -> Path:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(folder), cwd=out)
    return next(out.glob("*.whl"))


def run(*command: str, cwd: Path, code: int = 0) -> str:
    """Run to the end without this checkout's paths; what it says, or a failure that shows it."""
    ours = ("PYTHON", "AGENTNET_", "OPENAI_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stderr if code else done.stdout


@each_distribution
def test_a_wheel_holds_every_file_of_its_packages(wheels: Wheels, folder: Path) -> None:
    held = set(zipfile.ZipFile(wheels[folder]).namelist())
    wanted = {
        f"{package}/{path.relative_to(PACKAGES[package]).as_posix()}"
        for package in DISTRIBUTIONS[folder]
        for path in PACKAGES[package].rglob("*")
        if path.is_file() and path.suffix in DATA_SUFFIXES and "__pycache__" not in path.parts
    }
    assert wanted <= held
    assert folder != ROOT or any(name.startswith("agentnet/database/migrations/versions/") for name in wanted)


@each_distribution
def test_a_wheel_holds_nothing_else(wheels: Wheels, folder: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheels[folder]).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == DISTRIBUTIONS[folder]


def test_the_installed_wheels_run_from_a_clean_environment(wheels: Wheels, tmp_path: Path) -> None:
    home = tmp_path / "clean environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python))
    run(*uv, "--require-hashes", "-r", str(ROOT / "requirements.lock"), cwd=tmp_path)
    run(*uv, "--no-deps", str(wheels[ROOT]), cwd=tmp_path)

    help_text = run(str(home / "bin" / "agentnet"), "--help", cwd=tmp_path)
    assert "serve" in help_text
    assert "demo" in help_text
    where = run(
        str(python), "-c", "import agents, specialists; print(agents.Runner, specialists.__file__)", cwd=tmp_path
    )
    assert str(home) in where
    run(str(home / "bin" / "agentnet"), "doctor", "--help", cwd=tmp_path)
    missing = run(str(home / "bin" / "agentnet"), "serve", "mcp", "data", cwd=tmp_path, code=2)
    assert "agentnet[data]" in missing

    offered = (str(python), "-c", "from agentnet.models import installed_models; print([*installed_models()])")
    assert run(*offered, cwd=tmp_path).strip() == "[]"
    told = run(str(home / "bin" / "agentnet"), "demo", cwd=tmp_path, code=2)
    assert "There is no model: the offline model is not installed." in told
    run(*uv, "--no-deps", str(wheels[ROOT / "offline_model"]), cwd=tmp_path)
    assert run(*offered, cwd=tmp_path).strip() == "['offline']"
