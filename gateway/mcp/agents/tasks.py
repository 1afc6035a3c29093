"""The extension `io.modelcontextprotocol/tasks` (SEP-2663) over A2A: an MCP task is an agent's task under another id.

Every request asks the agent; the states are its own. A failed agent's task is `completed` with an error as its result:
`failed` is for errors of the protocol.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from a2a.types.a2a_pb2 import SendMessageConfiguration, SendMessageRequest, TaskState
from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.a2a.client.errors import RefusedError
from agentnet.errors import NotFoundError, UnavailableError
from agentnet.tasks.projection import Projection
from gateway.agents.contact import Contact
from gateway.mcp.agents.answer import Answer
from gateway.mcp.agents.question import AgentQuestion, question_in
from gateway.mcp.agents.task_ids import TaskIds, TaskRef
from gateway.mcp.agents.tools import AgentArguments
from gateway.mcp.agents.wire import dumped
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import object_or_empty

POLL_MS = 1000
MAX_STATUS_CHARACTERS = 500
AT_ONCE = SendMessageConfiguration(return_immediately=True)

Find = Callable[[Exchange, str], Awaitable[Contact]]
"""The agent of that name, as the caller of the exchange reaches it. Raises `NotFoundError`."""


class AgentTasks:
    """Serves tools/call as a task, and tasks/get, tasks/update, tasks/cancel."""

    def __init__(self, ids: TaskIds, find: Find) -> None:
        self._ids = ids
        self._find = find

    async def begin(self, exchange: Exchange, contact: Contact, arguments: AgentArguments) -> Document:
        """A task, or the result where the agent is done at once. Raises `RefusedError`, `UnavailableError`."""
        if arguments.only_looks:
            heard = contact.heard(await contact.get(arguments.task_id or ""))
        else:
            heard = contact.heard()
            heard.receive(await contact.begin(arguments.request(at_once=True)))
        # The server decides whether a call becomes a task (SEP-2663): what is done needs none.
        if heard.is_over or not heard.task_id:
            return dumped(Answer(contact.name, heard).result())
        ref = self._ids.make(exchange.principal, contact.name, heard.task_id)
        return {"resultType": "task", **self._envelope(ref, heard), "status": "working"}

    async def answer(self, exchange: Exchange) -> Document:
        """Serve tasks/*. Raises `McpError`, `UnavailableError`."""
        ref = self.ref(exchange, exchange.params.get("taskId"))
        contact = await self.contact(exchange, ref)
        try:
            match exchange.method:
                case "tasks/get":
                    return await self.state(exchange, ref, contact)
                case "tasks/update":
                    return await self._update(exchange, ref, contact)
                case _:
                    return await self._cancel(ref, contact)
        except RefusedError as error:
            if error.is_unknown_task:
                raise unknown(ref.id) from None
            raise

    def ref(self, exchange: Exchange, task_id: object) -> TaskRef:
        """What an id of the client's stands for. Raises `McpError`, also for another caller's."""
        ref = self._ids.read(exchange.principal, task_id) if isinstance(task_id, str) else None
        if ref is None:
            raise unknown(task_id)
        return ref

    async def contact(self, exchange: Exchange, ref: TaskRef) -> Contact:
        """The task's agent. Raises `UnavailableError` while it is not there: its tasks are kept."""
        try:
            return await self._find(exchange, ref.agent)
        except NotFoundError as error:
            # Away is not unknown: a client forgets a task of which it is told that there is none.
            raise UnavailableError(str(error)) from None

    async def state(self, exchange: Exchange, ref: TaskRef, contact: Contact) -> Document:
        """The task as it is (`DetailedTask`)."""
        return self.told(exchange, ref, contact.heard(await contact.get(ref.task_id)))

    def told(self, exchange: Exchange, ref: TaskRef, heard: Projection) -> Document:
        """What an agent said so far as a `DetailedTask`."""
        envelope = self._envelope(ref, heard)
        if heard.state == TaskState.TASK_STATE_CANCELED:
            return envelope | {"status": "cancelled"}
        if heard.is_over:
            return envelope | {"status": "completed", "result": result_of(ref, heard)}
        question = question_in(heard)
        if question is None:
            return envelope | {"status": "working"}
        asked = question.for_client(exchange.capabilities)
        if asked is None:  # a client that cannot be asked gets the question as a result, and answers with a new call
            return envelope | {"status": "completed", "result": result_of(ref, heard)}
        requests = {question.key: {"method": asked.method, "params": asked.params}}
        return envelope | {"status": "input_required", "inputRequests": requests}

    async def _update(self, exchange: Exchange, ref: TaskRef, contact: Contact) -> Document:
        """Take the client's answer to the open question; others are ignored."""
        question = question_in(contact.heard(await contact.get(ref.task_id)))
        given = object_or_empty(exchange.params.get("inputResponses"))
        if question is not None and question.key in given:
            await self._take(question, object_or_empty(given[question.key]), ref, contact)
        return {}

    async def _take(self, question: AgentQuestion, given: Document, ref: TaskRef, contact: Contact) -> None:
        message = question.answered(given)
        if message is None:
            await self._cancel(ref, contact)
        else:
            await contact.send(SendMessageRequest(message=message, configuration=AT_ONCE))

    async def _cancel(self, ref: TaskRef, contact: Contact) -> Document:
        try:
            await contact.cancel(ref.task_id)
        except RefusedError as error:
            if error.is_unknown_task:
                raise
        return {}  # one that has ended already stays as it is

    def _envelope(self, ref: TaskRef, heard: Projection) -> Document:
        # Two clocks: the agent's may be behind ours, and no client expects a task older than itself.
        updated = heard.status.timestamp.ToNanoseconds() / 1e9 or ref.created
        said = heard.said[:MAX_STATUS_CHARACTERS]
        envelope: Document = {
            "taskId": ref.id,
            "createdAt": written(ref.created),
            "lastUpdatedAt": written(max(updated, ref.created)),
            # Unlimited (SEP-2663): how long a task is kept is its tenant's rule, which may change meanwhile.
            "ttlMs": None,
            "pollIntervalMs": POLL_MS,
        }
        return envelope | ({"statusMessage": said} if said else {})


def result_of(ref: TaskRef, heard: Projection) -> Document:
    """A tool's result within a task."""
    return {"resultType": "complete", **dumped(Answer(ref.agent, heard).result())}


def written(seconds: float) -> str:
    """A Unix time as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unknown(task_id: object) -> McpError:
    """What a client is told of a task that is not there, or not its own."""
    return McpError(INVALID_PARAMS, "There is no such task.", detail={"taskId": task_id})
