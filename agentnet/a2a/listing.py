"""ListTasks: every filter, and pages by a cursor that stays valid when tasks change (A2A 1.0 section 3.1.4)."""

from datetime import UTC

from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, TaskState

from agentnet.a2a.errors import wrong_field
from agentnet.tasks.listing import STORED, Filters, page_of, total_of
from agentnet.tasks.store import TaskStore

DEFAULT_PAGE_SIZE = 50


async def list_tasks(store: TaskStore, params: ListTasksRequest, tenant: str, agent: str) -> ListTasksResponse:
    """A page of tasks, those with the latest status first. Raises `InvalidParamsError` for a wrong page token."""
    size = params.page_size if params.HasField("page_size") else DEFAULT_PAGE_SIZE
    filters = Filters(
        tenant,
        agent,
        params.context_id or None,
        int(params.status) if params.status != TaskState.TASK_STATE_UNSPECIFIED else None,
        params.status_timestamp_after.ToDatetime(UTC) if params.HasField("status_timestamp_after") else None,
    )
    try:
        page = await page_of(store.pool, filters, STORED, size, params.page_token)
    except ValueError:
        raise wrong_field("pageToken", "is not a page token that this server gave") from None
    total = await total_of(store.pool, filters)
    history = params.history_length if params.HasField("history_length") else 0
    # Artifacts are left out unless asked for (A2A 1.0 section 3.1.4).
    tasks = await store.read_rows(page.rows, tenant, agent, history, artifacts=params.include_artifacts)
    return ListTasksResponse(tasks=tasks, next_page_token=page.next_token, page_size=size, total_size=total)
