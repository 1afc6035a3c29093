"""The floor plan: which folder may import which, and how far it is from one end of the code to the other."""

import ast
import re
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest

from tests.unit.project.import_graph import GROUND, Graph, cycle, files, lines, product, shown

MOST_MODULES = 25
"""In one folder, besides its `__init__`."""
LONGEST_CHAIN = 18
SMALL = 40
"""Lines under which a module that serves a single other one belongs into that one, unless there is a reason."""
WITHOUT_START = 3
"""Modules up to which a folder is read without being told where to start."""
MIGRATIONS = "agentnet.database.migrations"

Folders = frozenset[str]
NOTHING = Folders()


def inside(parent: str) -> Callable[[str], Folders]:
    """Reads names of folders of `parent`."""
    return lambda names: Folders(f"{parent}.{name}" for name in names.split())


agentnet, command_line = inside("agentnet"), inside("agentnet.cli")
gateway, door = inside("gateway"), inside("gateway.mcp")
servers, offline = inside("mcp_servers"), inside("offline_model")

MAY_IMPORT: dict[str, Folders] = {
    "agentnet": NOTHING,
    "agentnet.a2a": agentnet("database files frame http identity push signals tasks"),
    "agentnet.a2a.bindings": agentnet("a2a files http tasks"),
    "agentnet.a2a.client": agentnet("http tasks"),
    "agentnet.arguments": agentnet("mcp"),
    "agentnet.cli": command_line("admin command gateway mcp network show tasks")
    | agentnet("manifests models.endpoints process"),
    "agentnet.cli.admin": command_line("command gateway show") | agentnet("database identity push retention"),
    "agentnet.cli.command": NOTHING,
    "agentnet.cli.gateway": command_line("command show") | agentnet("a2a.client identity tasks telemetry"),
    "agentnet.cli.mcp": command_line("command gateway show") | agentnet("http identity"),
    "agentnet.cli.network": command_line("command gateway show tasks")
    | agentnet("database identity manifests models models.check models.endpoints process runs telemetry upstreams"),
    "agentnet.cli.show": agentnet("tasks telemetry"),
    "agentnet.cli.tasks": command_line("command gateway show") | agentnet("files process tasks"),
    "agentnet.database": NOTHING,
    "agentnet.database.migrations": agentnet("database"),
    "agentnet.database.migrations.versions": NOTHING,
    "agentnet.discovery": agentnet("identity"),
    "agentnet.files": agentnet("database"),
    "agentnet.frame": agentnet("http identity"),
    "agentnet.http": agentnet("database"),
    "agentnet.identity": agentnet("database"),
    "agentnet.manifests": NOTHING,
    "agentnet.mcp": NOTHING,
    "agentnet.models": agentnet("models.endpoints models.wire"),
    "agentnet.models.check": agentnet("http models.endpoints"),
    "agentnet.models.endpoints": agentnet("http manifests"),
    "agentnet.models.wire": agentnet("http models.endpoints"),
    "agentnet.process": agentnet(
        "database discovery http identity manifests models models.endpoints push retention signals tasks upstreams"
    ),
    "agentnet.prompts": NOTHING,
    "agentnet.push": agentnet("database http identity tasks"),
    "agentnet.retention": agentnet("database"),
    "agentnet.runs": agentnet(
        "a2a.client arguments discovery files identity manifests mcp models models.endpoints prompts tasks telemetry "
        "upstreams"
    ),
    "agentnet.signals": NOTHING,
    "agentnet.tasks": agentnet("database files signals telemetry"),
    "agentnet.telemetry": NOTHING,
    "agentnet.testing": agentnet("http models process push runs signals tasks"),
    "agentnet.testing.quirks": agentnet("testing"),
    "agentnet.upstreams": agentnet("database http identity manifests"),
    "cards": agentnet("discovery manifests tasks"),
    "gateway": agentnet("database files frame identity process push retention")
    | gateway("a2a admin http mcp")
    | door("agents")
    | {"cards"},
    "gateway.a2a": agentnet("discovery frame http identity tasks") | gateway("http") | {"cards"},
    "gateway.admin": agentnet("database discovery frame http identity push retention tasks upstreams"),
    "gateway.agents": agentnet("a2a.client discovery identity tasks") | gateway("a2a"),
    "gateway.http": agentnet("http identity"),
    "gateway.mcp": agentnet("database frame http identity process signals")
    | gateway("http")
    | door("agents aggregate bridge changes messages profiles resumption servers sessions upstream"),
    "gateway.mcp.agents": agentnet("a2a.client discovery files http identity tasks")
    | gateway("a2a agents")
    | door("aggregate changes messages resumption upstream")
    | {"cards"},
    "gateway.mcp.aggregate": agentnet("identity mcp") | door("messages upstream"),
    "gateway.mcp.bridge": agentnet("database identity")
    | gateway("http")
    | door("messages resumption sessions upstream"),
    "gateway.mcp.changes": agentnet("database signals") | gateway("http") | door("aggregate messages upstream"),
    "gateway.mcp.messages": agentnet("database http identity upstreams") | gateway("http"),
    "gateway.mcp.profiles": agentnet("database frame http identity") | gateway("http") | door("messages"),
    "gateway.mcp.resumption": agentnet("database identity signals")
    | gateway("http")
    | door("messages sessions upstream"),
    "gateway.mcp.servers": agentnet("identity")
    | gateway("http")
    | door("aggregate bridge changes messages resumption sessions upstream"),
    "gateway.mcp.sessions": agentnet("database identity signals") | gateway("http") | door("messages"),
    "gateway.mcp.upstream": agentnet("database discovery http identity mcp upstreams")
    | gateway("http")
    | door("messages"),
    "mcp_servers": agentnet("discovery frame identity manifests process upstreams")
    | servers("adapters adapters.openapi hosting"),
    "mcp_servers.adapters": agentnet("http mcp runs upstreams") | servers("hosting"),
    "mcp_servers.adapters.openapi": agentnet("http mcp upstreams") | servers("hosting"),
    "mcp_servers.data": agentnet("database files process") | servers("hosting"),
    "mcp_servers.hosting": agentnet("database identity upstreams"),
    "mcp_servers.knowledge": agentnet("database process") | servers("hosting"),
    "mcp_servers.toolbox": agentnet("process") | servers("hosting"),
    "mcp_servers.web": agentnet("http process") | servers("hosting"),
    "offline_model": offline("answers arguments language request work"),
    "offline_model.answers": offline("arguments language request"),
    "offline_model.arguments": offline("language request"),
    "offline_model.language": NOTHING,
    "offline_model.request": offline("language"),
    "offline_model.work": offline("answers arguments language request"),
    "registry": agentnet("database discovery frame identity manifests process"),
    "specialists": agentnet("a2a a2a.bindings discovery files frame manifests models process push runs tasks")
    | {"cards"},
}
"""Each folder with those that it may import besides itself; the modules of `GROUND` are for all.

Before a line is made longer: does the module lie in the right folder, or what it wants?
"""

