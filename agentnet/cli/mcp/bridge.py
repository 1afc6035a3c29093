"""`agentnet mcp`: MCP on standard input and output, passed on to the gateway's MCP address and back.

Nothing of MCP is answered here, so both eras pass as they are: a legacy host gets a session at the gateway and a
stream for what the gateway says by itself; a modern host's cancellation closes the call's connection.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import orjson

from agentnet.cli.command.exits import Interrupted
from agentnet.cli.command.loop import run
from agentnet.cli.gateway import answers
from agentnet.cli.gateway.client import Gateway, client_settings, no_gateway, no_key
from agentnet.cli.mcp.bridge_headers import SESSION, Headers, error_of
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.http.sse import data_of
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
    # httpx would let a hundred requests out at once, and a call may wait for ten minutes.
    limits = httpx.Limits(max_connections=None)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=timeout, limits=limits, trust_env=False) as http:
        await Bridge(http, f"{url}/mcp").serve()


async def _lines_of_stdin() -> AsyncIterator[bytes]:
    """Read by a thread that nobody waits for, and from a file of its own: else a signal would not end the bridge before
    the host writes or closes stdin."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)

    def read() -> None:
        with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as stdin, suppress(RuntimeError):  # the loop was closed
            for line in stdin:
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
            asyncio.run_coroutine_threadsafe(lines.put(b""), loop).result()

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while line := await lines.get():
        yield line


