"""Serving an ASGI application on a free port of this machine, over true sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from agentnet.process.connection import ConnectionLimits, bounded
from agentnet.process.service import Server

POLL_SECONDS = 0.005


@asynccontextmanager
async def serving(
    app: ASGIApp, limits: ConnectionLimits | None = None, keep_alive_seconds: int = 5
) -> AsyncIterator[str]:
    """Serve `app` for as long as the block runs; gives its base URL. Connections that are open at the end are cut."""
    protocol = bounded(limits or ConnectionLimits())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            log_level="error",
            lifespan="off",
            timeout_keep_alive=keep_alive_seconds,
            timeout_graceful_shutdown=1,
            http=protocol,
        )
        server = Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
        try:
            while not server.started:
                if task.done():
                    raise RuntimeError("The server did not start; its log says why.")
                await asyncio.sleep(POLL_SECONDS)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            await task
