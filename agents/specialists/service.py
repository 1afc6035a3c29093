"""The agent server: a specialist's folder as an A2A service (card, JSON-RPC with SSE, HTTP+JSON, health)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from a2a.server.agent_execution import AgentExecutor
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from agentnet.a2a.bindings.app import a2a_app, in_a2a_json, root
from agentnet.a2a.bindings.rest import Rest
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.limits import MessageLimits
from agentnet.a2a.limits import json_limits as a2a_json_limits
from agentnet.errors import AgentNetError
from agentnet.frame.access import USER, under_rule
from agentnet.frame.authentication import authenticate_with
from agentnet.frame.bodies import json_limits, say_in_jsonrpc
from agentnet.frame.frame import READY, Frame
from agentnet.ids import EVERYONE, new_id
from agentnet.manifests.manifest import Specialist, load_specialists, pick
from agentnet.process.imports import TYPES_OF_MCP, built_when_used
from agentnet.process.runtime import Runtime
from agentnet.push.signing import KeySet
from agentnet.runs.folder_code import load_executor
from agentnet.tasks.worker import Worker
from cards import CardResponse, build_card, card_to_json, entry_from_card
from specialists.access import RULES

BUNDLED = Path(__file__).parent
Step = Callable[[], Coroutine[Any, Any, None]]


async def create_service(runtime: Runtime, name: str, url: str) -> ASGIApp:
    """The specialist `name`, bundled or from the user's own folders, to be reached at `url`.

    Raises `ManifestError`, `NotFoundError` for a name that no folder has.
    """
    specialist = pick(load_specialists([BUNDLED, *runtime.settings.agents_dirs]), name)
    return await create_app(runtime, specialist, url)


async def create_app(runtime: Runtime, specialist: Specialist, url: str) -> ASGIApp:
    """The ASGI app of one specialist. Its lifespan registers it and runs its tasks."""
    settings, manifest = runtime.settings, specialist.manifest
    store, signals = await runtime.tasks(), await runtime.signals()
    database, keys = await runtime.database(), await runtime.keys()
    push = await runtime.push()
    await runtime.retention()
    directory = runtime.directory(f"agent:{specialist.name}")
    own = load_executor(specialist)
    executor: AgentExecutor | None = own
    connect: Step = _nothing
    close: Step = _nothing
    if executor is None:
        # Not beside an executor of the folder's own: the SDKs of models and of MCP are 2 s of CPU and 60 MB.
        with built_when_used(TYPES_OF_MCP):
            from specialists.on_a_model import executor_on_a_model

        executor, connect, close = await executor_on_a_model(runtime, specialist, directory)
    worker = Worker(
        store,
        signals,
        specialist.name,
        executor,
        concurrency=settings.concurrency,
        timeout_seconds=manifest.limits.timeout_seconds,
        # Ours reads its finished steps from the journal; of an executor of the folder's only its author knows.
        repeatable=own is None or manifest.repeatable,
        max_file_bytes=settings.max_file_bytes,
    )
    # JSON-RPC and gRPC go past the routes and their rules.
    authenticate = under_rule(USER, authenticate_with(runtime.tokens, f"agent:{specialist.name}", keys))
    over_grpc = None
    if settings.grpc_port:
        from agentnet.a2a.grpc import GrpcServer  # grpc is 11 MB, and its port is off by default

        over_grpc = GrpcServer(settings, authenticate)
    card = build_card(
        manifest,
        url,
        definition=specialist.definition,
        push_notifications=True,
        grpc_address=over_grpc.address if over_grpc else None,
    )
    handler = DurableRequestHandler(
        store,
        worker,
        signals,
        card,
        agent=specialist.name,
        definition=specialist.definition,
        limits=MessageLimits(settings.max_file_bytes),
        max_depth=settings.max_depth,
        max_wait_seconds=settings.max_wait_seconds,
        push=push.configs,
        own_executor=own is not None,
    )
    entry = entry_from_card(card_to_json(card), url, new_id(), EVERYONE)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await worker.open()
        # Before connections are waited for: leases are given back at once, so that others go on while streams end here.
        runtime.before_stop(worker.close)
        async with (
            # Registered last and taken off first: nobody is sent to an agent that does not serve.
            over_grpc.serving(handler) if over_grpc else nullcontext(),
            directory.registered(entry, settings.lease_seconds),
        ):
            connecting = asyncio.create_task(connect(), name=f"connect {specialist.name}")
            yield
            connecting.cancel()
            await asyncio.wait([connecting])
        await worker.close()
        await close()

    frame = Frame(
        RULES,
        authenticate,
        settings.max_body_bytes,
        lambda: database.pool.fetchval("SELECT 1"),
        ready_body={**READY, "agent": specialist.name, "definition": specialist.definition},
        json=a2a_json_limits(json_limits(settings)),
        leads_on=False,  # behind a gateway: a client that was led there would find nothing (issue 10)
    )
    rest = Rest(handler, card_json=card_to_json)
    routes = [*CardResponse(card).routes(), KeySet(push.keys).route(), root(), *rest.routes()]
    app = frame.app(routes, lifespan)
    for kind in (HTTPException, AgentNetError):  # of what no operation answers: as those say their errors
        respond: Any = app.exception_handlers[kind]
        app.add_exception_handler(kind, in_a2a_json(respond))
    jsonrpc = replace(frame, refuse=say_in_jsonrpc(HTTPStatus.OK))
    return frame.closed(a2a_app(handler, app, jsonrpc.checked))


async def _nothing() -> None:
    """What there is to connect before and to close behind an executor of the folder's own."""
