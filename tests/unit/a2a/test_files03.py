"""Which of its two forms a file has in the protobuf of 0.3, by who sends and reads it."""

from base64 import b64encode

import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03

from agentnet.a2a.files03 import given, taken

PYTHON = ("python-httpx/0.28.1", "grpc-python-asyncio/1.76.0 grpc-c/51.0.0 (linux; chttp2)", "ours grpc-python/1.70.0")
JAVASCRIPT = ("node", "grpc-node-js/1.14.0", "undici", "Deno/2.1", "Bun/1.2", "Mozilla/5.0 (X11) Firefox/140.0")
OTHERS = ("", "curl/8.5.0", "grpc-go/1.70.0", "grpc-java-netty/1.70", "nodemon/1", "reqwest/0.12")
LONG = bytes(range(200))
DIGEST = b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bb822cd15d6c15b0f00a8"


def part(held: bytes) -> v03.Part:
    return v03.Part(file=v03.FilePart(file_with_bytes=held, name="a"))


@pytest.mark.parametrize(
    ("agents", "sent", "is_text"),
    [
        (PYTHON, b64encode(b"\x00\xff"), True),
        (PYTHON, b64encode(LONG), True),
        (PYTHON, b"QUJD", True),
        (PYTHON, b"", True),  # of nothing, which is the same
        (PYTHON, b"hello world", False),
        (PYTHON, b"\x01\x02\xff\xfe", False),
        (PYTHON, b"hi", False),
        (PYTHON, b"abc", False),
        (PYTHON, b"QUJ=", False),  # bits that no encoder sets
        (PYTHON, b"====", False),
        (PYTHON, b"QUI=QUJD", False),
        (PYTHON, b64encode(LONG) + b"\n", False),
        (JAVASCRIPT, b"QUJD", False),
        (JAVASCRIPT, b64encode(LONG), False),
        (JAVASCRIPT, b"\x01\x02\xff\xfe", False),
        (OTHERS, b"QUJD", False),
        (OTHERS, b64encode(LONG[:45]), False),  # 60 characters
        (OTHERS, b64encode(LONG[:46]), True),  # 64
        (OTHERS, DIGEST, False),
        (OTHERS, b"hello world", False),
        (OTHERS, b"\x01\x02\xff\xfe", False),
    ],
)
def test_a_file_is_read_as_its_client_sends_it(agents: tuple[str, ...], sent: bytes, is_text: bool) -> None:
    for agent in agents:
        message = v03.Message(content=[v03.Part(text="x"), part(sent)])
        taken(message, agent)
        assert message.content[0] == v03.Part(text="x")
        assert message.content[1] == part(sent if is_text else b64encode(sent)), agent


TASK = v03.Task(
    artifacts=[v03.Artifact(parts=[v03.Part(text="x"), part(b64encode(LONG))])],
    history=[v03.Message(content=[part(b64encode(LONG))])],
    status=v03.TaskStatus(update=v03.Message(content=[part(b64encode(LONG))])),
)
ANSWERS = [
    TASK,
    v03.SendMessageResponse(task=TASK),
    v03.SendMessageResponse(msg=TASK.history[0]),
    v03.StreamResponse(task=TASK),
    v03.StreamResponse(msg=TASK.history[0]),
    v03.StreamResponse(status_update=v03.TaskStatusUpdateEvent(status=TASK.status)),
    v03.StreamResponse(artifact_update=v03.TaskArtifactUpdateEvent(artifact=TASK.artifacts[0])),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_file_is_given_as_its_client_reads_it(answer: v03.Task) -> None:
    text = answer.SerializeToString()
    assert b64encode(LONG) in text
    for agent in PYTHON:
        assert given(type(answer).FromString(text), agent) == answer
    for agent in JAVASCRIPT + OTHERS:
        said = given(type(answer).FromString(text), agent).SerializeToString()
        assert said.count(LONG) == text.count(b64encode(LONG))
        assert b64encode(LONG) not in said


@pytest.mark.parametrize("answer", [v03.Task(), v03.SendMessageResponse(), v03.StreamResponse(), v03.AgentCard()])
def test_what_holds_no_file_stays_as_it_is(answer: v03.Task) -> None:
    assert given(answer, "node") == type(answer)()
