"""What manifests name of models: a name that nothing has is found before anything starts. Contacts nothing."""

from collections.abc import Collection, Iterator

from agentnet.errors import ConfigurationError, ManifestError
from agentnet.manifests.manifest import MANIFEST_FILE, Specialist
from agentnet.models.endpoints.choice import with_fallbacks
from agentnet.settings import Settings


def check_models(settings: Settings, specialists: Collection[Specialist]) -> None:
    """Raises `ConfigurationError` for the first specialist whose model cannot be asked."""
    for problem in wrong_models(settings, specialists):
        raise problem


def wrong_models(settings: Settings, specialists: Collection[Specialist]) -> Iterator[ConfigurationError]:
    """Why specialists cannot run: a model that is not there, a key that is missing, a wrong `models.yaml`.

    One whose folder brings its own executor needs none. Without a model at all a network still serves its tools.
    """
    said = set[str]()
    for specialist in specialists:
        names = specialist.manifest.model
        if specialist.executor_file is not None:
            continue
        try:
            with_fallbacks(settings, names)
        except ConfigurationError as error:
            path = specialist.directory / MANIFEST_FILE
            # What a manifest does not name is not wrong in it, and is said once.
            message = f"{path}: model: {_lowered(error.message)}" if names else error.message
            if message not in said:
                said.add(message)
                yield ManifestError(message, hint=error.hint) if names else error


def _lowered(sentence: str) -> str:
    return sentence if sentence[:2].isupper() else f"{sentence[:1].lower()}{sentence[1:]}"
