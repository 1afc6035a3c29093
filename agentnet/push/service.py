"""Push notifications of one process: configs, keys and a deliverer over the process's database."""

from agentnet.database import Database
from agentnet.http.ssrf import Resolve, guarded_client, resolve
from agentnet.identity.sealing import Seal
from agentnet.push.configs import PushConfigs
from agentnet.push.deliverer import POLL_SECONDS, Deliverer, Schedule
from agentnet.push.outbox import LEASE_SECONDS, Outbox
from agentnet.push.sending import MAX_ANSWER_BYTES, REQUEST_SECONDS, Sender
from agentnet.push.signing import KeyRing, Signer
from agentnet.settings import Settings
from agentnet.tasks.store import TaskStore


class Push:
    """Open it to deliver. `resolve` looks names up, when a config is made and at every connection."""

    def __init__(
        self,
        database: Database,
        store: TaskStore,
        settings: Settings,
        seal: Seal,
        *,
        schedule: Schedule | None = None,
        lease_seconds: float = LEASE_SECONDS,
        request_seconds: float = REQUEST_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        resolve: Resolve = resolve,
    ) -> None:
        allow_private = settings.allow_private_urls
        self.configs = PushConfigs(database, seal, allow_private=allow_private, resolve=resolve)
        self.keys = KeyRing(database, seal)
        self._store = store
        self._http = guarded_client(allow_private=allow_private, max_bytes=MAX_ANSWER_BYTES, resolve=resolve)
        sender = Sender(self._http, Signer(self.keys, settings.gateway_url), request_seconds=request_seconds)
        outbox = Outbox(database, lease_seconds)
        self._deliverer = Deliverer(
            outbox, self.configs, sender, store.events_after, schedule=schedule, poll_seconds=poll_seconds
        )

    async def open(self) -> None:
        """Begin to deliver."""
        await self.keys.claim()
        self._store.pushed = self._deliverer.wake
        await self._deliverer.open()

    async def close(self) -> None:
        """Stop; what is left goes on elsewhere."""
        await self._deliverer.close()
        await self._http.aclose()
