"""The names that other code may build on. Changing this list is changing a promise: say so in CHANGELOG.md."""

import ast
from pathlib import Path

from tests.unit.project.repository import PACKAGES, modules

PUBLIC: dict[str, list[str]] = {
    "agentnet.database": ["Database"],
    "agentnet.identity": ["Budget", "Delegation", "Principal"],
    "agentnet.models": [
        "Models",
        "OFFLINE_MODEL",
        "default_model_settings",
        "installed_models",
        "is_offline",
        "load_model",
        "model_name",
        "model_provider",
        "no_model",
    ],
    "agentnet.signals": ["LOOK_SECONDS", "LocalSignals", "Signal", "Signals", "Topic", "Wakeup", "Watch"],
    "agentnet.testing": ["Call", "Decision", "Fault", "OpenAIServer", "Request", "Scenario", "serving"],
    "agentnet.testing.quirks": ["Need", "QUIRKS", "Quirk", "QuirkServer", "playing"],
    "cards": ["CardResponse", "build_card", "card_to_json", "entry_from_card", "entry_words", "rewrite_card"],
    "gateway.mcp": ["Door"],
    "gateway.mcp.agents": ["AgentProviders", "Means"],
    "offline_model": ["OfflineModel"],
}


def test_the_public_names_are_the_pinned_ones() -> None:
    found = {
        _module(package, path): names
        for package in PACKAGES
        for path in modules(package)
        if path.name == "__init__.py" and (names := _exported(path)) is not None
    }
    assert found == PUBLIC, f"what is pinned here should be, if the change is meant: {found}"


def _module(package: str, path: Path) -> str:
    inner = path.parent.relative_to(PACKAGES[package]).parts
    return ".".join((package, *inner))


def _exported(path: Path) -> list[str] | None:
    """The literal `__all__` of a package, sorted."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value))
    return None