SMALL_WITH_A_REASON = {
    "agentnet.a2a.listing": "one operation with its filters, as its neighbours",
    "agentnet.database.tables_upstreams": "the tables of one part, as the other tables_*",
    "agentnet.upstreams.sql": "SQL lies in one place",
    "gateway.a2a.extended": "the one answer whose content the relay changes; the relay itself carries bytes",
    "gateway.page": "a page for browsers, beside what programs use",
    "gateway.mcp.changes.sql": "SQL lies in one place",
    "gateway.mcp.messages.endless": "streams without an end, as one thing to be stopped",
    "gateway.mcp.profiles.declared": "the form of the operator's file",
    "gateway.mcp.profiles.sql": "SQL lies in one place",
    "mcp_servers.folder": "runs a user's code; imported when there is some",
    "mcp_servers.hosting.request_state": "the one place that reaches into the SDK's middleware",
    "mcp_servers.web.page": "text without parsers; `markdown`, which has them, is imported for HTML alone",
    "offline_model.answers.moments": "the size of the offline model is pinned: it is not worked on",
    "offline_model.answers.shaping": "the size of the offline model is pinned: it is not worked on",
}
"""Small modules with a single importer: why each is a file of its own."""


def trespasses(graph: Graph, may_import: Mapping[str, Folders]) -> list[str]:
    """The imports that no line of the plan allows, and the folders that have no line."""
    unknown = [f"{folder} has no line in the plan" for folder in graph.folders if folder not in may_import]
    return unknown + [
        f"{module} imports {target}"
        for (source, to), imports in graph.between_folders.items()
        for module, target in imports
        if target not in GROUND and to not in may_import.get(source, NOTHING)
    ]


def small_with_one_importer(graph: Graph, length: Callable[[str], int]) -> list[str]:
    """The modules that only one other imports and that are short; an entry, which none imports, is not one of them."""
    return [
        module
        for module, importers in graph.importers.items()
        if len(importers) == 1 and module not in graph.packages and length(module) < SMALL
    ]


def made_up(imports: Mapping[str, set[str]]) -> Graph:
    """A graph for the tests of these tests."""
    names = imports.keys() | {target for targets in imports.values() for target in targets}
    return Graph({name: frozenset(imports.get(name, ())) for name in names}, frozenset())


def test_a_folder_imports_only_what_the_plan_lets_it() -> None:
    wrong = trespasses(product(), MAY_IMPORT)
    assert not wrong, wrong


