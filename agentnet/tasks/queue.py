"""The event queue that an executor writes into: a2a-sdk's interface over a run."""

from a2a.server.events.event_queue import Event, EventQueue
from a2a.types.a2a_pb2 import (
    Message,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import InvalidAgentResponseError

from agentnet.settings import MAX_FILE_BYTES
from agentnet.tasks.events import COMPLETED, RESTING_STATES, TERMINAL_STATES, now_timestamp, status_update
from agentnet.tasks.output import Output, wrong
from agentnet.tasks.run import TaskRun


class RunQueue(EventQueue):
    """Passes events on to the run; the one that brings the task to rest is kept for the end of the execution.

    A task that an executor announces is not a new one: what it says of status and artifacts becomes updates of this
    task. A bare message is the whole answer: where nothing was said of a task before, clients get it as such.
    """

    def __init__(self, run: TaskRun, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._run = run
        self._task_id, self._context_id = run.task_id, run.leased.context_id
        self._output = Output(max_file_bytes)
        self._has_begun = not run.is_new
        self.final: StreamResponse | None = None
        """The event that brings the task to rest."""

    async def enqueue_event(self, event: Event) -> None:
        """Take an event. Raises `InvalidAgentResponseError` for one behind the end, of another task, or wrong."""
        if self.final is not None:
            await self._after_rest()
        match event:
            case TaskStatusUpdateEvent():
                await self._status(event)
            case TaskArtifactUpdateEvent():
                await self._artifact(event)
            case Message():
                self._answer(event)
            case Task():
                await self._task(event)
            case _:
                raise wrong(f"what is no event of a task ({type(event).__name__})")
        self._has_begun = True

    def _answer(self, event: Message) -> None:
        task = self._run.named
        message = Message()
        message.CopyFrom(event)
        self._output.message(message)
        message.context_id = task.context_id
        # Without a task's id it is an answer that is no task's: `bare_answer` in events.py reads it so.
        message.task_id = task.id if self._has_begun else ""
        self.final = status_update(task, COMPLETED, message)

    async def _after_rest(self) -> None:
        """An executor may wait out an interruption itself (authorisation out of band); nothing may follow an end."""
        assert self.final is not None
        if self.final.status_update.status.state in TERMINAL_STATES:
            raise InvalidAgentResponseError("The agent sent an event after the task had ended.")
        event, self.final = self.final, None
        await self._run.emit(event)

    async def _status(self, event: TaskStatusUpdateEvent) -> None:
        self._claim_ids(event)
        self._output.status(event)
        if not event.status.HasField("timestamp"):  # ListTasks goes by it; executors often leave it out
            event.status.timestamp.CopyFrom(now_timestamp())
        if event.status.HasField("message"):
            event.status.message.task_id, event.status.message.context_id = event.task_id, event.context_id
        response = StreamResponse(status_update=event)
        if event.status.state in RESTING_STATES:
            self.final = response
        else:
            await self._run.emit(response)

    async def _artifact(self, event: TaskArtifactUpdateEvent) -> None:
        self._claim_ids(event)
        self._output.artifact(event)
        await self._run.emit(StreamResponse(artifact_update=event))

    async def _task(self, task: Task) -> None:
        self._check_ids(task.id, task.context_id)
        for artifact in task.artifacts:
            await self._artifact(TaskArtifactUpdateEvent(artifact=artifact, last_chunk=True))
        if task.status.state and (task.status.state != self._run.state or task.status.HasField("message")):
            await self._status(TaskStatusUpdateEvent(status=task.status))

    def _claim_ids(self, event: TaskStatusUpdateEvent | TaskArtifactUpdateEvent) -> None:
        self._check_ids(event.task_id, event.context_id)
        event.task_id, event.context_id = self._task_id, self._context_id

    def _check_ids(self, task_id: str, context_id: str) -> None:
        if task_id and task_id != self._task_id:
            raise wrong("an event of another task")
        if context_id and context_id != self._context_id:
            raise wrong("an event of another context")
