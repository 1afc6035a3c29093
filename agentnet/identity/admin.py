"""The admin key of an installation: made at its first start, in a file that only its owner can read."""

from agentnet.errors import ConfigurationError, UnauthenticatedError
from agentnet.identity.keys import Keys, generate_key
from agentnet.identity.principal import ADMIN
from agentnet.identity.secret import admin_key_path, read_or_make
from agentnet.settings import Settings

DEFAULT_TENANT = "default"
ADMIN_KEY_NAME = "admin"


async def ensure_admin_key(settings: Settings, keys: Keys) -> None:
    """Make the admin key if there is none, and see that the database knows it.

    `AGENTNET_API_KEY`, when set, is taken instead of a file, which is how containers share one.
    Raises `ConfigurationError` when it has been revoked.
    """
    key = settings.api_key.get_secret_value() if settings.api_key else None
    path = admin_key_path(settings)
    key = key or read_or_make(path, generate_key())
    await keys.create(DEFAULT_TENANT, ADMIN_KEY_NAME, scopes=[ADMIN], key=key)
    try:
        await keys.verify(key)
    except UnauthenticatedError:
        raise ConfigurationError(
            "The admin key has been revoked.", hint=f"Remove {path}; the next start makes a new one."
        ) from None
