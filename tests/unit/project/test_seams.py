"""Tests and benchmarks use what is public: private names of others are reached in `agentnet.testing`, and nowhere else.

Who renames what is private mends `agentnet/testing/faults.py` and `insides.py`, and no test.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.project.import_graph import files, product
from tests.unit.project.repository import ROOT, tracked_files

BY_NAME = frozenset({"attrgetter", "delattr", "getattr", "hasattr", "methodcaller", "object", "patch", "setattr"})
"""Functions that take the name of an attribute as a text; `object` is that of `mock.patch`."""
OF_OTHERS = {
    "_exit": "documented by Python: ends a process at once",
    "_lowlevel_server": "the MCP SDK's server passes on no handler for methods that it has none for",
    "_replace": "documented by Python: of every named tuple",
}
"""Names that begin so in libraries, and why there is no other way."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def reaches(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where code uses a private name that is not its own: the line and the name."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=name) if is_private(name):
                yield node.lineno, name
            case ast.ImportFrom(module=module, names=names):
                parts = [*(module or "").split("."), *(alias.name for alias in names)]
                yield from ((node.lineno, part) for part in parts if is_private(part))
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function)) if function in BY_NAME:
                texts = [text for text in node.args if isinstance(text, ast.Constant) and isinstance(text.value, str)]
                parts = [part for text in texts for part in str(text.value).split(".")]
                yield from ((node.lineno, part) for part in parts if is_private(part))
            case ast.ClassDef() if node.bases:
                yield from inherited(node)
            case _:
                pass


def inherited(made: ast.ClassDef) -> Iterator[tuple[int, str]]:
    """The private names of `self` that come from a parent."""
    own = {node.name for node in ast.walk(made) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    own |= {node.id for node in ast.walk(made) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    mine = [node for node in ast.walk(made) if isinstance(node, ast.Attribute) and is_private(node.attr)]
    own |= {node.attr for node in mine if isinstance(node.ctx, ast.Store)}
    for node in mine:
        if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"} and node.attr not in own:
            yield node.lineno, node.attr


@cache
def trees() -> dict[str, ast.Module]:
    """The tests and benchmarks."""
    ours = (ROOT / "tests", ROOT / "bench")  # of what git tracks: below tests/conformance npm packages bring Python
    found = sorted(path for path in tracked_files() if path.suffix == ".py" and set(ours) & {*path.parents})
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in found}


def test_tests_and_benchmarks_reach_no_private_name() -> None:
    found = [f"{path}:{line} reaches {name}" for path, tree in trees().items() for line, name in reaches(tree)]
    wrong = [reach for reach in found if reach.rpartition(" ")[2] not in OF_OTHERS]
    assert not wrong, f"use what is public, or a seam of agentnet.testing.faults or .insides: {wrong}"
    unused = OF_OTHERS.keys() - {reach.rpartition(" ")[2] for reach in found}
    assert not unused, f"these are reached no more: {unused}"


@pytest.mark.parametrize(
    "code",
    [
        "worker._look.wake()",
        "from agentnet.identity.keys import _parse",
        "from agentnet._hidden import shown",
        "patch.setattr(Feed, '_look', late)",
        "patch.setattr('agentnet.tasks.feed._wait', late)",
        "setattr(reader, '_data', [])",
        "class Mine(Theirs):\n    def show(self): return self._theirs",
        "class Mine(Theirs):\n    def _sweep(self): super()._sweep()",
    ],
)
def test_a_reach_is_found(code: str) -> None:
    assert len([*reaches(ast.parse(code))]) == 1


def test_what_is_ones_own_is_no_reach() -> None:
    code = "class Mine(Theirs):\n    def __init__(self): self._own = 1\n    def show(self): return self._own"
    assert not [*reaches(ast.parse(code + ", self.__dict__, [_ for _ in ()]"))]


def test_nothing_of_the_product_imports_what_is_for_tests() -> None:
    graph = product()
    folders = [folder for folder in graph.folders if f"{folder}.".startswith("agentnet.testing.")]
    inner = {name for folder in folders for name in (folder, *graph.folders[folder])}
    assert not {name: graph.importers[name] - inner for name in inner if graph.importers[name] - inner}


def patches(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What `monkeypatch.setattr` replaces in modules, by its full name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[ast.Constant(value=str(target)), _]):
                yield node.lineno, target
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[ast.Name(id=of), ast.Constant(value=name), _]):
                yield node.lineno, f"{names.get(of, of)}.{name}"
            case _:
                pass


def is_read(path: Path, name: str) -> bool:
    """Whether a function of the module reads `name` when it runs, which a default of its arguments does not."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [node for statement in function.body for node in ast.walk(statement)]
            if any(isinstance(node, ast.Name) and node.id == name for node in inner):
                return True
    return False


def test_a_constant_is_patched_in_a_module_that_reads_it() -> None:
    """A patched name that nobody looks up is there, so pytest does not complain, and the test shows nothing."""
    constants = [
        (f"{path}:{line}", *target.rsplit(".", 1))
        for path, tree in trees().items()
        for line, target in patches(tree)
        if target.rpartition(".")[2].isupper()
    ]
    assert constants
    missed = [
        f"{place} patches {module}.{name}"
        for place, module, name in constants
        if module in files() and not is_read(files()[module], name)
    ]
    assert not missed, missed


def test_no_patch_is_content_with_what_is_not_there() -> None:
    lenient = [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr"
        if any(keyword.arg == "raising" for keyword in node.keywords)
    ]
    assert not lenient, f"monkeypatch.setattr looks whether it is there, unless it is told not to: {lenient}"
