"""Versions of artifacts, apart from any server."""

from a2a.types.a2a_pb2 import Artifact, Part, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus
from hypothesis import given
from hypothesis import strategies as st

from gateway.agents.artifact_versions import ArtifactVersions


def piece(text: str, *, append: bool) -> StreamResponse:
    artifact = Artifact(artifact_id="a", parts=[Part(text=text)])
    return StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=artifact, append=append))


def whole(text: str, state: TaskState = TaskState.TASK_STATE_WORKING) -> Task:
    return Task(status=TaskStatus(state=state), artifacts=[Artifact(artifact_id="a", parts=[Part(text=text)])])


@given(st.lists(st.text(min_size=1), min_size=1, max_size=10))
def test_an_artifact_has_one_version_however_it_was_cut_into_pieces(texts: list[str]) -> None:
    heard = ArtifactVersions()
    seen: set[str] = set()
    for number, text in enumerate(texts):
        heard.feed(piece(text, append=number > 0))
        seen.add(heard.version("a"))
    assert heard.version("a") == ArtifactVersions.of(whole("".join(texts))).version("a")
    assert len(seen) == len(texts)


def test_an_artifact_that_is_replaced_or_whose_task_ended_has_another_version() -> None:
    versions = ArtifactVersions.of(whole("one"))
    first = versions.version("a")
    versions.feed(piece("two", append=False))
    second = versions.version("a")
    done = ArtifactVersions.of(whole("two", TaskState.TASK_STATE_COMPLETED))
    assert done.is_over
    assert len({first, second, done.version("a")}) == 3
    assert versions.version("b") == ""
