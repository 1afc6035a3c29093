"""The Python files of a user's folders, imported."""

import importlib.util
import signal
import sys
from pathlib import Path
from types import ModuleType

from agentnet.errors import AgentNetError, ConfigurationError


def import_file(path: Path, name: str, error: type[ConfigurationError] = ConfigurationError) -> ModuleType:
    """The module at `path` under `name`, which must be its own: files of two folders may be named alike.

    Raises `error` that says in one line what the file raised; the project's own errors pass.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise error(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as import does: dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except AgentNetError:
        raise
    except BaseException as raised:  # a user's own code: whatever it raises is said in one line, SystemExit above all
        if is_interrupt(raised):
            raise
        raise error(f"{path} cannot be imported: {type(raised).__name__}: {raised}.") from raised
    return module


def is_interrupt(raised: BaseException) -> bool:
    """Whether it is a Ctrl-C. Where a running network takes SIGINT itself, only code raises KeyboardInterrupt."""
    return isinstance(raised, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is signal.default_int_handler
