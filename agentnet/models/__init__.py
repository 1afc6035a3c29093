"""Models: any OpenAI-compatible endpoint, or the built-in offline model."""

from agentnet.models.offline import OFFLINE_MODEL, OfflineModel
from agentnet.models.provider import Models, default_model_settings, is_offline, model_name, model_provider

__all__ = [
    "OFFLINE_MODEL",
    "Models",
    "OfflineModel",
    "default_model_settings",
    "is_offline",
    "model_name",
    "model_provider",
]
