"""Delegation: the tools by which a specialist finds other agents and hands work to them over A2A.

A delegation's message id follows from the call that makes it, so that a replay finds the child that it began instead of
beginning another. A peer's question comes up to the user with the peer's own words, and the answer goes down to it.
"""

import asyncio
import json
import uuid
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    TaskArtifactUpdateEvent,
    TaskState,
)
from agents import FunctionTool, function_tool
from agents.tool_context import ToolContext
from pydantic import Field

from agentnet.a2a.client.agent import AgentClient
from agentnet.a2a.client.errors import RefusedError
from agentnet.a2a.client.transport import HttpxTransport
from agentnet.discovery.directory import Directory, Entry
from agentnet.errors import AgentNetError, DelegationError, NotFoundError, UnavailableError
from agentnet.files.store import URI_PATTERN
from agentnet.identity.tokens import Tokens
from agentnet.runs.approval import wait_for_answer
from agentnet.runs.journal import call_key, in_words, tells_itself
from agentnet.runs.question import Question, data_of, text_of
from agentnet.runs.scope import OpenStep, RunScope
from agentnet.runs.traits import Traits, mark
from agentnet.tasks.events import INTERRUPTED_STATES, RESTING_STATES
from agentnet.tasks.output import MAX_TEXT_CHARACTERS, put_right
from agentnet.tasks.parts import is_file, keeps_pieces
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import SOURCE, step_of
from agentnet.tasks.values import struct_json

ANY = "*"
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses before a broken stream is taken up again: together well over a lease, so that a takeover is waited for."""
IDLE_SECONDS = 60.0
"""Longest silence of a peer's stream; servers send keep-alive comments every 15 s."""
TRANSIENT_CODES = frozenset({-32050, -32051, 429, 500, 502, 503, 504})
"""A peer's refusals that may pass: busy, unavailable, and what HTTP says of such."""
MAX_QUESTIONS = 20
MOST_FOUND = 8
MOST_LISTED = 50
PeerName = Annotated[str, Field(min_length=1, max_length=100)]
Work = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Need = Annotated[str, Field(min_length=1, max_length=2000)]


@dataclass(frozen=True, slots=True)
class Peers:
    """What a specialist may delegate to, and the means."""

    names: list[str]
    """Names of agents, or `["*"]` for any."""
    directory: Directory
    http: httpx.AsyncClient
    tokens: Tokens

    def allows(self, name: str) -> bool:
        """Whether the specialist may delegate to `name`."""
        return ANY in self.names or name in self.names

    def tools(self) -> list[FunctionTool]:
        """`find_agents`, `delegate` and `handoff`; none for a specialist without peers. Runs may share them."""
        if not self.names:
            return []
        return [self._find_agents(), tells_itself(self._delegate()), tells_itself(self._handoff())]

    def _find_agents(self) -> FunctionTool:
        @function_tool(failure_error_function=in_words)
        async def find_agents(context: ToolContext[Any], need: Need) -> str:
            """Find agents in the network that can do something.

            Args:
                need: What has to be done, in plain words; "*" lists all that there are.
            """
            scope: RunScope = context.context
            if need.strip() == ANY:
                found = await self.directory.list(scope.principal(), "agent", limit=MOST_LISTED)
            else:
                found = await self.directory.search(scope.principal(), need, limit=MOST_FOUND)
            usable = [entry for entry in found if self.allows(entry.name) and entry.name not in scope.path]
            return json.dumps([_described(entry) for entry in usable], ensure_ascii=False)

        return mark(find_agents, Traits(reads_only=True))

    def _delegate(self) -> FunctionTool:
        @function_tool(strict_mode=False, failure_error_function=in_words)
        async def delegate(
            context: ToolContext[Any], agent: PeerName, message: Work, files: list[str] | None = None
        ) -> str:
            """Hand a piece of work to another agent and wait for its answer.

            Args:
                agent: Name of the agent, as find_agents gave it.
                message: The work in full: the agent sees nothing else of this conversation.
                files: URIs of files (agentnet-file:…) to send along.
            """
            outcome = await Delegated(self, context.context, agent, "delegation").run(message, files or [])
            return outcome.as_json()

        return delegate

    def _handoff(self) -> FunctionTool:
        @function_tool(strict_mode=False, failure_error_function=in_words)
        async def handoff(
            context: ToolContext[Any], agent: PeerName, message: Work, files: list[str] | None = None
        ) -> str:
            """Give the whole task away: the other agent finishes it, and its answer is the answer to the user.

            Args:
                agent: Name of the agent, as find_agents gave it.
                message: The task in full.
                files: URIs of files (agentnet-file:…) to send along.
            """
            scope: RunScope = context.context
            outcome = await Delegated(self, scope, agent, "handoff").run(message, files or [])
            if outcome.state != "completed":
                return outcome.as_json()
            scope.handed_off = outcome.answer
            return outcome.answer

        return handoff


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delegation ended."""

    agent: str
    task_id: str
    state: str
    answer: str
    files: list[dict[str, Any]]

    def as_json(self) -> str:
        """What the model is told."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields, ensure_ascii=False)


