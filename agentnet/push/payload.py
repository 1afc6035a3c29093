"""The bodies of notifications: a StreamResponse for clients of A2A 1.0, the whole Task for those of 0.3."""

from uuid import UUID

from a2a.compat.v0_3.conversions import to_compat_task
from a2a.types.a2a_pb2 import StreamResponse, Task

from agentnet.tasks.log import LogEvent, ReadLog
from agentnet.tasks.projection import Projection
from agentnet.tasks.push_config import VERSION_0_3, VERSION_1_0
from agentnet.tasks.wire import dumps, stream_json

MEDIA_TYPES = {VERSION_1_0: "application/a2a+json", VERSION_0_3: "application/json"}
LOG_PAGE = 500


def event_body(event: StreamResponse) -> bytes:
    """An event as A2A 1.0 pushes it (section 4.3.3)."""
    return dumps(stream_json(event))


def task_body(task: Task) -> bytes:
    """A task as A2A 0.3 pushes it."""
    return to_compat_task(task).model_dump_json(by_alias=True, exclude_none=True).encode()


class TaskReplay:
    """A task as it was behind one event after the other; the log is read once, forwards."""

    def __init__(self, task_id: UUID, read_log: ReadLog) -> None:
        self._task_id = task_id
        self._read_log = read_log
        self._projection = Projection()
        self._ahead: list[LogEvent] = []
        self._seq = 0

    async def at(self, seq: int) -> Task:
        """The task behind event `seq`, which must not be before that of an earlier call."""
        while self._seq < seq:
            if not self._ahead:
                self._ahead = (await self._read_log(self._task_id, self._seq, LOG_PAGE))[::-1]
            if not self._ahead:
                break
            event = self._ahead.pop()
            self._projection.apply(event.event)
            self._seq = event.seq
        return self._projection.task()
