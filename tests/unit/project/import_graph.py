"""The import graph of the product, read from its code once: every import counts, those inside functions too.

A folder is a package: a module lies in the package that its file lies in, and a package's `__init__` in itself. The
program's entry `agentnet/__main__.py` is no part of it, nor are the folders of single specialists, loaded by path.
"""

import ast
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.unit.project.repository import PACKAGES, ROOT, modules

ENTRY = "agentnet.__main__"
GROUND = frozenset({"agentnet", "agentnet.errors", "agentnet.ids", "agentnet.plural", "agentnet.settings"})
"""What all may import; `agentnet` itself says only its version."""


@dataclass(frozen=True)
class Graph:
    """Modules by their dotted names, each with the modules that it imports."""

    imports: Mapping[str, frozenset[str]]
    packages: frozenset[str]
    """The modules that are an `__init__`."""

    def folder(self, module: str) -> str:
        """The folder that a module lies in."""
        return module if module in self.packages else module.rpartition(".")[0]

    @cached_property
    def folders(self) -> Mapping[str, tuple[str, ...]]:
        """The modules of each folder, without its `__init__`."""
        found: dict[str, list[str]] = defaultdict(list)
        for module in sorted(self.imports):
            found[self.folder(module)] += [] if module in self.packages else [module]
        return {folder: tuple(found[folder]) for folder in sorted(found)}

    @cached_property
    def between_folders(self) -> Mapping[tuple[str, str], tuple[tuple[str, str], ...]]:
        """The imports from one folder to another, each as importer and imported."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for module in sorted(self.imports):
            for target in sorted(self.imports[module]):
                pair = self.folder(module), self.folder(target)
                if pair[0] != pair[1]:
                    found[pair].append((module, target))
        return {pair: tuple(found[pair]) for pair in sorted(found)}

    @cached_property
    def folder_imports(self) -> Mapping[str, frozenset[str]]:
        """Each folder with the folders that it imports."""
        pairs = self.between_folders
        return {folder: frozenset(to for source, to in pairs if source == folder) for folder in self.folders}

    @cached_property
    def importers(self) -> Mapping[str, frozenset[str]]:
        """Each module with those that import it."""
        found: dict[str, set[str]] = {module: set() for module in self.imports}
        for module, targets in self.imports.items():
            for target in targets:
                found[target].add(module)
        return {module: frozenset(names) for module, names in found.items()}

    def longest_chain(self) -> list[str]:
        """Modules of which each imports the next, as many as there can be. Raises `CycleError`."""
        below: dict[str, list[str]] = {}
        for module in TopologicalSorter(
            {name: sorted(self.imports[name]) for name in sorted(self.imports)}
        ).static_order():
            chains = [below[target] for target in sorted(self.imports[module])]
            below[module] = [module, *max(chains, key=len, default=[])]
        return max((below[module] for module in sorted(below)), key=len, default=[])


def cycle(imports: Mapping[str, frozenset[str]]) -> list[str]:
    """Names that import one another in a circle, the first once more as the last; empty where there are none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


@cache
def files() -> Mapping[str, Path]:
    """The product's modules by their dotted names."""
    named = {dotted(path, package): path for package in PACKAGES for path in modules(package)}
    specialists = PACKAGES["specialists"]
    return {
        name: path
        for name, path in named.items()
        if name != ENTRY and not (path.is_relative_to(specialists) and path.parent != specialists)
    }


def dotted(path: Path, package: str) -> str:
    """The name under which a file of `package` is imported."""
    parts = path.relative_to(PACKAGES[package]).with_suffix("").parts
    return ".".join([package, *parts[: -1 if parts[-1] == "__init__" else None]])


@cache
def product() -> Graph:
    """The graph of this checkout."""
    known = files()
    imports = {name: frozenset(imported(path, known)) - {name} for name, path in known.items()}
    return Graph(imports, frozenset(name for name, path in known.items() if path.name == "__init__.py"))


def imported(path: Path, known: Mapping[str, Path]) -> set[str]:
    """The modules of `known` that a file imports; a name that a package passes on is an import of the package."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names.update(name if name in known else node.module for name in inner)
    return names & known.keys()


@cache
def lines(module: str) -> int:
    """How long a module of the product is."""
    return len(files()[module].read_text().splitlines())


def shown(module: str) -> str:
    """The path of a module in the checkout."""
    return files()[module].relative_to(ROOT).as_posix()
