from typing import Any

import mcp_types as types
import pytest
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct, Value
from pydantic import ValidationError

from agentnet.cli.tasks.outcome import Outcome
from agentnet.discovery.directory import Entry
from agentnet.errors import BusyError
from agentnet.http.errors import invalid_input
from agentnet.identity import Principal
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import SOURCE
from gateway.http.limits import StreamLimit
from gateway.mcp.agents.answer import MAX_TEXT_CHARACTERS, Answer
from gateway.mcp.agents.content import FILE_NAME_META_KEY, INLINE_BYTES, Contents
from gateway.mcp.agents.tools import AgentArguments, by_tool_name, list_tools

FILE = {"name": "f", "media_type": "a/b"}
DONE = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)


def entries(*names: str) -> list[Entry]:
    return [Entry(kind="agent", name=name, url="http://x", skills=["s"]) for name in names]


def test_names_of_tools_are_stable_short_and_never_the_same() -> None:
    named = by_tool_name(entries("web-reader", "find-agents", "a" * 80, "a" * 90, "echo"))
    assert list(named) == sorted(named)
    assert named["web_reader"].name == "web-reader"
    assert named["find_agents_2"].name == "find-agents"
    assert named["a" * 64].name == "a" * 80
    assert named["a" * 62 + "_2"].name == "a" * 90
    assert [tool.name for tool in list_tools(entries("z", "a"))] == ["a", "find_agents", "z"]


def test_wrong_arguments_are_refused() -> None:
    for wrong in ({}, {"message": "x", "other": 1}, {"message": "x", "files": [{"name": "f", "base64": "!"}]}):
        with pytest.raises(ValidationError):
            AgentArguments.model_validate(wrong)


