"""The Python code of a specialist's folder, and the executor in it: any `AgentExecutor`, so any framework fits.

Knows nothing of the Agents SDK, which the process of a specialist with an executor of its own does not load.
"""

import hashlib
from pathlib import Path
from types import ModuleType

from a2a.server.agent_execution import AgentExecutor

from agentnet.errors import ManifestError
from agentnet.manifests.folder_import import import_file, is_interrupt
from agentnet.manifests.manifest import Specialist


def folder_module(specialist: Specialist, path: Path) -> ModuleType:
    """Import a file of a folder under a name of its own, so that two folders' `tools.py` do not meet."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"agentnet_folder_{specialist.name.replace('-', '_')}_{digest}_{path.stem}"
    return import_file(path, name, ManifestError)


def load_executor(specialist: Specialist) -> AgentExecutor | None:
    """The one `AgentExecutor` class in `executor.py`, made without arguments. Raises `ManifestError`."""
    if specialist.executor_file is None:
        return None
    module = folder_module(specialist, specialist.executor_file)
    classes = [
        value
        for value in vars(module).values()
        # Its own: the file has imported AgentExecutor too, and perhaps one to build on.
        if isinstance(value, type) and issubclass(value, AgentExecutor) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ManifestError(
            f"{specialist.executor_file} must define one a2a-sdk AgentExecutor class; it defines {len(classes)}."
        )
    try:
        executor: AgentExecutor = classes[0]()
    except BaseException as error:  # a user's own code, as an import is
        if is_interrupt(error):
            raise
        raise ManifestError(
            f"{specialist.executor_file}: {classes[0].__name__} cannot be made: {type(error).__name__}: {error}."
        ) from error
    return executor
