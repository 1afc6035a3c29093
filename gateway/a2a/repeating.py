"""A message whose replica died is sent again to another one: its client sees a pause, and not the end.

Agents of this network know a message by its id: sent once more, it is answered with the task that it began, when that
rests. Others are sent nothing twice, for it may have had its effects.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

from agentnet.discovery.directory import Entry
from agentnet.errors import BusyError, NotFoundError, UnavailableError
from agentnet.http.waiting import stated_wait
from agentnet.identity import Principal
from agentnet.tasks.parts import keeps_pieces
from gateway.a2a.catalog import RETRY_SECONDS, Catalog
from gateway.a2a.takeover import GIVE_UP_SECONDS, MAX_REFUSAL_BYTES, PAUSES_SECONDS, TRANSIENT, Opened
from gateway.a2a.upstream import LostError, Upstream
from gateway.http.body import Body
from gateway.http.headers import header_of, is_event_stream, without
from gateway.http.transport import Headers, Incoming

SENDING = frozenset({"SendMessage", "SendStreamingMessage", "message/send", "message/stream"})
SENDING_PATHS = (b"message:send", b"message:stream")
AT_WORK, WAITING = b'"state":"TASK_STATE_WORKING"', b'"state":"TASK_STATE_SUBMITTED"'
AT_WORK_0_3, WAITING_0_3 = b'"state":"working"', b'"state":"submitted"'
"""As agents of this network write them. A replica that stops answers with the task as it is."""
WORKING = frozenset({"TASK_STATE_WORKING", "TASK_STATE_SUBMITTED", "working", "submitted"})
LEAST_SECONDS = 0.5
"""What must be left of a client's time for another try."""
MAX_LOOKED_INTO = 4 * 1024 * 1024
"""Bytes of an answer: it is held for as long as it is looked into."""


def sends_message(path: bytes, start: bytes) -> bool:
    """Whether a request may send a message; told without parsing, so that it may be wrong."""
    if path:
        return path.partition(b"?")[0].endswith(SENDING_PATHS)
    # In words, and not in a loop: each message is looked at.
    return b'"SendMessage"' in start or b'"SendStreamingMessage"' in start or b'"message/' in start


class Messages:
    """Sends messages to agents. A client waits for as long as it says, and for `max_wait_seconds` at most."""

    def __init__(
        self,
        catalog: Catalog,
        upstream: Upstream,
        max_wait_seconds: float,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        self._catalog = catalog
        self._upstream = upstream
        self._max_wait_seconds = max_wait_seconds
        self._give_up_seconds = give_up_seconds

    async def send(
        self,
        principal: Principal,
        entry: Entry,
        path: str,
        headers: Headers,
        body: Body,
        opened: Callable[[], Opened],
    ) -> Incoming:
        """The answer; must be closed. Raises `UnavailableError`."""
        began = asyncio.get_running_loop().time()
        try:
            incoming = await self._upstream.open(principal, entry, "POST", path, headers, lambda: body.content)
            if not body.complete or is_event_stream(incoming.headers):
                return incoming
            begun = await _Begun.of(incoming)
        except LostError as error:
            if not _may_be_repeated(opened(), entry):
                raise
            return await self._again(opened(), began + self._patience(headers), error)
        if begun.may_be_unfinished and _may_be_repeated(opened(), entry):
            until = began + self._patience(headers)
            if await _is_too_early(begun, opened(), until):
                await begun.close()
                return await self._again(opened(), until, None)
        return begun

    def _patience(self, headers: Headers) -> float:
        stated = stated_wait(
            header_of(headers, b"request-timeout").decode("latin-1"), header_of(headers, b"prefer").decode("latin-1")
        )
        if stated is None or math.isnan(stated):
            return self._max_wait_seconds
        return min(stated, self._max_wait_seconds)

    async def _again(self, opened: Opened, until: float, error: UnavailableError | None) -> Incoming:
        """The answer of another replica, when there is one."""
        tries, give_up = 0, min(until, asyncio.get_running_loop().time() + self._give_up_seconds)
        while True:
            await asyncio.sleep(PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)])
            tries += 1
            try:
                begun = await self._sent(opened, until)
                if not await begun.is_refused_for_now() and not await _is_too_early(begun, opened, until):
                    return begun
                await begun.close()
            except (UnavailableError, NotFoundError, BusyError) as failure:
                error = UnavailableError(str(failure))
            if _time_left(give_up) <= 0:
                raise _given_up(opened.agent) from error

    async def _sent(self, opened: Opened, until: float) -> "_Begun":
        entry = await self._catalog.get(opened.principal, opened.agent)
        left = b"%.3f" % max(0.0, _time_left(until))
        headers = [*without(opened.headers, b"request-timeout"), (b"request-timeout", left)]
        incoming = await self._upstream.open(
            opened.principal, entry, "POST", opened.path, headers, lambda: opened.start
        )
        return await _Begun.of(incoming)


