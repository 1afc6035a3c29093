"""Which part may import which. Services never import each other: they talk A2A, MCP or HTTP."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.project.repository import PACKAGES, ROOT, modules

MAY_IMPORT = {
    "agentnet": set[str](),
    "cards": {"agentnet"},
    "registry": {"agentnet", "cards"},
    "gateway": {"agentnet", "cards"},
    "mcp_servers": {"agentnet", "cards"},
    "offline_model": set[str](),
    "specialists": {"agentnet", "cards"},
}
SDK = "agents"
"""Import name of the OpenAI Agents SDK."""
EXECUTOR_SDK = "a2a"
"""What an executor.py implements an interface of."""


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every absolute import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def specialist_files() -> list[Path]:
    """The Python files inside the specialists' folders."""
    folders = sorted(manifest.parent for manifest in PACKAGES["specialists"].glob("*/agent.yaml"))
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    forbidden = PACKAGES.keys() - MAY_IMPORT[package] - {package}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(package)
        for line, name in imported(path)
        if name.partition(".")[0] in forbidden
    ]
    assert not wrong


def test_a_specialist_imports_only_the_sdk_the_standard_library_and_its_own_folder() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in specialist_files()
        for line, name in imported(path)
        if not _is_its_own(path, name)
    ]
    assert not wrong


def _is_its_own(path: Path, name: str) -> bool:
    first = name.partition(".")[0]
    folder = path.relative_to(PACKAGES["specialists"]).parts[0]
    sdks = {SDK, EXECUTOR_SDK} if path.name == "executor.py" else {SDK}
    return first in sdks or first in sys.stdlib_module_names or name.startswith(f"specialists.{folder}")