@pytest.mark.parametrize(
    ("sent", "held", "media_type"),
    [
        ({"base64": "QUJD", "media_type": "text/plain"}, b"ABC", "text/plain"),
        ({"base64": "QUI", "media_type": "text/plain"}, b"AB", "text/plain"),
        ({"base64": "_-8=", "media_type": "a/b"}, b"\xff\xef", "a/b"),
        ({"base64": "", "media_type": "a/b"}, b"", "a/b"),
        ({"base64": "data:text/plain;base64,QUJD", "media_type": "text/csv"}, b"ABC", "text/csv"),
        ({"base64": "data:text/plain;base64,QUJD"}, b"ABC", "text/plain"),
        ({"base64": "DATA:Image/PNG;name=x;BASE64,QUI", "media_type": ""}, b"AB", "image/png"),
    ],
)
def test_a_file_is_base64_of_either_alphabet_or_a_data_url(sent: dict[str, str], held: bytes, media_type: str) -> None:
    arguments = AgentArguments.model_validate({"message": "x", "files": [{"name": "f"} | sent]})
    [_, part] = arguments.request().message.parts
    assert (part.raw, part.media_type, part.filename) == (held, media_type, "f")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"message": ""}, "message is empty"),
        ({"message": "x", "files": [FILE | {"base64": "!!!"}]}, "files.0.base64: is not"),
        ({"message": "x", "files": [FILE | {"base64": "QUJDA"}]}, "files.0.base64: is not"),
        ({"message": "x", "files": [FILE | {"base64": "QU JD"}]}, "files.0.base64: is not"),
        (
            {"message": "x", "files": [{"name": "f", "media_type": "a/b", "base64": "data:,x"}]},
            "files.0.base64: is not",
        ),
        ({"message": "x", "files": [FILE | {"base64": 7}]}, "files.0.base64: is not"),
        ({"message": "x", "files": [{"name": "f", "base64": "QUJD"}]}, "files.0.media_type: Field required"),
        ({"message": "x", "files": [FILE]}, "files.0.base64: Field required"),
        ({"message": "x", "files": ["f"]}, "files.0: "),
    ],
)
def test_what_is_wrong_with_arguments_is_said_with_the_field_and_in_our_own_words(arguments: Any, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AgentArguments.model_validate(arguments)
    assert str(invalid_input(refused.value)).startswith(said)


@pytest.mark.parametrize(
    ("state", "invites"),
    [(TaskState.TASK_STATE_INPUT_REQUIRED, True), (TaskState.TASK_STATE_AUTH_REQUIRED, False)],
)
def test_only_a_question_that_is_no_sign_in_is_to_be_answered_in_words(state: TaskState, invites: bool) -> None:
    heard = Projection(Task(id="t7", status=TaskStatus(state=state)), in_pieces=True)
    [said] = Answer("a", heard).result().content
    assert isinstance(said, types.TextContent)
    assert "'t7'" in said.text
    assert ("the answer as message" in said.text) == invites
    assert ("no part of a message" in said.text) != invites


def test_a_link_to_a_stored_file_names_its_media_type() -> None:
    names = {"a.csv": "text/csv", "b.svg": "image/svg+xml", "c.md": "text/markdown", "d": "application/octet-stream"}
    contents = Contents("a", "t")
    contents.add_text(" ".join(f"agentnet-file:{'0' * 31}{number}/{name}" for number, name in enumerate(names)))
    links = [block for block in contents.blocks if isinstance(block, types.ResourceLink)]
    assert {link.name: link.mime_type for link in links} == names


def chunk(text: str, *, append: bool, source: bool = False, identifier: str = "a") -> StreamResponse:
    artifact = Artifact(artifact_id=identifier, parts=[Part(text=text)])
    if source:
        artifact.artifact_id = "peer"
        artifact.metadata.update({SOURCE: ["x"]})
    return StreamResponse(artifact_update=TaskArtifactUpdateEvent(task_id="t", artifact=artifact, append=append))


def test_streamed_chunks_make_one_text_and_peers_words_are_left_out() -> None:
    heard = Projection()
    for event in (
        chunk("Hel", append=False),
        chunk("from a peer", append=False, source=True),
        chunk("lo", append=True),
        chunk(", who goes on", append=True, identifier="peer"),
    ):
        heard.receive(event)
    heard.receive(StreamResponse(status_update=TaskStatusUpdateEvent(task_id="t", status=DONE)))
    answer = Answer("a", heard)
    result = answer.result()
    assert result.structured_content is not None
    assert (result.structured_content["answer"], result.structured_content["state"]) == ("Hello", "completed")


def test_a_text_with_a_files_name_is_a_file_of_the_answer() -> None:
    parts = [Part(text="See the "), Part(text="table."), Part(text="a,b", filename="t.csv", media_type="text/csv")]
    artifact = Artifact(artifact_id="a", parts=parts)
    heard = Projection(Task(id="t", status=DONE, artifacts=[artifact]), in_pieces=True)
    text, file = Answer("a", heard).result().content
    assert isinstance(text, types.TextContent) and text.text == "See the table."
    assert isinstance(file, types.EmbeddedResource) and isinstance(file.resource, types.TextResourceContents)
    assert (file.resource.text, file.resource.mime_type) == ("a,b", "text/csv")


LONG = "x" * (MAX_TEXT_CHARACTERS + 1)
CUT: dict[str, tuple[list[tuple[str, str]], str, int, list[str]]] = {
    "one artifact": ([("a", LONG)], "", len(LONG), ["a"]),
    "of two the second": ([("a", "short"), ("b", LONG)], "", len(LONG) + 7, ["a", "b"]),
    "with closing words": ([("a", LONG)], "That is all.", len(LONG) + 14, ["a"]),
}


@pytest.mark.parametrize(("made", "said", "characters", "linked"), CUT.values(), ids=CUT)
def test_a_text_that_is_cut_says_where_the_whole_is_and_nothing_of_that_is_in_the_answer(
    made: list[tuple[str, str]], said: str, characters: int, linked: list[str]
) -> None:
    status = TaskStatus(state=DONE.state, message=Message(parts=[Part(text=said)]) if said else None)
    artifacts = [Artifact(artifact_id=name, parts=[Part(text=text)]) for name, text in made]
    result = Answer("a", Projection(Task(id="t", status=status, artifacts=artifacts))).result()
    assert result.structured_content is not None
    answer, whole = result.structured_content["answer"], "\n\n".join(text for _, text in made)
    assert answer == "\n\n".join(filter(None, (whole[:MAX_TEXT_CHARACTERS], said)))
    uris = [f"agentnet://agents/a/tasks/t/artifacts/{name}" for name in linked]
    assert result.structured_content["truncated"] == {"characters": characters, "resources": uris}
    text, *links = result.content
    assert isinstance(text, types.TextContent)
    assert text.text == f"{answer}\n\n(These are {len(answer)} of {characters} characters.)"
    assert [link.uri for link in links if isinstance(link, types.ResourceLink)] == uris


def test_a_text_that_stands_in_no_artifact_is_not_cut() -> None:
    status = TaskStatus(state=DONE.state, message=Message(parts=[Part(text=LONG)]))
    result = Answer("a", Projection(Task(id="t", status=status))).result()
    assert result.structured_content is not None
    assert result.structured_content["answer"] == LONG
    assert "truncated" not in result.structured_content


FILE = Part(raw=b"x,y", filename="t.csv", media_type="text/csv")
BIG = Part(raw=b"x" * (INLINE_BYTES + 1), filename="big.bin")
DATA = Part(data=Value(struct_value=Struct(fields={"a": Value(number_value=1)})))
SENT_ALONG: dict[str, tuple[str, list[Part], list[str]]] = {
    "a file": ("t", [Part(text="Here."), FILE], ["text Here.", "resource t.csv"]),
    "a file without a word": ("t", [FILE], ["resource t.csv"]),
    "a large file": ("t", [BIG], ["link agentnet://agents/a/tasks/t/artifacts/m"]),
    "data beside a task": ("t", [Part(text="Here."), DATA], ["text Here."]),
    "without a task a file": ("", [Part(text="Here."), FILE], ["text Here.", "resource t.csv"]),
    "without a task a large file": ("", [BIG], ["resource big.bin"]),
    "without a task data": ("", [Part(text="Here."), DATA], ["text Here.", 'text {"a": 1}']),
}


@pytest.mark.parametrize(("task_id", "parts", "content"), SENT_ALONG.values(), ids=SENT_ALONG)
def test_files_of_the_message_that_ends_a_task_are_part_of_its_result(
    task_id: str, parts: list[Part], content: list[str]
) -> None:
    message = Message(message_id="m", parts=parts)
    told = StreamResponse(message=message)
    if task_id:
        told = StreamResponse(task=Task(id=task_id, status=TaskStatus(state=DONE.state, message=message)))
    heard, outcome = Projection(), Outcome()
    heard.receive(told)
    outcome.take(told)
    assert [part.filename for _, part in outcome.files()] == [part.filename for part in parts if part.filename]
    assert [shown(block) for block in Answer("a", heard).result().content] == content


def shown(block: types.ContentBlock) -> str:
    if isinstance(block, types.TextContent):
        return f"text {block.text}"
    if isinstance(block, types.ResourceLink):
        return f"link {block.uri}"
    assert isinstance(block, types.EmbeddedResource) and block.resource.meta
    return f"resource {block.resource.meta[FILE_NAME_META_KEY]}"


def test_a_caller_has_so_many_streams_and_gets_them_back() -> None:
    limit = StreamLimit(2)
    one, other = Principal("acme", "key:1"), Principal("acme", "key:2")
    with limit.stream(one), limit.stream(one):
        with pytest.raises(BusyError), limit.stream(one):
            pass
        with limit.stream(other):
            pass
    with limit.stream(one):
        pass


def test_an_answer_that_is_a_value_is_structured_content() -> None:
    part = Part(data=ParseDict({"total": 5}, Value()), media_type="application/json")
    artifact = Artifact(artifact_id="response", parts=[part])
    result = Answer("a", Projection(Task(id="t", status=DONE, artifacts=[artifact]))).result()
    assert result.structured_content is not None
    assert result.structured_content["data"] == {"total": 5}
    assert result.structured_content["answer"] == '{"total": 5}'
    [text] = result.content
    assert isinstance(text, types.TextContent) and text.text == '{"total": 5}'
