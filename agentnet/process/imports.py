"""What a process does not import: parts that libraries load whenever what those want happens to be installed.

Their authors catch the error of a part that is not there, so to say that it is not there breaks nothing. A test holds
what each kind of process may have in memory (tests/unit/project/test_loaded.py).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND_OF_HTTPX = "httpx._main"
"""With click, rich and pygments: 0.2 s of CPU, 6 MB."""

PARTS_OF_A2A = (
    # The SDK's own stores, with SQLAlchemy: 0.8 s of CPU, 18 MB.
    "a2a.server.cluster.database_event_stream",
    "a2a.server.cluster.database_task_store",
    "a2a.server.tasks.database_push_notification_config_store",
    "a2a.server.tasks.database_task_store",
    # 11 MB, for clients and servers over gRPC; `agentnet.a2a.grpc` imports it where that is served.
    "grpc",
)


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """In the block nobody finds `parts`, but those that are imported already; behind it they can be imported again."""
    hidden = [part for part in parts if part not in sys.modules]
    # How Python is told that there is no such module.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for part in hidden:
            del sys.modules[part]
