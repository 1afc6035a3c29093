"""This checkout, as the project's own tests see it."""

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {
    "agentnet": ROOT / "agentnet",
    "cards": ROOT / "cards",
    "gateway": ROOT / "gateway",
    "mcp_servers": ROOT / "mcp_servers",
    "offline_model": ROOT / "offline_model" / "src" / "offline_model",
    "registry": ROOT / "registry",
    "specialists": ROOT / "agents" / "specialists",
}
DISTRIBUTIONS = {
    ROOT: frozenset(PACKAGES) - {"offline_model"},
    ROOT / "offline_model": frozenset({"offline_model"}),
}
"""What is built from each pyproject.toml."""


@cache
def tracked_files() -> tuple[Path, ...]:
    """The files that git tracks or would; every file but the ignored ones where there is no git."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        hidden = re.compile(r"/(\.venv|\.git|node_modules|__pycache__|\.\w+_cache)/")
        paths = [path for path in ROOT.rglob("*") if not hidden.search(path.as_posix())]
    return tuple(path for path in paths if path.is_file())


def modules(package: str) -> list[Path]:
    """The Python files of one of the packages."""
    return sorted(path for path in PACKAGES[package].rglob("*.py") if "__pycache__" not in path.parts)
