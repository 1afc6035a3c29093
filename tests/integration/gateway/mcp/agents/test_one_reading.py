"""A task of an agent that coordinates others reads the same through every door; its peers' words are not its own."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from a2a.types.a2a_pb2 import StreamResponse, TaskState
from agents.testing import assistant_message

from agentnet.cli.gateway.client import Gateway
from agentnet.cli.tasks.ask import converse, watch
from agentnet.cli.tasks.job import Job
from agentnet.cli.tasks.outcome import Outcome
from agentnet.cli.tasks.talk import Talk
from agentnet.tasks.projection import Projection
from tests.integration.gateway.mcp.agents.conftest import text_of
from tests.integration.gateway.mcp.agents.test_specialists import delegate, listed, specialists_of
from tests.integration.gateway.mcp.conftest import ERAS, Place

pytestmark = pytest.mark.anyio

ANSWER = "That is 42.1648 kilometers."
WORDS = """
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part


class Words(AgentExecutor):
    async def execute(self, context, event_queue):
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        for number, word in enumerate(("26.2", " miles", " = ", "42.1648", " kilometers")):
            await updater.add_artifact([Part(text=word)], artifact_id="answer", append=number > 0)
        await updater.complete()

    async def cancel(self, context, event_queue):
        pass
"""


def scripts(times: int) -> dict[str, Sequence[Any]]:
    return {"boss": [turn for _ in range(times) for turn in (delegate("words"), [assistant_message(ANSWER)])]}


async def test_a_task_reads_the_same_through_a2a_mcp_the_command_line_and_rest(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        specialists_of(place, tmp_path, monkeypatch, scripts(1), {"words": WORDS}),
        place.network.client() as http,
    ):
        await listed(place, ERAS[0], "boss")
        boss = await Gateway(place.urls[0], http).agent("boss")
        await converse(boss, Job("Convert 26.2 miles to kilometers.").message(0), Talk(as_json=True))
        streamed = json.loads(capsys.readouterr().out)
        task_id = streamed["task_id"]
        assert (streamed["text"], streamed["state"]) == (ANSWER, "completed")

        looked = Outcome()
        looked.take(StreamResponse(task=await boss.get(task_id)))
        assert (looked.answer(), looked.state_name) == (ANSWER, "completed")

        body = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": task_id}}
        task = (await http.post("/agents/boss", json=body, headers={"a2a-version": "1.0"})).json()["result"]
        # A client that knows nothing of ours shows each, and so no peer's words, which the answer is made of.
        shown = [(artifact["name"], [part["text"] for part in artifact["parts"]]) for artifact in task["artifacts"]]
        assert shown == [("answer", [ANSWER])]
        assert (await http.get(f"/v1/tasks/{task_id}")).json()["state"] == task["status"]["state"]

        for era in ERAS:
            async with place.host(era) as client:
                result = await client.call_tool("boss", {"message": "", "task_id": task_id})
            assert text_of(result) == result.structured_content["answer"] == ANSWER
            assert (result.structured_content["task_id"], result.structured_content["state"]) == (task_id, "completed")


async def test_what_is_heard_on_the_way_are_steps_and_the_agents_own_words(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with specialists_of(place, tmp_path, monkeypatch, scripts(len(ERAS)), {"words": WORDS}):
        await listed(place, ERAS[0], "boss")
        for era in ERAS:
            told: list[str] = []

            async def progress(_: float, __: float | None, message: str | None, told: list[str] = told) -> None:
                told.append(message or "")

            async with place.host(era) as client:
                result = await client.call_tool("boss", {"message": "go"}, progress_callback=progress)
            assert text_of(result) == result.structured_content["answer"] == ANSWER
            heard = "\n".join(told)
            assert ANSWER in heard
            assert "boss: asks words: do it …" in heard
            assert "miles" not in heard


PARTS = """
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part


class Parts(AgentExecutor):
    async def execute(self, context, event_queue):
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        files = [
            Part(raw=b"ab", filename="a.bin", media_type="application/octet-stream"),
            Part(raw=b"png", filename="b.png", media_type="image/png"),
            Part(text="x,y", filename="c.csv", media_type="text/csv"),
        ]
        await updater.add_artifact([Part(text="echo: files"), Part(text="sha 1"), *files], artifact_id="answer")
        await updater.complete()

    async def cancel(self, context, event_queue):
        pass
"""


@pytest.mark.parametrize("era", ERAS)
async def test_parts_that_came_together_are_paragraphs_and_files_keep_their_names(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    async with specialists_of(place, tmp_path, monkeypatch, {}, {"parts": PARTS}), place.host(era) as client:
        await listed(place, era, "parts")
        first = await client.call_tool("parts", {"message": "go"})
        assert first.structured_content is not None
        task_id = first.structured_content["task_id"]
        again = await client.call_tool("parts", {"message": "", "task_id": task_id})  # read when it has ended
        for result in (first, again):
            assert result.structured_content is not None
            assert text_of(result) == result.structured_content["answer"] == "echo: files\n\nsha 1"
            names = [block.meta["agentnet.dev/file_name"] for block in map(named, result.content) if block.meta]
            assert names == ["a.bin", "b.png", "c.csv"]
        read = await client.read_resource(f"agentnet://agents/parts/tasks/{task_id}/artifacts/answer")
        texts = [each.text for each in read.contents if isinstance(each, types.TextResourceContents)]
        assert texts == ["echo: files", "sha 1", "x,y"]


SCRIPTED = """
import json