class Bridge:
    """Between one host and one gateway."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url
        self._headers = Headers()
        self._calls: dict[str | int, asyncio.Task[None]] = {}
        self._cancelled: set[str | int] = set()
        """Calls of a session that the host waits for no more."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._stream: asyncio.Task[None] | None = None
        self._initialize: Message | None = None
        self._beginning = asyncio.Lock()

    async def serve(self) -> None:
        """Until stdin ends."""
        try:
            async for line in _lines_of_stdin():
                if line.strip():
                    await self._take(line)
        finally:
            await self._end()

    async def _take(self, line: bytes) -> None:
        try:
            message = orjson.loads(line)
        except ValueError:
            self._say(orjson.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}))
            return
        # Batches went with 2025-06-18.
        if not isinstance(message, dict):
            error = {"code": -32600, "message": "Not one message"}
            self._say(orjson.dumps({"jsonrpc": "2.0", "id": None, "error": error}))
            return
        if message.get("method") == "notifications/cancelled" and self._cancel(message):
            return
        if message.get("method") == "initialize":
            await self._pass_on(message, line)  # what follows belongs to the session that it opens
            return
        task = asyncio.create_task(self._pass_on(message, line))
        # Kept, for asyncio holds tasks weakly.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        identifier = message.get("id")
        if "method" in message and isinstance(identifier, str | int):
            self._calls[identifier] = task
            task.add_done_callback(lambda _: self._forget(identifier))

    def _forget(self, identifier: str | int) -> None:
        self._calls.pop(identifier, None)
        self._cancelled.discard(identifier)

    def _cancel(self, message: Message) -> bool:
        """Cancel a modern call by closing its connection. Tells whether that was all there is to do."""
        params = message.get("params")
        identifier = params.get("requestId") if isinstance(params, dict) else None
        if not isinstance(identifier, str | int) or (call := self._calls.get(identifier)) is None:
            return False
        if self._headers.session:
            # In a session the notification goes on to the gateway: closing the connection would cancel nothing
            # (2025-11-25).
            self._cancelled.add(identifier)
            return False
        call.cancel()
        return True

    async def _pass_on(self, message: Message, line: bytes) -> None:
        """Send one message, and say what is answered."""
        try:
            ended = await self._post(message, line)
            if ended is not None:
                await self._begin_again(ended)
                await self._post(message, line)
        except AgentNetError as error:
            self._fail(message, str(error))
        except httpx.HTTPError as error:
            self._fail(message, f"The gateway at {self._url} does not answer ({type(error).__name__}).")
        except ValueError as error:
            self._fail(message, f"The message, or the answer to it, cannot be passed on ({type(error).__name__}).")

    async def _post(self, message: Message, line: bytes) -> str | None:
        """Send one message. The session that it was sent in, if that is gone and nothing was done."""
        sent = self._headers.of(message)
        async with self._http.stream("POST", self._url, content=line.strip(), headers=sent) as response:
            # 404: the session has ended, and nothing was done (2025-11-25, transports: session management).
            if response.status_code == httpx.codes.NOT_FOUND.value and self._initialize and SESSION in sent:
                return sent[SESSION]
            if message.get("method") == "initialize" and response.is_success:
                self._begin(message, response)
            await self._answer(message, response)
        return None

    async def _answer(self, message: Message, response: httpx.Response) -> None:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            if not await self._say_events(response, message):
                self._fail(message, "The gateway ended the stream of the call without an answer.")
            return
        body = await response.aread()
        # Only a request may be answered: on stdio every line counts as a message.
        if "id" not in message or "method" not in message:
            return
        try:
            answer = orjson.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "jsonrpc" not in answer:
            self._fail(message, str(_refusal(response)))
        elif answer.get("id") == message["id"]:
            self._heard(message, answer, body)
        else:
            # An error from before the message was read has the id null, which a host would not take for its answer.
            answer |= {"id": message["id"]}
            self._heard(message, answer, orjson.dumps(answer))

    async def _say_events(self, response: httpx.Response, message: Message | None = None) -> bool:
        """Say all of them. Tells whether the answer to `message` was among them."""
        answered = False
        async for data in data_of(response.aiter_bytes()):
            if not data.strip():  # it only gives the stream an event id
                continue
            said = orjson.loads(data)
            self._heard(message, said, data)
            answered = answered or (message is not None and _answers(said, message))
        return answered

    def _heard(self, message: Message | None, answer: Message, data: bytes) -> None:
        """Say what the gateway said, as it said it, and note what later headers need of it."""
        method = message.get("method") if message is not None else None
        if method in ("initialize", "tools/list"):
            self._headers.learn(answer)
        self._say(data)

    def _fail(self, message: Message, text: str) -> None:
        """Answer a request that gets no answer; one that the host cancelled it waits for no more."""
        identifier = message.get("id")
        if "id" not in message or "method" not in message:
            return
        if not isinstance(identifier, str | int) or identifier not in self._cancelled:
            self._say(orjson.dumps(error_of(message, text)))

    def _begin(self, message: Message, response: httpx.Response) -> None:
        self._initialize = message
        self._headers.session = response.headers.get(SESSION)
        # Without a session there is nothing to listen to: 2026-07-28 has no GET stream.
        if self._headers.session and self._stream is None:
            self._stream = asyncio.create_task(self._listen())

    async def _begin_again(self, ended: str) -> None:
        """The session has ended, for it was idle: a new one takes its place, and the host need not know.

        One that cannot be opened now is tried again with the next message. Raises `AgentNetError`.
        """
        async with self._beginning:
            if self._initialize is None or self._headers.session != ended:  # another message was quicker
                return
            sent = self._headers.of(self._initialize)
            response = await self._http.post(self._url, content=orjson.dumps(self._initialize), headers=sent)
            if not response.is_success:
                raise _refusal(response)
            self._headers.session = response.headers.get(SESSION)
            # The host sent it once, in the session before.
            initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            headers = self._headers.of(initialized)
            await self._http.post(self._url, content=orjson.dumps(initialized), headers=headers)

    async def _listen(self) -> None:
        """What the gateway says outside of calls, for as long as there is a session."""
        while True:
            with suppress(httpx.HTTPError, AgentNetError, ValueError):
                await self._hear()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _hear(self) -> None:
        sent = self._headers.of({}) | {"accept": "text/event-stream"}
        async with self._http.stream("GET", self._url, headers=sent) as response:
            if response.is_success:
                await self._say_events(response)
        if response.status_code == httpx.codes.NOT_FOUND.value and SESSION in sent:
            await self._begin_again(sent[SESSION])

    async def _end(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LINGER_SECONDS)
        tasks = [*self._tasks, *([self._stream] if self._stream else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._headers.session:
            with suppress(httpx.HTTPError):
                # The gateway would keep it for half an hour.
                await self._http.delete(self._url, headers=self._headers.of({}))

    def _say(self, data: bytes) -> None:
        """One message as one line: a line break in JSON is only ever between its values."""
        sys.stdout.buffer.write(data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")
        sys.stdout.buffer.flush()


def _answers(said: Message, request: Message) -> bool:
    return "method" not in said and said.get("id") == request.get("id")


def _refusal(response: httpx.Response) -> AgentNetError:
    """What the gateway said that was no message of MCP."""
    if response.is_success:
        return UnavailableError(f"The gateway answered with HTTP status {response.status_code} and no message.")
    return answers.error_of(response)