@dataclass(slots=True)
class Delegated:
    """One delegation: a child task at a peer, whose steps and files are streamed into the caller's task."""

    peers: Peers
    scope: RunScope
    agent: str
    kind: Any
    key: str = field(default_factory=call_key.get)
    child: Projection = field(default_factory=Projection)
    seen: int = 0
    """Events of the child that arrived: a stream that breaks after some is no stream that never comes."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """The child's artifacts that are passed on, each with its id in this task."""

    @property
    def child_id(self) -> str:
        """The child task; empty until it is known."""
        return self.child.task_id

    async def run(self, text: str, files: list[str]) -> Outcome:
        """Delegate and wait. Raises `AgentNetError` when it is refused or the peer stays away."""
        self._check()
        step = await self.scope.begin(self.kind, self.key, self.agent, text)
        try:
            outcome = await self._run(await self._message(text, files), step)
        except AgentNetError as error:
            await step.end(str(error), ok=False, peer_task_id=self.child_id or None)
            raise
        await step.end(outcome.answer or outcome.state, ok=outcome.state == "completed", peer_task_id=outcome.task_id)
        return outcome

    def _check(self) -> None:
        path = " → ".join((*self.scope.path, self.agent))
        if self.agent in self.scope.path:
            raise DelegationError(f"Refused: this delegation would go in a loop ({path}).")
        if self.scope.budget.hops < 1:
            raise DelegationError(f"Refused: the delegation would be too deep ({path}).")
        if not self.peers.allows(self.agent):
            raise DelegationError(
                f"{self.scope.agent} may not delegate to {self.agent!r}; it may to: {', '.join(self.peers.names)}."
            )

    async def _run(self, message: Message, step: OpenStep) -> Outcome:
        for number in range(MAX_QUESTIONS):
            state = await self._follow(message)
            if state not in INTERRUPTED_STATES:
                return await self._outcome(state)
            message = await self._ask(number, state)
        raise DelegationError(f"{self.agent} asked more than {MAX_QUESTIONS} questions; given up.")

    async def _message(self, text: str, files: list[str]) -> Message:
        uris = dict.fromkeys([*files, *(match[0].rstrip(".,;)") for match in URI_PATTERN.finditer(text))])
        parts = [Part(text=text)]
        for uri in uris:
            ref, body = await self.scope.files.get(self.scope.tenant, uri)
            parts.append(Part(raw=body, filename=ref.name, media_type=ref.media_type))
        return Message(message_id=self._message_id(""), role=Role.ROLE_USER, parts=parts)

    def _message_id(self, suffix: str) -> str:
        # The peer knows a repeated message by it, and answers with the task that the first one began.
        return str(uuid.uuid5(self.scope.run.lease.task_id, f"{self.key}{suffix}"))

    async def _follow(self, message: Message) -> TaskState:
        """Send `message`, pass the child's events on until it rests; take a broken stream up again."""
        self.child.sent(message)
        failures = 0
        while True:
            seen = self.seen
            try:
                return await self._stream(message)
            except (UnavailableError, NotFoundError, RefusedError) as error:
                # A peer that goes on after each break is no dead one.
                failures = failures + 1 if self.seen == seen else 1
                if failures > len(RETRY_SECONDS) or not self._may_pass(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS[failures - 1])

    def _may_pass(self, error: AgentNetError) -> bool:
        """Whether another try may end otherwise."""
        if isinstance(error, RefusedError):
            return error.code in TRANSIENT_CODES
        return self._is_known(error) if isinstance(error, NotFoundError) else True

    def _is_known(self, error: NotFoundError) -> bool:
        """Whether the peer must be somewhere: its replicas may all be starting. Other names a model may invent."""
        return "known" in error.data or bool(self.child_id) or self.agent in self.peers.names

    async def _stream(self, message: Message) -> TaskState:
        # Anew at each try: the replica that was called may be gone, and the token lives for a minute.
        peer = await self._reach()
        async with aclosing(peer.stream(SendMessageRequest(message=message))) as events:
            async for event in events:
                self.seen += 1
                self.child.receive(event)
                await self._pass_on(event)
        state = self.child.state
        if state not in RESTING_STATES:
            raise UnavailableError(f"The stream of {self.agent} ended before its task did.")
        return state

    async def _reach(self) -> AgentClient:
        """The peer where the registry has it now, with a token for it alone. Raises `NotFoundError`."""
        entry = await self.peers.directory.get(self.scope.principal(), "agent", self.agent)
        self.child.in_pieces = keeps_pieces(entry.document)
        token = self.peers.tokens.mint(self.scope.principal(delegation=True), f"agent:{self.agent}")
        name, url = f"The agent {self.agent}", f"{entry.url.rstrip('/')}/"
        return AgentClient(HttpxTransport(self.peers.http, url, name, idle_seconds=IDLE_SECONDS, token=token))

    async def _pass_on(self, event: StreamResponse) -> None:
        match event.WhichOneof("payload"):
            case "task":
                for artifact in self.child.artifacts:  # not the event's own: those may be in pieces
                    await self._pass_artifact(TaskArtifactUpdateEvent(artifact=artifact))
            case "status_update":
                step = step_of(struct_json(event.status_update.metadata))
                if step is not None:
                    await self.scope.say(step)
            case "artifact_update":
                await self._pass_artifact(event.artifact_update)
            case _:
                pass

    async def _pass_artifact(self, update: TaskArtifactUpdateEvent) -> None:
        """The files and data of the child, and those that it was passed itself.

        Not its words: they are this agent's material. Clients that show every artifact would show them beside the
        answer that is made of them, or twice where it repeats them; the child's task has them.
        """
        source = update.artifact
        parts = [part for part in source.parts if is_file(part) or part.HasField("data")]
        if not parts:
            return
        begins = not update.append or source.artifact_id not in self.names
        name = self.names.setdefault(source.artifact_id, self._name_here(source))
        artifact = Artifact(artifact_id=name, name=self._title_here(source), parts=parts)
        for part in artifact.parts:
            put_right(part)
        if begins:
            artifact.description = f"Passed on from {self.agent}; not the answer of {self.scope.agent} itself."
            artifact.metadata.update(
                {SOURCE: struct_json(source.metadata).get(SOURCE) or [*self.scope.path, self.agent]}
            )
        await self.scope.attach(artifact, append=not begins, last_chunk=update.last_chunk)

    def _name_here(self, source: Artifact) -> str:
        """What an artifact of the child is called in this task.

        Children count their own artifacts alike; one that was passed on to the child has a name that fits everywhere.
        """
        is_from_peer = self.child.is_from_peer(source.artifact_id)
        return source.artifact_id if is_from_peer else f"{self.child_id}.{source.artifact_id}"

    def _title_here(self, source: Artifact) -> str:
        """A file has its own; what else a peer made has the peer's name before it: every agent calls it alike."""
        if source.name and any(is_file(part) for part in source.parts):
            return source.name
        return f"{self.agent}: {source.name}" if source.name else self.agent

    async def _ask(self, number: int, state: TaskState) -> Message:
        """Bring the child's question to whoever sent this task; the answer as a message to the child."""
        data = data_of(self.child.status.message)
        question = Question(
            f"{self.key}!peer{number}",
            self.child.said or f"{self.agent} needs more input.",
            {"kind": "peer", **data, "path": data.get("path") or [*self.scope.path, self.agent]},
            state=state,
        )
        answer = await wait_for_answer(self.scope, question)
        return Message(
            message_id=self._message_id(f"!answer{number}"),
            task_id=self.child_id,
            role=Role.ROLE_USER,
            parts=answer.parts,
        )

    async def _outcome(self, state: TaskState) -> Outcome:
        files = []
        for artifact in (*self.child.artifacts, *self.child.sent_along):
            for part in artifact.parts:
                if body := part.raw or (part.text.encode() if part.filename else b""):
                    ref = await self.scope.keep_file(part.filename or artifact.name, part.media_type, body)
                    files.append({"name": ref.name, "uri": ref.uri, "media_type": ref.media_type, "size": ref.size})
        name = TaskState.Name(state).removeprefix("TASK_STATE_").lower()
        answer = self.child.answer_or_data or text_of(self.child.status.message)
        return Outcome(self.agent, self.child_id, name, answer, files)


def _described(entry: Entry) -> dict[str, Any]:
    skills = entry.document.get("skills", [])
    return {
        "name": entry.name,
        "description": entry.description,
        "skills": [
            {name: skill.get(name, "") for name in ("id", "name", "description")}
            for skill in skills
            if isinstance(skill, dict)
        ],
        "score": entry.score,
    }
