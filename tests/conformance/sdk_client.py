"""The a2a-sdk's own client, unmodified, as an outside agent would use it."""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.helpers import get_artifact_text, get_message_text, new_text_message
from a2a.types.a2a_pb2 import AgentCard, GetTaskRequest, Role, SendMessageRequest, Task, TaskState

TIMEOUT_SECONDS = 360.0


@dataclass(slots=True)
class Outcome:
    """What a client saw of one task."""

    task_id: str = ""
    state: int = TaskState.TASK_STATE_UNSPECIFIED
    text: str = ""
    events: list[str] = field(default_factory=list[str])

    @property
    def completed(self) -> bool:
        """Whether it came to its good end."""
        return self.state == TaskState.TASK_STATE_COMPLETED


@asynccontextmanager
async def client_for(
    url: str, key: str, *, binding: str = "JSONRPC", version: str = "1.0", streaming: bool = True
) -> AsyncIterator[Client]:
    """A client of the agent at `url` that knows one binding in one version only."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        card = narrowed(await A2ACardResolver(http, url).get_agent_card(), binding, version)
        config = ClientConfig(httpx_client=http, streaming=streaming, supported_protocol_bindings=[binding])
        async with ClientFactory(config).create(card) as client:
            yield client


def narrowed(card: AgentCard, binding: str, version: str) -> AgentCard:
    """The card as a client sees it that knows nothing else."""
    wanted = [
        interface
        for interface in card.supported_interfaces
        if interface.protocol_binding == binding and interface.protocol_version.startswith(version)
    ]
    assert wanted, f"the card offers no {binding} {version}"
    narrow = copy.deepcopy(card)
    del narrow.supported_interfaces[:]
    narrow.supported_interfaces.extend(wanted)
    return narrow


async def send(client: Client, text: str) -> Outcome:
    """Send one message and follow it to the end; then read the task back."""
    outcome = Outcome()
    request = SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))
    async for event in client.send_message(request):
        kind = str(event.WhichOneof("payload"))  # type: ignore[no-untyped-call]
        outcome.events.append(kind)
        outcome.task_id = outcome.task_id or (event.task.id if kind == "task" else getattr(event, kind).task_id)
    task = await client.get_task(GetTaskRequest(id=outcome.task_id))
    outcome.state = task.status.state
    outcome.text = text_of(task)
    return outcome


def text_of(task: Task) -> str:
    """What the task says: its artifacts, or its last status message."""
    artifacts = "\n".join(get_artifact_text(artifact) for artifact in task.artifacts)
    return artifacts or get_message_text(task.status.message)
