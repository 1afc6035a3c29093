"""What one run of a specialist shares with its model, its tools and its delegations."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from a2a.types.a2a_pb2 import Artifact, Part, StreamResponse, TaskArtifactUpdateEvent, TaskState

from agentnet.files.store import FileRef, FileStore
from agentnet.identity import Budget, Delegation, Principal
from agentnet.runs.ending import Ending
from agentnet.runs.question import Question
from agentnet.runs.repeated import Repeated
from agentnet.tasks.events import status_update
from agentnet.tasks.output import media_type_of
from agentnet.tasks.run import TaskRun
from agentnet.tasks.steps import Step, StepKind

if TYPE_CHECKING:  # tool servers ask for scopes too, and have no use for the SDK
    from agents import FunctionTool

SUMMARY_CHARACTERS = 160
MAX_TOOLS = 100
"""Of a list that a model reads."""
SETTLE_SECONDS = 1.0
"""How long a question waits for siblings of its turn that never begin."""


@dataclass(slots=True)
class RunScope:
    """One run. Handed to tools as the SDK's context."""

    run: TaskRun
    agent: str
    files: FileStore
    asked: asyncio.Future[Question | Ending] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """What the run has to stop for."""
    tools: list[Any] = field(default_factory=list[Any])
    """Those of the agent, as the SDK has them."""
    answering: int = 0
    """Number of the request that is being answered."""
    repeated: Repeated = field(default_factory=Repeated)
    ending: Ending | None = None
    handed_off: str | None = None
    """The answer of the agent that finished the task in this one's stead."""
    questions: list[Question] = field(default_factory=list[Question])
    working: int = 0
    """Model calls and tool calls under way, without those that wait for an answer."""
    announced: int = 0
    """Tool calls that the model asked for and that have not begun."""
    served: Mapping[str, "FunctionTool"] | None = None
    """The tools of servers by name, for an agent with `find_tools`: where they are too many, they are not listed."""
    own: Mapping[str, "FunctionTool"] = field(default_factory=dict[str, "FunctionTool"])
    """Tools of the agent's folder by name, where they are so many that they may have to be found, too."""
    max_tools: int = MAX_TOOLS
    """More are not listed."""
    tokens: int = 0
    over: bool = False
    """Whether the execution has ended: what the SDK still does in the background must leave no trace."""

    def check(self) -> None:
        """Raises `CancelledError` once the execution has ended: the SDK takes a cancelled tool for a failed one, and
        would go on with the model's next turn."""
        if self.over:
            raise asyncio.CancelledError

    async def journal(self, key: str, value: bytes) -> None:
        """Store the result of a step of this execution. Raises `LostLeaseError`."""
        self.check()
        await self.run.journal(key, value)

    def note(self, key: str, value: bytes, *, at_once: bool = False) -> None:
        """Let it be stored soon, as `TaskRun.note` does. Raises `LostLeaseError`."""
        self.check()
        self.run.note(key, value, at_once=at_once)

    @property
    def findable(self) -> Mapping[str, "FunctionTool"]:
        """The tools that `find_tools` finds and `call_tool` calls, by name."""
        return {**(self.served or {}), **self.own}

    @property
    def tenant(self) -> str:
        """Whose task it is."""
        return self.run.leased.tenant

    @property
    def task_id(self) -> str:
        """The task."""
        return str(self.run.lease.task_id)

    @property
    def path(self) -> tuple[str, ...]:
        """Agents from the root to this one."""
        return (*(name.removeprefix("agent:") for name in self.run.leased.chain), self.agent)

    @property
    def budget(self) -> Budget:
        """What is left."""
        return Budget(**self.run.leased.budget)

    def principal(self, delegation: bool = False) -> Principal:
        """Who calls tools and peers on this task's behalf; for a delegation with the task and what is left for it."""
        leased = self.run.leased
        below = Delegation(self.task_id, str(leased.root_id), self.budget.after_hop()) if delegation else None
        return Principal(
            leased.tenant, leased.principal, chain=(*leased.chain, f"agent:{self.agent}"), delegation=below
        )

    async def say(self, step: Step) -> None:
        """Tell followers of a step."""
        event = status_update(self.run.named, TaskState.TASK_STATE_WORKING)
        event.status_update.metadata.update(step.as_metadata())
        await self.run.emit(event)

    async def begin(
        self,
        kind: StepKind,
        key: str,
        name: str,
        summary: str,
        peer_task_id: str | None = None,
        *,
        seconds: float = 0.0,
    ) -> "OpenStep":
        """Tell that a step begins, or that one has been going on for so long."""
        step = Step(
            id=f"{self.task_id}/{key}",
            kind=kind,
            phase="start",
            name=name,
            path=self.path,
            task_id=self.task_id,
            summary=shorten(summary),
            ms=round(seconds * 1000) or None,
            peer_task_id=peer_task_id,
        )
        began = time.monotonic() - seconds
        await self.say(step)
        return OpenStep(self, step, began)

    async def keep_file(self, name: str, media_type: str, body: bytes) -> FileRef:
        """Keep a file for as long as the task."""
        media_type = media_type_of(media_type) if media_type else ""
        return await self.files.put(self.tenant, name, media_type, body, self.run.lease.task_id)

    async def attach_file(self, key: str, name: str, media_type: str, body: bytes) -> FileRef:
        """Keep a file that a tool made and show it as an artifact of the task."""
        ref = await self.keep_file(name, media_type, body)
        part = Part(raw=body, filename=ref.name, media_type=ref.media_type)
        await self.attach(Artifact(artifact_id=f"file-{key}", name=ref.name, parts=[part]))
        return ref

    async def attach(self, artifact: Artifact, *, append: bool = False, last_chunk: bool = True) -> None:
        """Show an artifact of the task."""
        update = TaskArtifactUpdateEvent(
            task_id=self.task_id,
            context_id=self.run.leased.context_id,
            artifact=artifact,
            append=append,
            last_chunk=last_chunk,
        )
        await self.run.emit(StreamResponse(artifact_update=update))

    def ask(self, question: Question) -> None:
        """Stop the run for `question`, once nothing of the turn is still at work."""
        self.questions.append(question)
        self.settle()
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle_without_the_announced)

    def stop(self, ending: Ending) -> None:
        """End the run, once nothing of the turn is still at work."""
        self.ending = self.ending or ending
        self.settle()
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle_without_the_announced)

    def settle(self) -> None:
        """Stop if there is a reason to, and nothing else left to do."""
        # Calls of one turn run side by side: cut off by a sibling's question, they would have to be made again.
        reasons = [self.ending] if self.ending else self.questions
        if reasons and self.working == 0 and self.announced <= 0 and not self.asked.done():
            self.asked.set_result(reasons[0])

    def _settle_without_the_announced(self) -> None:
        if self.working == 0:  # the SDK never begins some: where there is no such tool it answers itself
            self.announced = 0
        self.settle()


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that has begun."""

    scope: RunScope
    step: Step
    began: float

    async def goes_on(self, name: str, summary: str) -> None:
        """Tell how it stands with it by now."""
        ms = round((time.monotonic() - self.began) * 1000)
        await self.scope.say(replace(self.step, name=name, summary=shorten(summary), ms=ms))

    async def end(self, summary: str, *, ok: bool = True, peer_task_id: str | None = None) -> None:
        """Tell that it has ended."""
        ms = round((time.monotonic() - self.began) * 1000)
        fields: dict[str, Any] = {name: getattr(self.step, name) for name in Step.__slots__}
        fields |= {"phase": "end", "summary": shorten(summary), "ms": ms, "ok": ok}
        fields["peer_task_id"] = peer_task_id or self.step.peer_task_id
        await self.scope.say(Step(**fields))


def shorten(text: str) -> str:
    """`text` on one line, at most `SUMMARY_CHARACTERS` long."""
    line = " ".join(text.split())
    return line if len(line) <= SUMMARY_CHARACTERS else line[: SUMMARY_CHARACTERS - 1] + "…"
