"""`agentnet mcp`: MCP on standard input and output, passed on to the gateway's MCP address and back.

Nothing of MCP is answered here, so both eras pass as they are: a legacy host gets a session at the gateway and a
stream for what the gateway says by itself; a modern host's cancellation closes the call's connection.
"""

import asyncio
import sys
from contextlib import suppress
from typing import Any

import anyio
import httpx
import orjson

from agentnet.cli.bridge_headers import SESSION, Headers, error_of
from agentnet.cli.exits import Interrupted
from agentnet.cli.gateway import Gateway, client_settings, no_gateway, no_key
from agentnet.cli.loop import run
from agentnet.identity.secret import read_key
from agentnet.settings import Settings

CONNECT_SECONDS = 5.0
READ_SECONDS = 600.0
PAUSE_SECONDS = 1.0
"""Before the stream of a session is opened again."""
LINGER_SECONDS = 2.0
"""For answers that are on their way when the host closes stdin."""

Message = dict[str, Any]


def run_bridge(url: str | None) -> None:
    """Serve until the host closes stdin. Raises when there is no gateway or no key: hosts show that line."""
    settings = client_settings()
    try:
        run(_bridge(settings, (url or settings.gateway_url).rstrip("/")))
    except Interrupted:
        return


async def _bridge(settings: Settings, url: str) -> None:
    key = read_key(settings)
    if key is None:
        raise no_key(settings)
    async with Gateway.open(settings, url) as gateway:
        if not await gateway.answers():
            raise no_gateway(url)
        await gateway.agents()  # a key that does not hold is said in one line, not as a broken protocol
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    limits = httpx.Limits(max_connections=None)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=timeout, limits=limits, trust_env=False) as http:
        await Bridge(http, f"{url}/mcp").serve()


class Bridge:
    """Between one host and one gateway."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url
        self._headers = Headers()
        self._calls: dict[str | int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stream: asyncio.Task[None] | None = None
        self._initialize: Message | None = None

    async def serve(self) -> None:
        """Until stdin ends."""
        try:
            async for line in anyio.wrap_file(sys.stdin.buffer):
                if line.strip():
                    await self._take(line)
        finally:
            await self._end()

    async def _take(self, line: bytes) -> None:
        try:
            message = orjson.loads(line)
        except ValueError:
            self._say({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}})
            return
        if not isinstance(message, dict):
            self._say({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Not one message"}})
            return
        if message.get("method") == "notifications/cancelled" and self._cancel(message):
            return
        if message.get("method") == "initialize":
            await self._pass_on(message)  # what follows belongs to the session that it opens
            return
        task = asyncio.create_task(self._pass_on(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        identifier = message.get("id")
        if "method" in message and isinstance(identifier, str | int):
            self._calls[identifier] = task
            task.add_done_callback(lambda _: self._calls.pop(identifier, None))

    def _cancel(self, message: Message) -> bool:
        """Cancel a modern call by closing its connection. Tells whether that was all there is to do."""
        params = message.get("params")
        identifier = params.get("requestId") if isinstance(params, dict) else None
        call = self._calls.get(identifier) if isinstance(identifier, str | int) else None
        if self._headers.session or call is None:
            return False
        call.cancel()
        return True

    async def _pass_on(self, message: Message) -> None:
        """Send one message, and say what is answered."""
        try:
            if await self._post(message) and self._initialize is not None:
                await self._begin_again()
                await self._post(message)
        except httpx.HTTPError as error:
            if "id" in message and "method" in message:
                self._say(error_of(message, f"The gateway at {self._url} does not answer ({type(error).__name__})."))

    async def _post(self, message: Message) -> bool:
        """Send one message. Tells whether the session was gone, and nothing was done."""
        sent = self._headers.of(message)
        async with self._http.stream("POST", self._url, content=orjson.dumps(message), headers=sent) as response:
            if response.status_code == httpx.codes.NOT_FOUND.value and SESSION in sent:
                return True
            if message.get("method") == "initialize" and response.is_success:
                self._begin(message, response)
            await self._answer(message, response)
        return False

    async def _answer(self, message: Message, response: httpx.Response) -> None:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            await self._say_events(response, message)
            return
        body = await response.aread()
        if "id" not in message or "method" not in message:
            return
        try:
            answer = orjson.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "jsonrpc" not in answer:
            answer = error_of(message, f"The gateway answered with HTTP status {response.status_code}.")
        self._heard(message, answer | {"id": message["id"]})

    async def _say_events(self, response: httpx.Response, message: Message | None = None) -> None:
        async for line in response.aiter_lines():
            if line.startswith("data:") and (data := line[5:].strip()):
                self._heard(message, orjson.loads(data))

    def _heard(self, message: Message | None, answer: Message) -> None:
        """Say what the gateway said, and note what later headers need of it."""
        method = message.get("method") if message is not None else None
        if method in ("initialize", "tools/list"):
            self._headers.learn(answer)
        self._say(answer)

    def _begin(self, message: Message, response: httpx.Response) -> None:
        self._initialize = message
        self._headers.session = response.headers.get(SESSION)
        if self._headers.session and self._stream is None:
            self._stream = asyncio.create_task(self._listen())

    async def _begin_again(self) -> None:
        """The session has ended, for it was idle: a new one takes its place, and the host need not know."""
        assert self._initialize is not None
        self._headers.session = None
        sent = self._headers.of(self._initialize)
        response = await self._http.post(self._url, content=orjson.dumps(self._initialize), headers=sent)
        self._headers.session = response.headers.get(SESSION)
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await self._http.post(self._url, content=orjson.dumps(initialized), headers=self._headers.of(initialized))

    async def _listen(self) -> None:
        """What the gateway says outside of calls, for as long as there is a session."""
        while True:
            with suppress(httpx.HTTPError):
                sent = self._headers.of({}) | {"accept": "text/event-stream"}
                async with self._http.stream("GET", self._url, headers=sent) as response:
                    if response.is_success:
                        await self._say_events(response)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _end(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LINGER_SECONDS)
        tasks = [*self._tasks, *([self._stream] if self._stream else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._headers.session:
            with suppress(httpx.HTTPError):
                await self._http.delete(self._url, headers=self._headers.of({}))

    def _say(self, message: Message) -> None:
        sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
        sys.stdout.buffer.flush()