def test_no_line_of_the_plan_allows_what_no_module_needs() -> None:
    """An unused permission is a door left open, and the picture of the architecture would not show it."""
    unused = {folder: allowed - product().folder_imports.get(folder, NOTHING) for folder, allowed in MAY_IMPORT.items()}
    assert not {folder: sorted(extra) for folder, extra in unused.items() if extra}
    assert MAY_IMPORT.keys() == product().folders.keys()


def test_a_file_in_the_wrong_room_is_found() -> None:
    plan = {"kitchen": Folders({"cellar"}), "cellar": NOTHING}
    right = {"kitchen.stove": {"cellar.wine", "agentnet.errors", "kitchen.pan"}}
    assert trespasses(made_up(right), plan | {"agentnet": NOTHING}) == []
    assert trespasses(made_up({"cellar.stove": {"kitchen.pan"}}), plan) == ["cellar.stove imports kitchen.pan"]
    assert trespasses(made_up({"attic.stove": {"cellar.wine"}}), plan) == [
        "attic has no line in the plan",
        "attic.stove imports cellar.wine",
    ]


def test_no_folder_holds_more_modules_than_can_be_looked_over() -> None:
    versions = f"{MIGRATIONS}.versions"
    sizes = {folder: len(modules) for folder, modules in product().folders.items() if folder != versions}
    assert not {folder: size for folder, size in sizes.items() if size > MOST_MODULES}


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert cycle(product().imports) == []


def test_no_folders_import_one_another_in_a_circle() -> None:
    round_trip = cycle(product().folder_imports)
    assert not [product().between_folders[pair] for pair in pairwise(round_trip)]


def test_a_circle_is_found_between_folders_whose_modules_have_none() -> None:
    graph = made_up({"kitchen.stove": {"cellar.wine"}, "cellar.shelf": {"kitchen.pan"}})
    assert cycle(graph.imports) == []
    assert sorted(cycle(graph.folder_imports)[1:]) == ["cellar", "kitchen"]


def test_the_longest_chain_of_imports_does_not_grow() -> None:
    chain = product().longest_chain()
    assert len(chain) <= LONGEST_CHAIN, f"{len(chain)} modules: {' > '.join(chain)}"


def test_the_longest_chain_is_found() -> None:
    graph = made_up({"a.one": {"a.two", "b.four"}, "a.two": {"a.three"}, "a.three": {"b.four"}})
    assert graph.longest_chain() == ["a.one", "a.two", "a.three", "b.four"]


def test_a_small_module_that_serves_a_single_other_one_has_a_reason() -> None:
    small = small_with_one_importer(product(), lines)
    without = {shown(module): product().importers[module] for module in small if module not in SMALL_WITH_A_REASON}
    assert not without, "merge it into its importer, or give the reason here"
    assert not SMALL_WITH_A_REASON.keys() - set(small), "these need no reason any more"


def test_a_small_module_that_serves_a_single_other_one_is_found() -> None:
    graph = made_up({"a.one": {"a.two", "a.three", "a.long"}, "a.two": {"a.three"}})
    assert small_with_one_importer(graph, lambda module: 400 if module == "a.long" else 39) == ["a.two"]


@pytest.mark.parametrize("package", sorted(product().packages))
def test_a_package_says_what_it_is_for_what_it_may_import_and_where_to_start(package: str) -> None:
    said = docstring(package)
    assert said, f"{shown(package)} says nothing"
    assert re.search(r"[Mm]ay import|[Ii]mports", said), f"{shown(package)}: what may it import?"
    if len(product().folders[package]) > WITHOUT_START:
        assert "Start with" in said, f"{shown(package)}: where does one start?"


@pytest.mark.parametrize("package", sorted(product().packages))
def test_a_package_names_no_import_that_the_plan_forbids_and_no_start_that_is_not_there(package: str) -> None:
    said = docstring(package)
    allowed = {*MAY_IMPORT[package], *GROUND}
    for name in named(said, "May import"):
        beside = f"{package.rpartition('.')[0]}.{name}"
        full = beside if beside in product().folders else name
        assert any(f"{folder}.".startswith(f"{full}.") for folder in allowed), f"{package} may not import {name}"
    for name in named(said, "Start with"):
        assert f"{package}.{name}" in product().imports, f"there is no {name} in {package}"


def docstring(package: str) -> str:
    """What a package says of itself, on one line."""
    return " ".join((ast.get_docstring(ast.parse(files()[package].read_text())) or "").split())


def named(text: str, beginning: str) -> list[str]:
    """The names between backticks in the sentence that begins so."""
    sentence = re.search(rf"{beginning} (.*?)(?:\.(?: |$)|;|:)", text)
    return re.findall(r"`([\w.]+)`", sentence[1]) if sentence else []