from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part


class Scripted(AgentExecutor):
    async def execute(self, context, event_queue):
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        script = json.loads(context.get_user_input())
        for artifact_id, name, parts, append in script["artifacts"]:
            made = [Part(**part) for part in parts]
            await updater.add_artifact(made, artifact_id=artifact_id, name=name, append=append)
        said = script["said"]
        message = updater.new_agent_message([Part(text=said)]) if said else None
        await getattr(updater, script["end"])(message)

    async def cancel(self, context, event_queue):
        pass
"""
Made = tuple[str, str | None, list[dict[str, str]], bool]


def made(artifact_id: str, *texts: str, append: bool = False) -> Made:
    return artifact_id, artifact_id, [{"text": text} for text in texts], append


FILE: Made = ("file", "file", [{"text": "x,y", "filename": "t.csv", "media_type": "text/csv"}], False)
NO_NAME: Made = ("none", None, [{"text": "no name"}], False)
CLOSING = "the closing words"
READ: dict[str, tuple[list[Made], str, str, str, str]] = {
    "several, a file, and closing words": (
        [made("beta", "B1", "B2"), made("alpha", "A1"), FILE, NO_NAME],
        "complete",
        CLOSING,
        f"B1\n\nB2\n\nA1\n\nno name\n\n{CLOSING}",
        "",
    ),
    "in chunks": ([made("a", "one "), made("a", "two", "three", append=True)], "complete", "", "one two\n\nthree", ""),
    "its answer behind what else it made": (
        [made("beta", "B1"), made("response", "the answer")],
        "complete",
        "",
        "the answer\n\nB1",
        "",
    ),
    "said twice": ([made("a", CLOSING)], "complete", CLOSING, CLOSING, ""),
    "said again in part": ([made("a", f"These are {CLOSING}.")], "complete", CLOSING, f"These are {CLOSING}.", ""),
    "in part of a word": ([made("a", "none")], "complete", "on", "none\n\non", ""),
    "words alone": ([], "complete", CLOSING, CLOSING, ""),
    "failed": ([made("a", "half of it")], "failed", "the reason", "half of it", "the reason"),
    "failed with nothing made": ([], "failed", "the reason", "", "the reason"),
    "rejected": ([made("a", "half of it")], "reject", "the reason", "half of it", "the reason"),
    "asks": ([made("a", "half of it")], "requires_input", "which one?", "half of it", "which one?"),
}
"""Artifacts, how it ends, what it says then; then the text of what it made, and what is told apart from it."""


async def test_a_task_has_one_reading_whoever_asks_for_it_and_when(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where files are saved
    async with (
        specialists_of(place, tmp_path, monkeypatch, {}, {"scripted": SCRIPTED}),
        place.network.client() as http,
    ):
        await listed(place, ERAS[0], "scripted")
        gateway = Gateway(place.urls[0], http)
        scripted = await gateway.agent("scripted")
        for case, (artifacts, end, said, text, apart) in READ.items():
            job = Job(json.dumps({"artifacts": artifacts, "end": end, "said": said}))
            whole = "\n\n".join(filter(None, (text, apart)))
            streamed = Projection()
            async for event in scripted.send(job.message(0)):
                streamed.receive(event)
            task_id = streamed.task_id
            got = Projection(await scripted.get(task_id))
            assert {streamed.answer, got.answer} == {whole}, case
            state = (await http.get(f"/v1/tasks/{task_id}")).json()["state"]
            assert state == TaskState.Name(got.state) == TaskState.Name(streamed.state), case

            await converse(scripted, job.message(0), Talk(as_json=True))
            await watch(gateway, task_id, Talk(as_json=True))
            for told in _documents(capsys.readouterr().out):
                assert (told["text"], told["question"] or told["reason"] or "") == (text, apart), case
                assert [file["name"] for file in told["files"]][:1] == ["t.csv"] * (FILE in artifacts), case

            for era in ERAS:
                async with place.host(era) as client:
                    results = [
                        await client.call_tool("scripted", {"message": job.text}),
                        await client.call_tool("scripted", {"message": "", "task_id": task_id}),
                    ]
                for result in results:
                    assert result.structured_content is not None
                    assert result.structured_content["answer"] == whole, (case, era)
                    assert text_of(result).startswith(whole), (case, era)
                    assert result.is_error is (end in ("failed", "reject")), (case, era)
                    assert len(result.content) == 1 + (FILE in artifacts), (case, era)


def _documents(printed: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    while printed := printed.lstrip():
        document, end = decoder.raw_decode(printed)
        yield document
        printed = printed[end:]


def named(block: types.ContentBlock) -> Any:
    return block.resource if isinstance(block, types.EmbeddedResource) else block