class _Begun:
    """A response whose first chunk has arrived."""

    def __init__(self, incoming: Incoming, chunks: AsyncIterator[bytes], first: bytes) -> None:
        self.status = incoming.status
        self.headers = incoming.headers
        self._incoming = incoming
        self._chunks = chunks
        self._first = first
        self._is_whole = False

    @classmethod
    async def of(cls, incoming: Incoming) -> "_Begun":
        """Raises `LostError` for one that breaks off before."""
        chunks = incoming.chunks()
        try:
            if is_event_stream(incoming.headers):
                return cls(incoming, chunks, b"")
            # Nearly always all of it is here: then nothing is iterated over.
            whole = incoming.at_hand()
            return cls(incoming, chunks, whole if whole is not None else await anext(chunks, b""))
        except UnavailableError as error:
            await incoming.close()
            raise LostError(str(error), retry_after=RETRY_SECONDS) from error
        except BaseException:
            await incoming.close()
            raise

    @property
    def may_be_unfinished(self) -> bool:
        """Whether it seems to be a task that works; a text may hold such words too."""
        if self.status != 200:
            return False
        first = self._first  # four looks in words cost less than a loop
        return AT_WORK in first or AT_WORK_0_3 in first or WAITING in first or WAITING_0_3 in first

    async def is_unfinished(self) -> bool:
        """Whether it is a task that works."""
        if not self.may_be_unfinished:
            return False
        found = await self._document()
        for key in ("result", "task"):
            found = found.get(key, found) if isinstance(found, dict) else {}
        status = found.get("status") if isinstance(found, dict) else None
        state = status.get("state") if isinstance(status, dict) else None
        return isinstance(state, str) and state in WORKING

    async def is_refused_for_now(self) -> bool:
        """Whether the replica is busy, starts, or stops."""
        if self.status in TRANSIENT:
            return True
        if is_event_stream(self.headers) or b'"error"' not in self._first[:MAX_REFUSAL_BYTES]:
            return False
        found = await self._document()
        error = found.get("error") if isinstance(found, dict) else None
        return isinstance(error, dict) and error.get("code") in TRANSIENT

    async def _document(self) -> Any:
        while not self._is_whole and len(self._first) <= MAX_LOOKED_INTO:
            chunk = await anext(self._chunks, b"")
            self._is_whole = not chunk
            self._first += chunk
        try:
            return json.loads(self._first)
        except (ValueError, RecursionError):
            return None

    async def chunks(self) -> AsyncIterator[bytes]:
        first, self._first = self._first, b""
        if first:
            yield first
        async for chunk in self._chunks:
            yield chunk

    def at_hand(self) -> bytes | None:
        rest = self._incoming.at_hand()
        if rest is None:
            return None
        first, self._first = self._first, b""
        return first + rest

    def limit_silence(self, seconds: float) -> None:
        self._incoming.limit_silence(seconds)

    async def close(self) -> None:
        await self._incoming.close()


async def _is_too_early(begun: _Begun, opened: Opened, until: float) -> bool:
    """Whether an answer is a task that works, for a client that waits and has time left."""
    return _time_left(until) > LEAST_SECONDS and await begun.is_unfinished() and _waits(opened)


def _time_left(until: float) -> float:
    return until - asyncio.get_running_loop().time()


def _may_be_repeated(opened: Opened, entry: Entry) -> bool:
    """Whether all of it is at hand, and its agent knows it again."""
    return opened.complete and opened.method in SENDING and not keeps_pieces(entry.document)


def _waits(opened: Opened) -> bool:
    """Whether a message's answer is to come when its task rests."""
    try:
        body: Any = json.loads(opened.start)
        configuration: Any = body.get("params", body).get("configuration")
    except (ValueError, AttributeError, RecursionError):
        return False
    if not isinstance(configuration, dict):
        return True
    if configuration.get("returnImmediately") or configuration.get("return_immediately"):
        return False
    # Of 0.3: protobuf has no word for "not said", so in its HTTP+JSON that is no.
    return bool(configuration.get("blocking", not opened.path.startswith("v1/")))


def _given_up(agent: str) -> UnavailableError:
    return UnavailableError(
        f"The agent {agent!r} broke off, and no replica of it answers.",
        hint="Send the same message again: by its messageId it is answered with the task that it began.",
        retry_after=RETRY_SECONDS,
        agent=agent,
    )
