import pytest
from a2a.types.a2a_pb2 import Artifact, Part, StreamResponse, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent

from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import SOURCE, Step
from gateway.agents.progress import Progress, line_of

pytestmark = pytest.mark.anyio


def words(text: str, artifact_id: str = "a", *, append: bool = True, source: bool = False) -> StreamResponse:
    artifact = Artifact(artifact_id=artifact_id, parts=[Part(text=text)])
    if source:
        artifact.metadata.update({SOURCE: ["echo", "peer"]})
    return StreamResponse(artifact_update=TaskArtifactUpdateEvent(task_id="t", artifact=artifact, append=append))


def step(name: str) -> StreamResponse:
    made = Step("1", "tool", "start", name, ("echo",), "t")
    update = TaskStatusUpdateEvent(task_id="t", metadata=made.as_metadata())
    update.status.state = TaskState.TASK_STATE_WORKING
    return StreamResponse(status_update=update)


async def told(*events: StreamResponse) -> list[str]:
    said: list[str] = []

    async def report(number: int, message: str) -> None:
        said.append(message)
        assert number == len(said)

    heard = Projection()
    progress = Progress(heard, report)
    for event in events:
        heard.receive(event)
        await progress.tell(event)
    await progress.finish()
    return said


def test_a_step_is_told_in_a_line() -> None:
    step = Step("1", "tool", "end", "search", ("concierge", "researcher"), "t", ms=120, ok=False)
    assert line_of(step) == "concierge → researcher: search (120 ms) failed"
    asks = Step("1", "delegation", "start", "writer", ("concierge", "researcher"), "t", summary="a report")
    assert line_of(asks) == "concierge → researcher: asks writer: a report …"
    waits = Step("1", "model", "start", "gpt", ("concierge",), "t", summary="waiting 30 s: rate limit")
    assert line_of(waits) == "concierge: gpt: waiting 30 s: rate limit"
    assert line_of(Step("1", "model", "end", "gpt", ("concierge",), "t", ms=30_000)) == ""


async def test_words_are_told_together_and_a_step_on_a_line_of_its_own() -> None:
    assert await told(words("Hel"), words("lo"), step("search"), words("wor"), words("ld")) == [
        "Hello\necho: search …\nworld"
    ]


APART: dict[str, tuple[list[StreamResponse], str]] = {
    "another artifact": ([words("A1", "a"), words("B1", "b")], "A1\n\nB1"),
    "the first again": ([words("A1", "a"), words("B1", "b"), words(" more", "a")], "A1\n\nB1\n\n more"),
    "one that is replaced": ([words("draft"), words("final", append=False)], "draft\n\nfinal"),
    "one that goes on": ([words("A1"), words(" more")], "A1 more"),
}


@pytest.mark.parametrize(("events", "said"), APART.values(), ids=APART)
async def test_words_of_several_artifacts_are_paragraphs(events: list[StreamResponse], said: str) -> None:
    assert await told(*events) == [said]


async def test_a_step_is_told_at_once() -> None:
    assert await told(step("search"), step("count")) == ["echo: search …", "echo: count …"]


async def test_no_chunk_of_what_a_peer_made_is_told() -> None:
    assert await told(words("26.2", "p", source=True), words("It is "), words(" miles", "p"), words("far.")) == [
        "It is far."
    ]
