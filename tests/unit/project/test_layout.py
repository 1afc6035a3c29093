"""The shape of the checkout: what must not be there, what must be pinned, how large a module may grow."""

import re
import tomllib

import pytest

from mcp_servers.offer import EXTRAS
from tests.unit.project.repository import DISTRIBUTIONS, PACKAGES, ROOT, modules

LARGEST_MODULE = 400
LARGER_WITH_A_REASON: dict[str, str] = {
    "agentnet/settings.py": "every setting with its default, its bounds, and where it was read",
}
"""Path of a module over the limit: why it is one noun all the same."""
LOCKED_EXTRAS = ("data", "embedded")
DISTRIBUTION_OF = {"vl_convert": "vl-convert-python"}
"""Packages that are imported under another name than they are installed under."""


def test_agents_is_no_package_because_it_would_hide_the_sdk_of_that_name() -> None:
    assert not (ROOT / "agents" / "__init__.py").exists()


def test_there_is_no_uv_lock_because_it_records_registry_hosts() -> None:
    assert not (ROOT / "uv.lock").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(package: str) -> None:
    assert (PACKAGES[package] / "py.typed").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_over_the_limit_has_a_reason(package: str) -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules(package)}
    over = {path: lines for path, lines in sizes.items() if lines > LARGEST_MODULE}
    assert set(over) <= set(LARGER_WITH_A_REASON), f"move the second noun out, or give the reason here: {over}"


def test_no_reason_outlives_its_large_module() -> None:
    for path in LARGER_WITH_A_REASON:
        assert (ROOT / path).is_file(), f"{path} is gone"
        assert len((ROOT / path).read_text().splitlines()) > LARGEST_MODULE, f"{path} needs no reason any more"


def test_the_locks_pin_every_declared_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, development = _pinned("requirements.lock"), _pinned("requirements-dev.lock")
    assert _names(project["project"]["dependencies"]) <= runtime.keys(), "run `make lock`"
    for extra in LOCKED_EXTRAS:
        added = _pinned(f"requirements-{extra}.lock")
        assert not added.keys() & runtime.keys(), "an extra's lock holds what the extra adds; run `make lock`"
        wanted = _names(project["project"]["optional-dependencies"][extra])
        assert wanted <= added.keys() | runtime.keys(), "run `make lock`"
        runtime |= added
    assert _names(project["dependency-groups"]["dev"]) <= development.keys() | runtime.keys(), "run `make lock`"
    for name, version in development.items():
        assert runtime.get(name, version) == version, f"{name} is pinned twice; run `make lock`"


def test_a_server_asks_for_no_package_that_its_extra_does_not_bring() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    brought = {name: _names(extras[name]) for name in EXTRAS}
    assert brought == {name: {DISTRIBUTION_OF.get(one, one) for one in packages} for name, packages in EXTRAS.items()}


def test_the_offline_model_asks_for_nothing_that_the_network_does_not_ask_for_in_the_same_words() -> None:
    network, offline = (tomllib.loads((folder / "pyproject.toml").read_text())["project"] for folder in DISTRIBUTIONS)
    assert set(offline["dependencies"]) <= set(network["dependencies"]), "it is installed from the network's locks"
    assert offline["version"] == network["version"]


def _names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {_normal(match[0]) for match in found if match}


def _pinned(lock: str) -> dict[str, str]:
    pins: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", (ROOT / lock).read_text()):
        pin = re.match(r"([A-Za-z0-9._-]+)==(\S+)", block)
        if pin:
            assert "--hash=sha256:" in block, f"{pin[0]} in {lock} has no hash"
            pins[_normal(pin[1])] = pin[2]
    return pins


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
