import pytest
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
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from agentnet.tasks.events import (
    KIND_ARTIFACT,
    KIND_STATUS_WITH_MESSAGE,
    agent_message,
    kind_of,
    status_update,
    submitted,
)
from agentnet.tasks.parts import keeps_pieces
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import SOURCE, STEPS


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


def _told(*parts: Part, append: bool = False, artifact_id: str = "a", source: bool = False) -> StreamResponse:
    artifact = Artifact(artifact_id=artifact_id, parts=parts)
    if source:
        artifact.metadata.update({SOURCE: ["concierge", "peer"]})
    update = TaskArtifactUpdateEvent(task_id="t1", context_id="c1", artifact=artifact, append=append)
    return StreamResponse(artifact_update=update)


def _heard(*events: StreamResponse) -> Projection:
    projection = Projection()
    for event in events:
        projection.receive(event)
    return projection


@pytest.mark.parametrize(
    "other",
    [
        Part(text="two", filename="b.txt"),
        Part(text="two", media_type="text/html"),
        Part(text="two", metadata={"page": 2}),
    ],
)
def test_texts_that_differ_in_more_than_their_words_stay_apart(other: Part) -> None:
    heard = _heard(_told(Part(text="one")), _told(other, append=True), _told(other, append=True))
    assert [part.text for part in heard.artifacts[0].parts] == ["one", "twotwo"]


def test_later_chunks_of_a_peers_artifact_stay_the_peers() -> None:
    heard = _heard(
        _told(Part(text="26.2"), artifact_id="p", source=True),
        _told(Part(text="It is ")),
        _told(Part(text=" miles"), artifact_id="p", append=True),
        _told(Part(text="42.2 km."), append=True),
    )
    assert heard.is_from_peer("p")
    assert not heard.is_from_peer("a")
    assert heard.text == "It is 42.2 km."
    assert [artifact.artifact_id for artifact in heard.artifacts] == ["a", "p"]


def test_a_task_reads_the_same_whether_it_was_streamed_or_is_read_in_the_pieces_that_its_server_kept() -> None:
    pieces = [Part(text="one "), Part(text="two"), Part(raw=b"png"), Part(text="three")]
    streamed = _heard(*(_told(piece, append=number > 0) for number, piece in enumerate(pieces)))
    kept = Task(id="t1", artifacts=[Artifact(artifact_id="a", parts=pieces)])
    told = Projection(in_pieces=True)
    told.receive(StreamResponse(task=kept))
    assert streamed.text == Projection(kept, in_pieces=True).text == told.text == "one two\n\nthree"


APART = {
    "two that came together": ([["one", "two"]], ["one", "two"]),
    "three that came together": ([["one", "two", "three"]], ["one", "two", "three"]),
    "a chunk of two": ([["one"], [" more", "two"]], ["one more", "two"]),
    "chunks behind two that came together": ([["one", "two"], [" more"], ["!"]], ["one", "two more!"]),
    "a chunk of two behind two": ([["one", "two"], [" more", "three"]], ["one", "two more", "three"]),
    "chunks": ([["one"], [" more"], ["!"]], ["one more!"]),
    "an end without words": ([["one", "two"], [""]], ["one", "two"]),
}


@pytest.mark.parametrize(("updates", "read"), APART.values(), ids=APART)
def test_texts_that_came_together_stay_apart_and_chunks_go_on_with_what_was_there(
    updates: list[list[str]], read: list[str]
) -> None:
    events = [_told(*(Part(text=text) for text in texts), append=number > 0) for number, texts in enumerate(updates)]
    heard = _heard(*events)
    assert [part.text for part in heard.artifacts[0].parts] == read
    assert heard.text == "\n\n".join(read)
    assert Projection(heard.task()).text == heard.text  # as it is stored, and read by another process


