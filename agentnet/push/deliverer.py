"""The deliverer: takes what is due from the outbox and sends it. Every process may have one; they share the work."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
from a2a.types.a2a_pb2 import StreamResponse, TaskPushNotificationConfig

from agentnet.errors import UnavailableError
from agentnet.identity.sealing import SealError
from agentnet.push.configs import PushConfigs
from agentnet.push.outbox import PAGE, Claim, Delivery, LostClaimError, Outbox
from agentnet.push.payload import TaskReplay, event_body, task_body
from agentnet.push.sending import Sender, SendError
from agentnet.tasks.events import KIND_ARTIFACT
from agentnet.tasks.log import ReadLog
from agentnet.tasks.push_config import VERSION_0_3

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 2.0
PAUSE_FACTOR = 2.4
JITTER = 0.25
"""A pause is up to so much longer or shorter. With these numbers the tenth try comes about an hour after the first."""
CONCURRENCY = 32
POLL_SECONDS = 1.0
CLOSE_SECONDS = 2.0
"""How long a stop waits for what is being sent."""
PRUNE_SECONDS = 600.0
DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, UnavailableError)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a failed delivery is tried again, and how often."""

    attempts: int = MAX_ATTEMPTS
    first_pause: float = FIRST_PAUSE_SECONDS
    factor: float = PAUSE_FACTOR
    jitter: float = JITTER

    def pause(self, attempts: int) -> float:
        """Seconds to wait after so many tries."""
        exact = self.first_pause * self.factor ** (attempts - 1)
        return exact * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311

    def gives_up(self, claim: Claim, delivery: Delivery) -> bool:
        """Whether the try that just failed was the last.

        Where nothing has arrived for a whole schedule, an artifact update gets one try: a stream of thousands must not
        wait for an hour each. Status updates get all their tries.
        """
        if delivery.kind == KIND_ARTIFACT and claim.failures >= self.attempts:
            return True
        return delivery.attempts + 1 >= self.attempts


class Deliverer:
    """Delivers to at most `concurrency` configs at once, to each of them one after the other."""

    def __init__(
        self,
        outbox: Outbox,
        configs: PushConfigs,
        sender: Sender,
        read_log: ReadLog,
        *,
        schedule: Schedule | None = None,
        concurrency: int = CONCURRENCY,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._configs = configs
        self._sender = sender
        self._read_log = read_log
        self._schedule = schedule or Schedule()
        self._concurrency = concurrency
        self._poll_seconds = poll_seconds
        self._look = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._pruned_at = time.monotonic()
        self._closing = False

    async def open(self) -> None:
        """Begin to deliver."""
        self._loop = asyncio.create_task(self._forever(), name="push")

    async def close(self) -> None:
        """Stop: what is being sent may end, the rest is left to others at once."""
        if self._loop is None:
            return
        self._closing = True
        self._look.set()
        await asyncio.wait([self._loop], timeout=CLOSE_SECONDS)  # a claim that was just made is to be given back too
        self._loop.cancel()
        with suppress(asyncio.CancelledError):
            await self._loop
        self._loop = None
        if self._serving:
            await asyncio.wait(self._serving, timeout=CLOSE_SECONDS)
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def wake(self) -> None:
        """Something entered the outbox."""
        self._look.set()

    async def _forever(self) -> None:
        while not self._closing:
            try:
                await self._once()
            except DATABASE_ERRORS as error:
                logger.warning("push: database: %s: %s", type(error).__name__, error)
                await asyncio.sleep(self._poll_seconds)

    async def _once(self) -> None:
        # No more than can be served at once: a claim that waits here would keep other processes from it.
        room = self._concurrency - len(self._serving)
        claims = await self._outbox.claim(room) if room else []
        for claim in claims:
            serving = asyncio.create_task(self._serve(claim), name=f"push to {claim.config_id}")
            self._serving.add(serving)
            serving.add_done_callback(self._served)
        if not claims:
            await self._pause()
        self._look.clear()

    async def _pause(self) -> None:
        if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            await self._outbox.prune()
        with suppress(TimeoutError):
            # Processes look at different moments: the first of them finds all that is due.
            async with asyncio.timeout(self._poll_seconds * random.uniform(0.5, 1.0)):  # noqa: S311
                await self._look.wait()

    def _served(self, serving: asyncio.Task[None]) -> None:
        self._serving.discard(serving)
        self._look.set()

    async def _serve(self, claim: Claim) -> None:
        try:
            await self._deliver_all(claim)
        except LostClaimError:
            logger.info("push: lost the claim of config %s of task %s", claim.config_id, claim.task_id)
        except DATABASE_ERRORS as error:
            logger.warning("push: the claim will run out: %s: %s", type(error).__name__, error)
        except asyncio.CancelledError:
            with suppress(*DATABASE_ERRORS):
                await self._outbox.release(claim, more=True)
            raise

    async def _deliver_all(self, claim: Claim) -> None:
        body_of = self._body_of(claim)
        deliveries = await self._outbox.pending(claim)
        for delivery in deliveries:
            if not await self._deliver(claim, delivery, body_of):
                return
        await self._outbox.release(claim, more=len(deliveries) == PAGE)

    async def _deliver(self, claim: Claim, delivery: Delivery, body_of: Callable[[Delivery], Awaitable[bytes]]) -> bool:
        """One try. False when it is to be tried again: nothing behind it may go before it."""
        try:
            await self._sender.send(self._config(claim), claim.version, delivery.id, await body_of(delivery))
        except SendError as error:
            return await self._failed(claim, delivery, str(error))
        except DATABASE_ERRORS:
            raise
        except Exception:  # whatever one event has that cannot be said, it counts as a try: no config may hang on it
            logger.exception("push: delivery %s", delivery.id)
            return await self._failed(claim, delivery, "internal error; the agent's log has the details")
        await self._outbox.delivered(claim, delivery)
        return True

    async def _failed(self, claim: Claim, delivery: Delivery, error: str) -> bool:
        attempts = delivery.attempts + 1
        if self._schedule.gives_up(claim, delivery):
            logger.warning("push: delivery %s is given up after %d tries: %s", delivery.id, attempts, error)
            await self._outbox.dead(claim, delivery, error)
            return True
        logger.info("push: delivery %s: try %d: %s", delivery.id, attempts, error)
        await self._outbox.failed(claim, delivery, error, self._schedule.pause(attempts))
        return False

    def _config(self, claim: Claim) -> TaskPushNotificationConfig:
        try:
            return self._configs.open(claim.sealed, claim.task_id)
        except SealError as error:
            raise SendError(error.message) from None

    def _body_of(self, claim: Claim) -> Callable[[Delivery], Awaitable[bytes]]:
        """How this claim's client is told of an event."""
        replay = TaskReplay(claim.task_id, self._read_log)

        async def whole_task(delivery: Delivery) -> bytes:
            return task_body(await replay.at(delivery.seq))

        async def event(delivery: Delivery) -> bytes:
            return event_body(StreamResponse.FromString(delivery.body))

        return whole_task if claim.version == VERSION_0_3 else event
