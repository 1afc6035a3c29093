"""The A2A request handler over the task store: a2a-sdk's `RequestHandler`, behind its routes in every binding.

Any replica answers for any task of its agent: what runs here is read from the run, everything else from PostgreSQL.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from uuid import UUID

from a2a.server.context import ServerCallContext
from a2a.server.events.event_queue import Event
from a2a.server.request_handlers.request_handler import validate_request_params
from a2a.types.a2a_pb2 import (
    AgentCard,
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import (
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from agentnet.a2a.canceling import Canceling
from agentnet.a2a.errors import answers, wrong_field
from agentnet.a2a.limits import (
    MessageLimits,
    check_chain,
    check_history_length,
    check_message,
    check_page_size,
    check_required,
    check_same,
)
from agentnet.a2a.listing import list_tasks
from agentnet.a2a.parameters import PRINCIPAL, RequiredExtensions, caller, circumstances_of, patience, task_id_in
from agentnet.a2a.pushing import PushOperations
from agentnet.a2a.stream import TaskStream, begun
from agentnet.a2a.views import View, Views, answer_of, check_place, history_length_of, repeated, shortened
from agentnet.errors import AgentNetError, BusyError
from agentnet.identity import Budget, Principal
from agentnet.ids import new_id, uuid7
from agentnet.push.configs import PushConfigs
from agentnet.settings import MAX_WAIT_SECONDS
from agentnet.signals import Signal, Signals, Topic
from agentnet.tasks.events import RESTING_STATES, TERMINAL_STATES, submitted
from agentnet.tasks.position import WHOLE, Position
from agentnet.tasks.projection import Projection
from agentnet.tasks.push_config import StoredConfig
from agentnet.tasks.records import NewTask, fresh
from agentnet.tasks.request import Circumstances
from agentnet.tasks.steps import STEPS
from agentnet.tasks.store import TaskStore
from agentnet.tasks.worker import Worker

__all__ = ["PRINCIPAL", "DurableRequestHandler"]

QUEUE_LIMIT = 10_000
BUSY_RETRY_SECONDS = 2.0


class DurableRequestHandler(PushOperations):
    """Answers for one agent. `definition` is stored with each task that begins; without `push` none is offered.

    `own_executor`: the agent's folder brings it, so that it is told what messages come with, and may answer with a
    message in place of a task.
    """

    def __init__(
        self,
        store: TaskStore,
        worker: Worker,
        signals: Signals,
        card: AgentCard,
        *,
        agent: str,
        definition: str,
        limits: MessageLimits,
        max_depth: int,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        push: PushConfigs | None = None,
        own_executor: bool = True,
    ) -> None:
        self._own_executor = own_executor
        self._store = store
        self._worker = worker
        self._views = Views(store, worker, agent)
        self._canceling = Canceling(store, worker, signals)
        self._signals = signals
        self._definition = definition
        self._limits = limits
        self._max_depth = max_depth
        self._max_wait_seconds = max_wait_seconds
        super().__init__(card, agent, push)
        self._required = RequiredExtensions(card)
        self._beginning: set[asyncio.Task[None]] = set()

    @answers
    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        """Begin or continue a task; wait until it rests unless the client wants it at once.

        The task goes on when the client's deadline passes; it is answered as it is then.
        """
        history_length = history_length_of(params.configuration)
        until = time.monotonic() + patience(context, self._max_wait_seconds)
        view = await self._deliver(params, context)
        # An interrupted task is an answer too: blocking means until it rests (A2A 1.0 section 3.2.2).
        if params.configuration.return_immediately or view.task.status.state in RESTING_STATES:
            return answer_of(shortened(view.task, history_length))
        run = self._worker.run_of(view.task_id)
        await self._views.rested(view, run, until)
        if run is not None and run.state in RESTING_STATES:  # as stored: what ends a run is stored before it is shown
            return answer_of(run.answer(history_length))
        return answer_of(await self._views.task(view.task_id, caller(context).tenant, history_length))

    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        """Begin or continue a task; the task first, then its events until it rests."""
        async with aclosing(_events(await self.open_stream(params, context))) as events:
            async for event in events:
                yield event

    async def on_subscribe_to_task(
        self, params: SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        """The task as it is, then its events until it has ended."""
        async with aclosing(_events(await self.subscribe(params, context))) as events:
            async for event in events:
                yield event

    @answers
    async def open_stream(self, params: SendMessageRequest, context: ServerCallContext) -> TaskStream:
        """Begin or continue a task; the stream of the task and then its events until it rests."""
        self._check_streaming()
        view = await self._deliver(params, context)
        task = shortened(view.task, history_length_of(params.configuration))
        return TaskStream(
            task,
            view.position,
            self._store.feeds.follow(view.task_id, view.position),
            RESTING_STATES,
            with_steps=STEPS in context.requested_extensions,
            may_be_message=self._own_executor and view.position.seq == 1,
        )

    @validate_request_params
    @answers
    async def subscribe(
        self,
        params: SubscribeToTaskRequest,
        context: ServerCallContext,
        after: Position | None = None,
        until: frozenset[TaskState] = TERMINAL_STATES,
    ) -> TaskStream:
        """The stream of the task as it is and then its events until one of `until`; or of those behind `after`."""
        self._check_streaming()
        view = await self._views.view(task_id_in(params.id), caller(context, params))
        check_place(after, view)
        with_steps = STEPS in context.requested_extensions
        if view.task.status.state in TERMINAL_STATES:
            return await self._remainder(view, after, with_steps=with_steps)
        if after is not None and view.task.status.state in until and after.durable >= view.position.seq:
            after = None  # all was seen, and nothing comes: the task as it is, rather than silence
        task = view.task if after is None else None
        start = view.position if after is None else after
        events = self._store.feeds.follow(view.task_id, start)
        return TaskStream(task, start, events, until, with_steps=with_steps)

    async def _remainder(self, view: View, after: Position | None, *, with_steps: bool) -> TaskStream:
        """What a client that was cut off has not seen of an ended task. Raises `UnsupportedOperationError` for none."""
        if after is not None and after.durable < view.position.seq:
            unseen = await begun(self._store.feeds.stored(view.task_id, after))
            if unseen is not None:
                return TaskStream(None, after, unseen, TERMINAL_STATES, with_steps=with_steps)
        raise UnsupportedOperationError(f"Task {view.task_id} has ended; get it instead of subscribing.")

    @validate_request_params
    @answers
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        """The task as it is."""
        check_history_length(params.history_length)
        caller(context, params)
        return await self._views.task(task_id_in(params.id), caller(context).tenant, history_length_of(params))

    @validate_request_params
    @answers
    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        """A page of the tenant's tasks of this agent, those with the latest status first."""
        check_history_length(params.history_length)
        if params.HasField("page_size"):
            check_page_size(params.page_size)
        return await list_tasks(self._store, params, caller(context, params).tenant, self._agent)

    @validate_request_params
    @answers
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task | None:
        """Stop a task wherever it runs, and all that it delegated."""
        task_id, tenant = task_id_in(params.id), caller(context, params).tenant
        if await self._store.read(task_id, tenant, self._agent, 0) is None:
            raise TaskNotFoundError(f"There is no task {params.id}.")
        if not await self._canceling.cancel_tree(task_id, tenant):
            raise TaskNotCancelableError(f"Task {params.id} has ended already.")
        return await self._views.task(task_id, caller(context).tenant, None)

    @validate_request_params
    @answers
    async def on_get_extended_agent_card(
        self, params: GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> AgentCard:
        """The card for callers with a key."""
        caller(context, params)
        if not self._card.capabilities.extended_agent_card:
            raise UnsupportedOperationError("This agent has no extended card.")
        return self._card

    async def _deliver(self, params: SendMessageRequest, context: ServerCallContext) -> View:
        """Store the message; answers the task as the message finds it, and the place where its events go on."""
        principal = caller(context, params)
        self._required.check(context)
        check_required(params)
        check_history_length(params.configuration.history_length, "configuration.historyLength")
        check_message(params.message, self._limits, self._card)
        push = await self.wanted_push(params.configuration, context)
        circumstances = circumstances_of(params, context) if self._own_executor else None
        if params.message.task_id:
            return await self._continue(params.message, principal, push, circumstances)
        return await self._begin(params.message, principal, push, circumstances)

    async def _begin(
        self,
        message: Message,
        principal: Principal,
        push: StoredConfig | None,
        circumstances: Circumstances | None,
    ) -> View:
        delegation = principal.delegation
        budget = delegation.budget if delegation else Budget(self._max_depth)
        check_chain(self._agent, principal, budget)
        task_id = uuid7()
        name = str(task_id)
        stated_context = message.context_id
        # UUIDv7: `agentnet partitions` splits the tables by ranges of it, which are months.
        message.task_id, message.context_id = name, message.context_id or new_id()
        leased = await self._room()
        new = NewTask(
            id=task_id,
            tenant=principal.tenant,
            agent=self._agent,
            context_id=message.context_id,
            principal=principal.subject,
            message_id=message.message_id,
            parent_id=UUID(delegation.parent_id) if delegation else None,
            root_id=UUID(delegation.root_id) if delegation else task_id,
            chain=principal.chain,
            budget=budget.fields(),
            definition=self._definition,
            task=submitted(name, message.context_id, message),
            leased=leased,
            circumstances=circumstances,
            push=push,
            opens_context=not stated_context,
        )
        try:
            known = await self._store.accept(new)
            if known != task_id:  # the same message once more: its task, not a second one (A2A 1.0 section 3.3.1)
                return repeated(await self._views.view(known, principal), message, stated_context)
            if leased:
                self._worker.start(fresh(new))
        except asyncio.CancelledError:
            self._begin_without_client(new)
            raise
        finally:
            if leased:
                self._worker.unreserve()
        if not leased:
            await self._leave(task_id, principal.tenant, circumstances)
            self._signals.publish(Signal(Topic.QUEUE, self._agent))
        return View(task_id, new.task, Position(1, int(leased), WHOLE, 1))

    def _begin_without_client(self, new: NewTask) -> None:
        """Begin a task whose client left in the middle of its accept: stored, it would wait for its lease to run out.

        To accept it again changes nothing and tells when it is stored.
        """

        async def begin() -> None:
            with suppress(AgentNetError):  # the database is away: then the lease does run out
                if await self._store.accept(new) == new.id and new.leased:
                    self._worker.start(fresh(new))

        beginning = asyncio.create_task(begin(), name=f"accept of {new.id}")
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)

    async def _leave(self, task_id: UUID, tenant: str, circumstances: Circumstances | None) -> None:
        """Let another replica know what a message came with: a run that begins here stores it with its first events."""
        if circumstances is not None:
            await self._store.leave(task_id, tenant, circumstances.key, circumstances.stored())

    async def _continue(
        self,
        message: Message,
        principal: Principal,
        push: StoredConfig | None,
        circumstances: Circumstances | None,
    ) -> View:
        view = await self._views.view(task_id_in(message.task_id), principal)
        task = view.task
        if message.context_id and message.context_id != task.context_id:
            raise wrong_field("message.contextId", f"is not the task's: {task.id} belongs to context {task.context_id}")
        message.context_id = task.context_id  # a client may name the task alone (A2A 1.0 section 3.4.3)
        if any(known.message_id == message.message_id for known in task.history):
            return repeated(view, message, task.context_id)
        if task.status.state in TERMINAL_STATES:
            raise UnsupportedOperationError(f"Task {task.id} has ended and takes no more messages; begin a new one.")
        if push is not None:
            await self.push_configs().put(view.task_id, principal.tenant, self._agent, push)
        # Shielded: a client that leaves in between would leave the task leased to this process, which does not run it.
        if not await asyncio.shield(self._wake(view, message, principal, circumstances)):
            taken = await self._store.add_input(view.task_id, principal.tenant, self._agent, message)
            if taken is None:  # it came to rest, or was woken, between two looks
                return await self._continue(message, principal, push, circumstances)
            check_same(message, taken)
            await self._leave(view.task_id, principal.tenant, circumstances)
        projection = Projection(task)
        projection.apply(StreamResponse(message=message))
        return View(view.task_id, projection.task(), view.position)

    async def _wake(
        self, view: View, message: Message, principal: Principal, circumstances: Circumstances | None
    ) -> bool:
        """Let a task that waits for input go on with `message`; False if it does not wait."""
        leased = self._worker.reserve()
        try:
            lease = await self._store.resume(view.task_id, principal.tenant, self._agent, message, leased=leased)
            if lease is None:
                return False
            if leased:
                resumed = await self._store.load(lease)
                resumed.circumstances = circumstances
                self._worker.start(resumed)
        finally:
            if leased:
                self._worker.unreserve()
        if not leased:
            await self._leave(view.task_id, principal.tenant, circumstances)
            self._signals.publish(Signal(Topic.QUEUE, self._agent))
        self._signals.publish(Signal(Topic.TASK, str(view.task_id)))
        return True

    async def _room(self) -> bool:
        """Whether the task may run here. Raises `BusyError` when too many wait already."""
        if self._worker.reserve():
            return True
        if await self._store.queue_length(self._agent, QUEUE_LIMIT) >= QUEUE_LIMIT:
            raise BusyError(
                f"{self._agent} has {QUEUE_LIMIT} tasks waiting; try again later.", retry_after=BUSY_RETRY_SECONDS
            )
        return False

    def activated(self, context: ServerCallContext) -> str:
        """The extensions that the caller asked for and this agent speaks, as a header names them."""
        if not context.requested_extensions:
            return ""
        known = {extension.uri for extension in self._card.capabilities.extensions}
        return ", ".join(sorted(known & context.requested_extensions))

    def _check_streaming(self) -> None:
        if not self._card.capabilities.streaming:
            raise UnsupportedOperationError("This agent does not stream; send without streaming and get the task.")


async def _events(stream: TaskStream) -> AsyncGenerator[Event, None]:
    """The stream for bindings that know no places: the SDK's."""
    async with aclosing(stream.frames()) as items:
        async for item in items:
            if item is not None:
                payload: Event = getattr(item.event, item.event.WhichOneof("payload"))
                yield payload
                del payload  # a stream may last for hours, and the task that it begins with is large
            del item