@pytest.mark.parametrize(
    ("card", "pieces"),
    [
        ({}, True),
        ({"capabilities": {}}, True),
        ({"capabilities": None}, True),
        ({"capabilities": {"extensions": "odd"}}, True),
        ({"capabilities": {"extensions": [{"uri": "https://other.example"}, "odd"]}}, True),
        ({"capabilities": {"extensions": [{"uri": "https://other.example"}, {"uri": STEPS}]}}, False),
    ],
)
def test_a_card_tells_whose_server_may_keep_a_text_in_pieces(card: dict[str, object], pieces: bool) -> None:
    assert keeps_pieces(card) is pieces


def test_a_task_whose_stream_never_shows_it_is_known_by_its_updates() -> None:
    heard = _heard(_told(Part(text="hello")))
    assert (heard.task_id, heard.context_id, heard.text) == ("t1", "c1", "hello")


def test_an_answer_without_a_task_is_over() -> None:
    message = Message(message_id="m", role=Role.ROLE_AGENT, parts=[Part(text="Hello."), Part(text="Goodbye.")])
    heard = _heard(StreamResponse(message=message))
    assert heard.is_over
    assert (heard.task_id, heard.text, heard.said) == ("", "", "Hello.\n\nGoodbye.")


def test_a_question_that_was_answered_is_asked_no_more() -> None:
    task = _begun().task()
    heard = Projection(task)
    heard.receive(status_update(task, TaskState.TASK_STATE_INPUT_REQUIRED, agent_message(task, "which one?")))
    assert heard.asks and heard.rests
    assert heard.said == "which one?"
    heard.sent(Message(message_id="m2", role=Role.ROLE_USER, parts=[Part(text="that one")]))
    assert not heard.rests
    assert heard.said == ""


def test_a_stream_of_thousands_of_chunks_is_joined_once() -> None:
    """Joining at each chunk took the square of their number; the parts stay one, whoever asks in between."""
    heard = _heard(*(_told(Part(text=f"{number} "), append=number > 0) for number in range(5000)))
    [artifact] = heard.artifacts
    assert [part.text for part in artifact.parts] == ["".join(f"{number} " for number in range(5000))]


@pytest.mark.parametrize(
    ("began", "read"),
    [
        (["peer.1", "peer.2", "response"], ["response", "peer.1", "peer.2"]),
        (["file-1", "response"], ["response", "file-1"]),
        (
            ["peer.1", "file-1", "response", "peer.2", "response-2"],
            ["response", "response-2", "file-1", "peer.1", "peer.2"],
        ),
        (["response", "peer.1"], ["response", "peer.1"]),
        (["b", "a"], ["b", "a"]),
        (["peer.response", "own"], ["own", "peer.response"]),
        (["peer.1"], ["peer.1"]),
    ],
)
def test_an_answer_stands_before_what_it_was_made_of_and_that_before_what_peers_said(
    began: list[str], read: list[str]
) -> None:
    projection = _begun()
    for artifact_id in began:
        event = _chunk("x", append=False, artifact_id=artifact_id)
        if artifact_id.startswith("peer"):
            event.artifact_update.artifact.metadata[SOURCE] = ["me", "peer"]
        projection.apply(event)
    assert [artifact.artifact_id for artifact in projection.task().artifacts] == read
    again = Projection(projection.task())
    again.apply(_chunk("more", artifact_id=began[0]))
    assert [artifact.artifact_id for artifact in again.task().artifacts] == read


def _value(data: object, artifact_id: str = "response") -> StreamResponse:
    part = Part(data=ParseDict(data, Value()), media_type="application/json")
    artifact = Artifact(artifact_id=artifact_id, parts=[part])
    return StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=artifact))


def test_an_answer_that_is_a_value_is_told_as_json() -> None:
    projection = _begun()
    assert projection.data is None
    projection.apply(_value({"total": 5, "due": "ü"}))
    assert projection.data is not None
    assert projection.answer == ""
    assert projection.answer_or_data == '{"due": "ü", "total": 5}'
    projection.apply(_value([1], "response-2"))
    assert projection.answer_or_data == "[1]", "the newest of a task with several requests"


def test_data_beside_words_is_for_programs_alone() -> None:
    projection = _begun()
    projection.apply(_chunk("five"))
    projection.apply(_value({"total": 5}, "other"))
    assert projection.data is None
    assert projection.answer_or_data == "five"
