"""Models: any OpenAI-compatible endpoint, and those that are installed, the offline model among them.

May import `agentnet.models.endpoints` and `agentnet.models.wire`. Start with `provider`.
"""

from typing import TYPE_CHECKING, Any

from agentnet.models.endpoints.choice import is_offline, model_name, no_model
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models, load_model

if TYPE_CHECKING:
    from agentnet.models.provider import Models, default_model_settings, model_provider

__all__ = [
    "OFFLINE_MODEL",
    "Models",
    "default_model_settings",
    "installed_models",
    "is_offline",
    "load_model",
    "model_name",
    "model_provider",
    "no_model",
]


def __getattr__(name: str) -> Any:
    """What stands on the Agents SDK, which is 1.2 s of CPU and 40 MB, for those who ask for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agentnet.models import provider

    return getattr(provider, name)
