"""Models: any OpenAI-compatible endpoint, and those that are installed, the offline model among them.

Imports no other folder.
"""

from agentnet.models.installed import OFFLINE_MODEL, installed_models, load_model
from agentnet.models.provider import Models, default_model_settings, is_offline, model_name, model_provider, no_model

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
