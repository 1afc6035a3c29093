"""The offline model stands by itself: it imports nothing of the product, the product nothing of it, and it is done."""

import sys
from pathlib import Path

from tests.unit.project.repository import PACKAGES, ROOT, modules
from tests.unit.project.test_imports import SDK, imported

FOLDER = PACKAGES["offline_model"]
MOST_LINES = 5560
"""It lets the network be tried without an account, and more rules do not make a language model: whoever wants better
answers names an endpoint. So a rule may take the place of others, and is never added to them. It grew once, by the part
that tells what a call left out of a request (`arguments.unused`): without it 62 of 202 requests had wrong answers."""
MOST_MODULES = 25
LAYERS = ("language", "request", "arguments", "answers", "work")
"""Its packages, each building upon those before it."""
SDKS = {SDK, "openai"}
"""The OpenAI Agents SDK, and the types that it speaks in."""


def test_the_offline_model_does_not_grow() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in modules("offline_model"))
    assert lines <= MOST_LINES, f"{lines} lines: take out as many as come in"


def test_nothing_of_the_product_imports_the_offline_model() -> None:
    product = [path for package in PACKAGES if package != "offline_model" for path in modules(package)]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in [*product, *(ROOT / "bench").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]
        for line, name in imported(path)
        if name.partition(".")[0] == "offline_model"
    ]
    assert not wrong


def test_the_offline_model_imports_only_the_sdk_the_standard_library_and_itself() -> None:
    allowed = {*SDKS, *sys.stdlib_module_names, "offline_model"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules("offline_model")
        for line, name in imported(path)
        if name.partition(".")[0] not in allowed
    ]
    assert not wrong


def test_a_package_of_the_offline_model_imports_only_those_below_it() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules("offline_model")
        for line, name in imported(path)
        if name.startswith("offline_model.") and _floor(path) < _floor(FOLDER.parent.joinpath(*name.split(".")))
    ]
    assert not wrong


def test_no_folder_of_the_offline_model_holds_more_than_can_be_looked_over() -> None:
    folders = {path.parent for path in modules("offline_model")}
    assert {folder.name for folder in folders} == {*LAYERS, FOLDER.name}
    assert not [folder.name for folder in folders if len(list(folder.glob("*.py"))) > MOST_MODULES]


def _floor(path: Path) -> int:
    """How far up a module or package of the offline model lies; what is in no package lies above them all."""
    top = path.relative_to(FOLDER).parts[0]
    return LAYERS.index(top) if top in LAYERS else len(LAYERS)
