"""Profiles that the operator declares in a file, for every tenant: `profiles:` and a list of them."""

import logging
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from agentnet.errors import ConfigurationError
from agentnet.http.errors import invalid_input
from gateway.mcp.messages.profile import Profile

logger = logging.getLogger(__name__)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    profiles: list[Profile]


def declared_profiles(path: Path | None) -> list[Profile]:
    """The profiles in the YAML or JSON file at `path`. Raises `ConfigurationError`."""
    if path is None:
        return []
    try:
        content: Any = yaml.safe_load(path.read_text())
        profiles = _File.model_validate(content).profiles
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"The profiles in {path} cannot be read: {error}.") from None
    except ValidationError as error:
        raise ConfigurationError(f"The profiles in {path} are wrong: {invalid_input(error)}") from None
    for profile in profiles:
        if profile.anonymous:
            logger.warning("MCP PROFILE %s ADMITS CALLERS WITHOUT A KEY, from this machine only", profile.name)
    return profiles
