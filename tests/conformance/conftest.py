"""One running network for all conformance tests, and the npm clients' whereabouts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.network import UpNetwork, network_up

NODE_MODULES = Path(__file__).with_name("node_modules")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that lie directly in this folder are slow: they start a network."""
    for item in items:
        if Path(__file__).parent == item.path.parent:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def network() -> Iterator[UpNetwork]:
    with network_up() as network:
        yield network


@pytest.fixture(scope="session")
def node() -> Path:
    """The pinned Node of package-lock.json."""
    program = NODE_MODULES / ".bin" / "node"
    assert program.exists(), "the npm clients are not installed: run `make conformance`"
    return program
