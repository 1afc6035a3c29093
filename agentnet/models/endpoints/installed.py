"""Models that are installed beside the network: entry points of the group `agentnet.models`.

Each has the name that settings and manifests use, and leads to a factory, without arguments, of the SDK's `Model`: a
class of one, for example. The offline model is found here like any other: it is a distribution of its own, and may be
absent.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from agentnet.errors import ConfigurationError

if TYPE_CHECKING:
    from agents import Model

GROUP = "agentnet.models"
OFFLINE_MODEL = "offline"
"""The name of the model that is used when there is no endpoint."""


def installed_models() -> Mapping[str, EntryPoint]:
    """The models that installed distributions offer, by name. Reads their metadata and loads none."""
    return {found.name: found for found in entry_points(group=GROUP)}


def load_model(name: str) -> "Model":
    """A new model of that name. Raises `ConfigurationError` when no distribution offers one."""
    found = installed_models().get(name)
    if found is None:
        raise ConfigurationError(f"The {name} model is not installed.")
    factory: Callable[[], Model] = found.load()
    return factory()
