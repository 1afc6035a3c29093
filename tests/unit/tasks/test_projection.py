from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
)

from agentnet.tasks.events import (
    KIND_ARTIFACT,
    KIND_STATUS_WITH_MESSAGE,
    agent_message,
    kind_of,
    status_update,
    submitted,
)
from agentnet.tasks.projection import Projection


def _begun() -> Projection:
    message = Message(message_id="m1", role=Role.ROLE_USER, parts=[Part(text="hello")])
    return Projection(submitted("t1", "c1", message))


def _chunk(text: str, *, append: bool = True, artifact_id: str = "a") -> StreamResponse:
    artifact = Artifact(artifact_id=artifact_id, parts=[Part(text=text)])
    return StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=artifact, append=append))


def _texts(task: Task) -> list[list[str]]:
    return [[part.text for part in artifact.parts] for artifact in task.artifacts]


def test_streamed_chunks_become_one_text() -> None:
    projection = _begun()
    for piece in ("one ", "two ", "three"):
        projection.apply(_chunk(piece))
    assert _texts(projection.task()) == [["one two three"]]


def test_a_chunk_that_does_not_append_replaces_the_artifact() -> None:
    projection = _begun()
    projection.apply(_chunk("draft", append=False))
    projection.apply(_chunk(" goes on"))
    projection.apply(_chunk("final", append=False))
    assert _texts(projection.task()) == [["final"]]


def test_a_task_asked_for_in_the_middle_of_a_stream_goes_on_afterwards() -> None:
    projection = _begun()
    projection.apply(_chunk("a"))
    assert _texts(projection.task()) == [["a"]]
    projection.apply(_chunk("b"))
    assert _texts(projection.task()) == [["ab"]]


def test_a_part_of_another_kind_ends_the_text_before_it() -> None:
    projection = _begun()
    projection.apply(_chunk("before "))
    projection.apply(_chunk("it"))
    picture = Artifact(artifact_id="a", parts=[Part(raw=b"png", media_type="image/png")])
    projection.apply(StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=picture, append=True)))
    projection.apply(_chunk("after"))
    parts = projection.task().artifacts[0].parts
    assert [(part.text, part.raw) for part in parts] == [("before it", b""), ("", b"png"), ("after", b"")]


def test_a_new_status_moves_the_message_of_the_old_one_into_the_history() -> None:
    projection = _begun()
    task = projection.task()
    asked = agent_message(task, "which one?")
    projection.apply(status_update(task, TaskState.TASK_STATE_INPUT_REQUIRED, asked))
    assert [message.message_id for message in projection.task().history] == ["m1"]
    answer = Message(message_id="m2", role=Role.ROLE_USER, parts=[Part(text="that one")])
    projection.apply(StreamResponse(message=answer))
    task = projection.task()
    assert [message.message_id for message in task.history] == ["m1", asked.message_id, "m2"]
    assert task.status.state == TaskState.TASK_STATE_SUBMITTED
    assert not task.status.HasField("message")


def test_a_snapshot_carries_no_history_and_a_task_as_much_as_is_asked_for() -> None:
    projection = _begun()
    projection.apply(StreamResponse(message=Message(message_id="m2", role=Role.ROLE_USER)))
    assert len(projection.snapshot().history) == 0
    assert [message.message_id for message in projection.task(1).history] == ["m2"]
    assert len(projection.task(0).history) == 0
    assert len(projection.task().history) == 2


def test_kinds_tell_events_with_messages_from_those_without() -> None:
    task = _begun().task()
    spoken = status_update(task, TaskState.TASK_STATE_WORKING, agent_message(task, "on it"))
    assert kind_of(spoken) == KIND_STATUS_WITH_MESSAGE
    assert kind_of(_chunk("x")) == KIND_ARTIFACT
