"""One call of an agent on behalf of an MCP host, from its message to its result, with the agent's questions between.

Nothing of it outlasts the request: a modern client brings the task's id back in its sealed `requestState`, and the task
itself says what it asks.
"""

import logging

import anyio
import mcp_types as types
from a2a.types.a2a_pb2 import SendMessageRequest, StreamResponse, TaskState

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity.origin import TASK_META
from gateway.agents.contact import CANCEL_SECONDS, Contact
from gateway.agents.following import Following
from gateway.agents.progress import Progress
from gateway.mcp.agents.answer import Answer
from gateway.mcp.agents.question import AgentQuestion, question_in
from gateway.mcp.agents.tools import AgentArguments
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError, cancelled
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.resumption.event_ids import PRIMING_VERSION, EventIds

logger = logging.getLogger(__name__)

MAX_QUESTIONS = 50
"""Within one call."""


class AgentCall:
    """Run it once. After `seconds` the host is told that the agent still works."""

    def __init__(self, contact: Contact, exchange: Exchange, seconds: float, event_ids: EventIds) -> None:
        self._seconds = seconds
        self._contact = contact
        self._exchange = exchange
        self._event_ids = event_ids
        self._is_primed = False
        self._heard = contact.heard()
        self._answer = Answer(contact.name, self._heard)
        self._progress = Progress(self._heard, self._tell)
        self._following = Following(contact, self._heard, self._progress)

    async def run(self, arguments: AgentArguments) -> types.CallToolResult:
        """The result. Lets `InputRequired` through; raises `RefusedError`, `UnavailableError`, `McpError`.

        The task is cancelled when the client cancels; it goes on when a legacy client only left.
        """
        try:
            with anyio.move_on_after(self._seconds):
                await self._talk(arguments)
            if not self._heard.task_id and not self._heard.is_over:
                raise UnavailableError(f"The agent {self._contact.name!r} did not answer within {self._seconds:g} s.")
            await self._progress.finish()
        except UnavailableError as error:
            if not self._heard.task_id:
                raise
            # The task goes on without us: an error alone would have the model begin it once more.
            return self._answer.left(str(error))
        except anyio.get_cancelled_exc_class():
            # Leaving is how a modern host cancels; a legacy one that lost its connection may come back for the result
            # (MCP 2025-11-25, transports: a disconnection is no cancellation).
            if self._exchange.era is Era.MODERN or self._exchange.is_cancelled:
                with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
                    await self._cancel()
            raise
        finally:
            self._progress.drop()
        return self._answer.result()

    async def _talk(self, arguments: AgentArguments) -> None:
        """From the message to the end of the task, or to a question that stays open."""
        await self._begin(arguments)
        for _ in range(MAX_QUESTIONS):
            question = question_in(self._heard)
            if question is None or not await self._ask(question):
                return

    async def _begin(self, arguments: AgentArguments) -> None:
        """Send the message, or go on with the task that the client was asked about or looks at."""
        state = self._exchange.state()
        known = state["task"] if state is not None else arguments.task_id if arguments.only_looks else None
        if known is None:
            await self._following.send(arguments.request())
            return
        await self._look(known)
        await self._following.settle()
        # A host may come back for what it has just cancelled (the TypeScript SDK does): it gets no second answer.
        if self._exchange.is_resumed and self._heard.state == TaskState.TASK_STATE_CANCELED:
            raise cancelled()

    async def _ask(self, question: AgentQuestion) -> bool:
        """Ask the client and take its answer to the agent; False where it cannot be asked, or does not answer."""
        asked = question.for_client(self._exchange.capabilities)
        if asked is None or not is_reachable(self._exchange):
            return False
        await self._progress.finish()
        await self._prime()
        state: Document = {"task": question.task_id}
        try:
            answers = await self._exchange.ask({question.key: asked}, state)
        except McpError as error:
            # It stays open at the agent, and the result tells how to answer it.
            logger.info("a question of task %s was not answered: %s", question.task_id, error)
            return False
        message = question.answered(answers[question.key])
        if message is None:
            await self._cancel()
            await self._look(question.task_id)
            return False
        await self._following.send(SendMessageRequest(message=message))
        return True

    async def _tell(self, number: int, message: str) -> None:
        """Report progress with the task's id, by which a host that left asks for its result."""
        exchange, task_id = self._exchange, self._heard.task_id
        # A host that asked for no progress must get none, but may still want to resume.
        if exchange.progress_token is None:
            await self._prime()
            return
        event_id = self._event_ids.make(exchange, task_id, exchange.told + number)
        self._is_primed = event_id is not None
        await exchange.progress(exchange.told + number, None, message, {TASK_META: task_id}, event_id)

    async def _prime(self) -> None:
        """Tell the client how to resume, if nothing has yet: clients of older versions read no event without data."""
        event_id = self._event_ids.make(self._exchange, self._heard.task_id, self._exchange.told)
        if event_id and not self._is_primed and self._exchange.version >= PRIMING_VERSION:
            self._is_primed = True
            await self._exchange.reply.prime(event_id)

    async def _look(self, task_id: str) -> None:
        self._heard.receive(StreamResponse(task=await self._contact.get(task_id)))

    async def _cancel(self) -> None:
        heard = self._heard
        if not heard.task_id or heard.is_over:
            return
        try:
            await self._contact.cancel(heard.task_id)
        except AgentNetError as error:
            logger.info("task %s of %s was not cancelled: %s", heard.task_id, self._contact.name, error)


def is_reachable(exchange: Exchange) -> bool:
    """Whether questions can get to the client: a legacy one needs a session and a stream."""
    return exchange.era is Era.MODERN or (exchange.session is not None and exchange.reply.may_stream)
