"""ListTasks: every filter, and pages by a cursor that stays valid when tasks change (A2A 1.0 section 3.1.4)."""

from datetime import UTC, datetime
from uuid import UUID

from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Task, TaskState
from a2a.utils.task import ListTasksCursor, decode_list_tasks_cursor, encode_list_tasks_cursor

from agentnet.a2a.limits import wrong_field
from agentnet.database.retry import retried
from agentnet.tasks import sql
from agentnet.tasks.store import TaskStore

DEFAULT_PAGE_SIZE = 50


async def list_tasks(store: TaskStore, params: ListTasksRequest, tenant: str, agent: str) -> ListTasksResponse:
    """A page of tasks, those with the latest status first. Raises `InvalidParamsError` for a wrong page token."""
    size = params.page_size if params.HasField("page_size") else DEFAULT_PAGE_SIZE
    filters = (
        tenant,
        agent,
        params.context_id or None,
        int(params.status) if params.status != TaskState.TASK_STATE_UNSPECIFIED else None,
        params.status_timestamp_after.ToDatetime(UTC) if params.HasField("status_timestamp_after") else None,
    )
    # One more than a page: whether there is another is known without a count of what follows.
    moment, last_id = _cursor(params.page_token)
    rows = await retried(lambda: store.pool.fetch(sql.LIST, *filters, size + 1, moment, last_id))
    total = await retried(lambda: store.pool.fetchval(sql.COUNT, *filters))
    history = params.history_length if params.HasField("history_length") else 0
    tasks: list[Task] = []
    for row in rows[:size]:
        if history or row["snapshot_seq"] != row["last_seq"]:
            found = await store.read(row["id"], tenant, agent, history)
            if found is None:  # swept by retention since the page was read
                continue
            task = found[0]
        else:
            task = Task.FromString(row["snapshot"])
        if not params.include_artifacts:  # left out unless asked for (A2A 1.0 section 3.1.4)
            task.ClearField("artifacts")
        tasks.append(task)
    token = ""
    if len(rows) > size:
        last = rows[size - 1]
        token = encode_list_tasks_cursor(ListTasksCursor(_nanoseconds(last["status_at"]), str(last["id"])))
    return ListTasksResponse(tasks=tasks, next_page_token=token, page_size=size, total_size=total)


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000


def _cursor(token: str) -> tuple[datetime | None, UUID | None]:
    if not token:
        return None, None
    cursor = decode_list_tasks_cursor(token)
    if cursor is None or cursor.timestamp_ns is None:
        raise wrong_field("pageToken", "is not a page token that this server gave")
    try:
        return datetime.fromtimestamp(cursor.timestamp_ns / 1e9, UTC), UUID(cursor.task_id)
    except (ValueError, OverflowError):
        raise wrong_field("pageToken", "is not a page token that this server gave") from None
