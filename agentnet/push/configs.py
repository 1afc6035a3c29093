"""Push configs: what a client may ask for, and where that is stored.

`authentication.credentials` are written and never shown again, neither to the client that gave them nor to another key
of its tenant; everything else is answered as it was given.
"""

import re
from uuid import UUID

import httpx
from a2a.types.a2a_pb2 import ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError

from agentnet.database import Database
from agentnet.http.header_values import HEADER_VALUE
from agentnet.http.ssrf import Resolve, check_url, resolve
from agentnet.identity.sealing import Seal
from agentnet.ids import new_id
from agentnet.push import sql
from agentnet.tasks.push_config import StoredConfig

MAX_CONFIGS = 16
"""Of one task."""
MAX_ID_CHARACTERS = 128
MAX_TOKEN_CHARACTERS = 2048
MAX_CREDENTIALS_CHARACTERS = 4096
PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
BEARER = "bearer"

_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")


_NO_SEGMENT = re.compile(r"[/\\\x00-\x1f\x7f]")


class PushConfigs:
    """The configs of all tasks. `allow_private` lets webhooks be at private addresses; for closed networks only."""

    def __init__(
        self, database: Database, seal: Seal, *, allow_private: bool = False, resolve: Resolve = resolve
    ) -> None:
        self._pool = database.pool
        self._seal = seal
        self._allow_private = allow_private
        self._resolve = resolve

    async def checked(self, config: TaskPushNotificationConfig, version: str) -> StoredConfig:
        """`config` ready to be stored; it gets an id if it has none.

        Raises `InvalidParamsError` that names what is wrong, `UnsafeUrlError` when its URL may not be called.
        """
        config.id = config.id or new_id()
        _check_texts(config)
        target = await check_url(config.url, allow_private=self._allow_private, resolve=self._resolve)
        return StoredConfig(config.id, version, _address(target.url), self._seal.close(config.SerializeToString()))

    async def put(self, task_id: UUID, tenant: str, agent: str, config: StoredConfig) -> None:
        """Store a config for a task, in the place of one with its id.

        Raises `TaskNotFoundError`, `InvalidParamsError` when the task has too many.
        """
        stored = await self._pool.fetchval(
            sql.PUT_CONFIG,
            task_id,
            tenant,
            agent,
            config.id,
            MAX_CONFIGS,
            config.version,
            config.address,
            config.sealed,
        )
        if stored is None:
            await self.require_task(task_id, tenant, agent)
            raise InvalidParamsError(f"Task {task_id} has {MAX_CONFIGS} push configs, which is the limit; delete one.")

    async def get(self, task_id: UUID, tenant: str, agent: str, config_id: str) -> TaskPushNotificationConfig:
        """A config; with an empty id the task's first. Raises `TaskNotFoundError`."""
        sealed = await self._pool.fetchval(sql.GET_CONFIG, task_id, tenant, agent, config_id)
        if sealed is None:
            raise TaskNotFoundError(f"There is no push config {config_id} of a task {task_id}.")
        return shown(self.open(sealed, task_id))

    async def list(
        self, task_id: UUID, tenant: str, agent: str, page_size: int, page_token: str
    ) -> ListTaskPushNotificationConfigsResponse:
        """A page of a task's configs, by id. Raises `TaskNotFoundError`, `InvalidParamsError`."""
        if not 0 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidParamsError(f"pageSize must be between 1 and {MAX_PAGE_SIZE}.")
        await self.require_task(task_id, tenant, agent)
        size = page_size or PAGE_SIZE
        rows = await self._pool.fetch(sql.LIST_CONFIGS, task_id, page_token, size + 1)
        return ListTaskPushNotificationConfigsResponse(
            configs=[shown(self.open(row["config"], task_id)) for row in rows[:size]],
            next_page_token=rows[size - 1]["id"] if len(rows) > size else "",
        )

    async def delete(self, task_id: UUID, tenant: str, agent: str, config_id: str) -> None:
        """Remove a config and what is on its way to it; nothing if it is not there. Raises `TaskNotFoundError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(sql.DETACH_CONFIG, task_id, tenant, agent, config_id) is None:
                raise TaskNotFoundError(f"There is no task {task_id}.")
            # After the task's row, which appends lock first too: the other way round the two could wait for each other.
            await connection.execute(sql.DELETE_CONFIG, task_id, config_id)
            await connection.execute(sql.DELETE_DELIVERIES, task_id, config_id)

    def open(self, sealed: bytes, task_id: UUID) -> TaskPushNotificationConfig:
        """A task's config as it was stored, with its credentials. Raises `SealError`."""
        config: TaskPushNotificationConfig = TaskPushNotificationConfig.FromString(self._seal.open(sealed))
        config.task_id = str(task_id)
        return config

    async def require_task(self, task_id: UUID, tenant: str, agent: str) -> None:
        """Raises `TaskNotFoundError` where the tenant has no such task."""
        if await self._pool.fetchval(sql.HAS_TASK, task_id, tenant, agent) is None:
            raise TaskNotFoundError(f"There is no task {task_id}.")


def shown(config: TaskPushNotificationConfig) -> TaskPushNotificationConfig:
    """`config` as it is answered: without credentials."""
    answer = TaskPushNotificationConfig()
    answer.CopyFrom(config)
    answer.authentication.ClearField("credentials")
    if not config.HasField("authentication"):  # the line above has made one
        answer.ClearField("authentication")
    return answer


def _check_texts(config: TaskPushNotificationConfig) -> None:
    """What goes into headers must not be able to make headers of its own."""
    # It is a segment of the config's address over HTTP+JSON, where nobody could read or delete another.
    if len(config.id) > MAX_ID_CHARACTERS or config.id in (".", "..") or _NO_SEGMENT.search(config.id):
        raise InvalidParamsError(
            f"id must be at most {MAX_ID_CHARACTERS} characters, without slashes, control characters, and not . or .."
        )
    _check_header("token", config.token, MAX_TOKEN_CHARACTERS)
    scheme, credentials = config.authentication.scheme, config.authentication.credentials
    _check_header("authentication.credentials", credentials, MAX_CREDENTIALS_CHARACTERS)
    if scheme and not _SCHEME.fullmatch(scheme):
        raise InvalidParamsError("authentication.scheme must be an HTTP scheme, such as Bearer.")
    if credentials and not scheme:
        raise InvalidParamsError("authentication.credentials need a scheme, such as Bearer.")
    if scheme and not credentials and scheme.lower() != BEARER:
        raise InvalidParamsError(f"authentication.scheme {scheme} needs credentials; only Bearer can do without.")


def _check_header(name: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise InvalidParamsError(f"{name} has {len(value)} characters; the limit is {limit}.")
    if value and not HEADER_VALUE.fullmatch(value):
        raise InvalidParamsError(f"{name} must be printable ASCII, as HTTP headers are.")


def _address(url: httpx.URL) -> str:
    return str(url.copy_with(query=None, fragment=None))
