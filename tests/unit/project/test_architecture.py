"""The page about the architecture: every file and every function that it names is there, and it stays one page."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.unit.project.repository import ROOT

PAGE = ROOT / "docs" / "architecture.md"
MOST_LINES = 290
LONGEST_LINE = 120
NAMED = re.compile(r"`([\w/.-]+\.py)(?::([\w.]+))?`")
FOLDER = re.compile(r"`((?:[\w-]+/)+)`")


@cache
def tree(path: Path) -> ast.Module:
    """The syntax of a file."""
    return ast.parse(path.read_text())


def defines(node: ast.AST, names: list[str]) -> bool:
    """Whether `names`, from the outermost, are classes, functions or values that are defined one in the other."""
    if not names:
        return True
    return any(defines(each, names[1:]) for each in ast.iter_child_nodes(node) if name_of(each) == names[0])


def name_of(node: ast.AST) -> str | None:
    """What a definition defines."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return None


def missing(text: str) -> list[str]:
    """What a text names that is not there."""
    folders = [folder for folder in FOLDER.findall(text) if not (ROOT / folder).is_dir()]
    return folders + [
        f"{path}:{symbol}" if symbol else path
        for path, symbol in NAMED.findall(text)
        if not path.startswith("__")
        if not (ROOT / path).is_file() or (symbol and not defines(tree(ROOT / path), symbol.split(".")))
    ]


def test_every_file_and_function_that_the_page_names_is_there() -> None:
    assert len(NAMED.findall(PAGE.read_text())) > 50
    assert not missing(PAGE.read_text())


def test_a_name_that_is_not_there_is_found() -> None:
    here = "tests/unit/project/test_architecture.py"
    assert not missing(f"`{here}` `{here}:missing` `{here}:PAGE` `tests/unit/`")
    wrong = [f"{here}:tree.name", f"{here}:gone", "gateway/gone.py"]
    assert missing(" ".join(f"`{name}`" for name in wrong)) == wrong
    assert missing("`gateway/gone/`") == ["gateway/gone/"]


def test_the_page_stays_one_page() -> None:
    lines = PAGE.read_text().splitlines()
    assert len(lines) <= MOST_LINES
    assert not [line for line in lines if len(line) > LONGEST_LINE]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_page_is_found_from_where_readers_begin(page: str) -> None:
    assert "(docs/architecture.md)" in (ROOT / page).read_text()
