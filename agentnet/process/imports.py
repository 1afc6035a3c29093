"""What a process does not import, and what it does not build: parts that libraries load whenever what those want
happens to be installed, and models of pydantic that nobody uses.

Their authors catch the error of a part that is not there, so to say that it is not there breaks nothing. A test holds
what each kind of process may have in memory (tests/integration/process/test_loaded.py).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

COMMAND_OF_HTTPX = "httpx._main"
"""With click, rich and pygments: 0.2 s of CPU, 6 MB."""

TYPES_OF_MCP = "mcp_types"
"""For `built_when_used`: whoever speaks MCP has it whole."""

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


@contextmanager
def built_when_used(*whole: str) -> Iterator[None]:
    """In the block models of pydantic are declared, and each is built when it is first used; those of `whole` at once.

    MCP's SDK declares 500, a2a-sdk and the Agents SDK 200: to build them all is 0.15 s of CPU and 6 MB, and a process
    uses a tenth. Packages whose models are parts of many others are imported whole: of one that is not built each of
    the others makes its own. For imports of libraries alone: a mistake in a model is told later, too.
    """
    from pydantic import BaseModel, RootModel  # 0.1 s, which the help of a command does without

    for package in whole:
        import_module(package)
    configs = [kind.model_config for kind in (BaseModel, RootModel) if "defer_build" not in kind.model_config]
    for config in configs:
        config["defer_build"] = True
    try:
        yield
    finally:
        for config in configs:
            del config["defer_build"]
