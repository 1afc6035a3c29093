"""What a command finds around it: a few variables, a home and a folder for temporary files of its own, nothing else."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from agentnet.errors import ConfigurationError
from agentnet.upstreams.declarations import CommandServer

LANGUAGE = "C.UTF-8"

logger = logging.getLogger(__name__)


@contextmanager
def private_environment(server: CommandServer, homes: Path, tenant: str) -> Iterator[dict[str, str]]:
    """The whole environment of one process; what is declared goes before the rest.

    The home under `homes` is the tenant's and stays, so that `npx` and `uvx` find what they fetched the last time; the
    folder for temporary files goes with the process, and so does the home where nothing can be written under `homes`.
    Raises `ConfigurationError`.
    """
    try:
        temporary = tempfile.mkdtemp(prefix=f"agentnet-{server.name}-")
    except OSError as error:
        raise ConfigurationError(f"There is no place for files of {server.name}: {error.strerror}.") from None
    # Hashed: a tenant's name need not be one of a folder.
    home = homes / server.name / sha256(tenant.encode()).hexdigest()[:16]
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        logger.warning("the home of %s does not last: %s", server.name, error.strerror)
        home = Path(temporary)
    own = {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": str(home.absolute()),
        "LANG": LANGUAGE,
        "TMPDIR": temporary,
    }
    try:
        yield own | server.environment
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
