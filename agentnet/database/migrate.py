"""Bring the tables up to date: Alembic's migrations, run under an advisory lock so that replicas may start together."""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK_KEY = 0x6167_6E74
"""Advisory lock that one migrating process holds ("agnt")."""

_turn = threading.Lock()
"""Alembic keeps what it works on in globals: one thread of a process at a time."""


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` (postgresql://…) to `revision`. Blocks; run it in a thread.

    Several processes may call it at once: one works, the others wait and then find nothing to do.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url  # not an option: a per cent sign in a password would be interpolated
    with _turn:
        command.upgrade(config, revision)
