"""Agents that hand work to each other: real HTTP between them, a real registry, models that follow a script."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest, StreamResponse, Task, TaskState
from agents import Model, ModelProvider
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from google.protobuf.json_format import MessageToDict

import specialists.on_a_model
from agentnet.a2a.client.agent import AgentClient
from agentnet.a2a.client.errors import RefusedError
from agentnet.a2a.client.transport import HttpxTransport
from agentnet.identity import Principal
from agentnet.process.runtime import Runtime
from agentnet.process.service import RunningService, Service, running
from agentnet.settings import Settings
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import SOURCE, Step, step_of
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

DONE = TaskState.TASK_STATE_COMPLETED


CHUNKS = """
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part


class Chunks(AgentExecutor):
    async def execute(self, context, event_queue):
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        for number, word in enumerate(("one ", "two ", "three")):
            log = [Part(text=word, filename="log.txt")]
            await updater.add_artifact(log, artifact_id="log", name="log", append=number > 0)
            await updater.add_artifact([Part(text=word)], artifact_id="said", append=number > 0)
        await updater.complete()

    async def cancel(self, context, event_queue):
        pass
"""


class Scripts(ModelProvider):
    def __init__(self, scripts: dict[str, Sequence[Any]]) -> None:
        self.models = {name: ScriptedModel(list(steps)) for name, steps in scripts.items()}

    def get_model(self, model_name: str | None) -> Model:
        return self.models[model_name or ""]


def client_of(http: httpx.AsyncClient, url: str, token: str) -> AgentClient:
    return AgentClient(HttpxTransport(http, f"{url}/", "The agent", idle_seconds=PATIENCE_SECONDS, token=token))


class Network:
    def __init__(self, runtime: Runtime, agents: dict[str, RunningService], scripts: Scripts) -> None:
        self.runtime = runtime
        self.agents = agents
        self.scripts = scripts

    async def events(self, agent: str, message: Message) -> list[StreamResponse]:
        token = self.runtime.tokens.mint(Principal("default", "key:test"), f"agent:{agent}")
        request = SendMessageRequest(message=message)
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
            return [event async for event in client_of(http, self.agents[agent].url, token).stream(request)]

    async def ask(
        self, agent: str, text: str, *, task: Task | None = None, files: dict[str, bytes] | None = None
    ) -> Task:
        parts = [Part(text=text)]
        parts += [Part(raw=body, filename=name, media_type="text/plain") for name, body in (files or {}).items()]
        message = Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=parts, task_id=task.id if task else "")
        projection = Projection()
        for event in await self.events(agent, message):
            projection.apply(event)
        return projection.task()


@pytest.fixture
def start(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    @asynccontextmanager
    async def started(
        scripts: dict[str, Sequence[Any]], executors: dict[str, str] | None = None
    ) -> AsyncIterator[Network]:
        """One agent for each script and each executor's code, each of which may delegate to any other."""
        unique = uuid4().hex[:6]
        provider = Scripts({f"script-{name}": steps for name, steps in scripts.items()})
        monkeypatch.setattr(Runtime, "models", lambda _: provider)
        monkeypatch.setattr(specialists.on_a_model, "model_name", lambda _, name: name)
        code = dict.fromkeys(scripts, "") | (executors or {})
        for name in code:
            folder = tmp_path / unique / name
            folder.mkdir(parents=True)
            if code[name]:
                (folder / "executor.py").write_text(code[name])
            (folder / "instructions.md").write_text("Follow the script.")
            (folder / "agent.yaml").write_text(
                f"name: {name}\ndescription: Agent {name}.\nmodel: script-{name}\npeers: ['*']\ninput_modes: ['*/*']\n"
                f"skills: [{{id: {name}, name: {name}, description: Does {name}.}}]\n"
            )
        settings = Settings(
            home=tmp_path, database_url=database_url, registry_port=0, agents_dirs=[tmp_path / unique], max_depth=3
        )
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(Runtime.open(settings))
            registry = await stack.enter_async_context(running(first, Service("registry", "registry", 0)))
            settings = settings.model_copy(update={"registry_url": registry.url})
            runtime = await stack.enter_async_context(Runtime.open(settings))
            agents = {
                name: await stack.enter_async_context(running(runtime, Service("agent", name, 0))) for name in code
            }
            directory = runtime.directory("agent:test")
            async with asyncio.timeout(PATIENCE_SECONDS):  # one that serves is not yet one that is registered
                while not {entry.name for entry in await directory.list(Principal("default", "key:test"), "agent")} >= {
                    *code
                }:
                    await asyncio.sleep(0.02)
            yield Network(runtime, agents, provider)

    return started


def _delegate(agent: str, message: str, call_id: str = "c1", **more: Any) -> Any:
    return function_call("delegate", {"agent": agent, "message": message, **more}, call_id=call_id)


def _answer(task: Task) -> str:
    own = [artifact for artifact in task.artifacts if SOURCE not in artifact.metadata]
    return "".join(part.text for artifact in own for part in artifact.parts)


def _steps(events: list[StreamResponse]) -> list[Step]:
    found = [step_of(MessageToDict(event.status_update.metadata)) for event in events]
    return [step for step in found if step is not None]


async def test_line_separators_of_unicode_in_an_answer_come_through(start: Any) -> None:
    said = "one\u2028two\u2029three\x85four"
    scripts = {
        "boss": [[_delegate("helper", "do it")], [assistant_message(said)]],
        "helper": [[assistant_message(said)]],
    }
    async with start(scripts) as network:
        task = await network.ask("boss", "go")
        assert (task.status.state, _answer(task)) == (DONE, said)
        told = network.scripts.models["script-boss"].calls[1].input
        assert any(json.loads(item["output"])["answer"] == said for item in told if "output" in item)


async def test_a_star_finds_all_agents_but_the_caller_whatever_they_do(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.runs.delegation.MOST_FOUND", 1)
    needs = {"c1": "*", "c2": " * ", "c3": "Does counter"}
    asks = [function_call("find_agents", {"need": need}, call_id=name) for name, need in needs.items()]
    scripts = {"boss": [asks, [assistant_message("done")]], "counter": [], "invoices": [], "plants": []}
    async with start(scripts) as network:
        await network.ask("boss", "go")
        told = network.scripts.models["script-boss"].calls[1].input
        found = {item["call_id"]: json.loads(item["output"]) for item in told if "output" in item}
        names = {call: {entry["name"] for entry in entries} for call, entries in found.items()}
        assert names["c1"] >= {"counter", "invoices", "plants"} and "boss" not in names["c1"]
        assert names["c2"] == names["c1"]
        assert len(names["c3"]) <= 1


async def test_a_delegation_brings_back_the_peers_answer_and_tells_of_it(start: Any) -> None:
    scripts = {
        "boss": [[_delegate("helper", "do it")], [assistant_message("helper says: done")]],
        "helper": [[assistant_message("it is done")]],
    }
    async with start(scripts) as network:
        events = await network.events(
            "boss", Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text="go")])
        )
        projection = Projection()
        for event in events:
            projection.apply(event)
        task = projection.task()
        assert task.status.state == DONE, task.status
        assert _answer(task) == "helper says: done"
        assert [artifact.name for artifact in task.artifacts] == ["answer"]  # the peer's words are in its own task
        begun, ended = (step for step in _steps(events) if step.kind == "delegation")
        assert (begun.phase, ended.phase, begun.id) == ("start", "end", ended.id)
        assert ended.ok
        assert ended.peer_task_id
        told = network.scripts.models["script-boss"].calls[1].input
        assert any("it is done" in str(item) for item in told)


async def test_a_file_that_is_passed_on_from_further_below_stays_one_artifact_chunk_by_chunk(start: Any) -> None:
    scripts = {
        "boss": [[_delegate("middle", "do it")], [assistant_message("boss is done")]],
        "middle": [[_delegate("deep", "do it")], [assistant_message("middle is done")]],
    }
    async with start(scripts, {"deep": CHUNKS}) as network:
        task = await network.ask("boss", "go")
        assert task.status.state == DONE, task.status
        passed = {artifact.artifact_id: artifact for artifact in task.artifacts if SOURCE in artifact.metadata}
        [log] = passed.values()  # what its peers said is for each agent alone
        assert [(part.text, part.filename) for part in log.parts] == [("one two three", "log.txt")]
        assert list(MessageToDict(log.metadata)[SOURCE]) == ["boss", "middle", "deep"]
        assert _answer(task) == "boss is done"


async def test_delegations_of_one_turn_run_side_by_side(start: Any) -> None:
    scripts = {
        "boss": [[_delegate("left", "l", "c1"), _delegate("right", "r", "c2")], [assistant_message("both")]],
        "left": [[function_call("ask_user", {"question": "left?"}, call_id="q")], [assistant_message("L")]],
        "right": [[assistant_message("R")]],
    }
    async with start(scripts) as network:
        events = await network.events(
            "boss", Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text="go")])
        )
        projection = Projection()
        for event in events:
            projection.apply(event)
        assert projection.state == TaskState.TASK_STATE_INPUT_REQUIRED
        ended = [step.summary for step in _steps(events) if step.kind == "delegation" and step.phase == "end"]
        assert "R" in ended  # the other branch finished before the question was asked


async def test_a_peers_question_comes_up_in_its_own_words_and_the_answer_goes_down(start: Any) -> None:
    scripts = {
        "boss": [[_delegate("middle", "do it")], [assistant_message("all done")]],
        "middle": [[_delegate("deep", "do it really")], [assistant_message("middle done")]],
        "deep": [
            [function_call("ask_user", {"question": "Red or blue?"}, call_id="q")],
            [assistant_message("painted")],
        ],
    }
    async with start(scripts) as network:
        asked = await network.ask("boss", "paint")
        assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert asked.status.message.parts[0].text == "Red or blue?"
        path = asked.status.message.parts[1].data.struct_value.fields["path"].list_value.values
        assert [value.string_value for value in path] == ["boss", "middle", "deep"]
        done = await network.ask("boss", "blue", task=asked)
        assert done.status.state == DONE, done.status
        assert _answer(done) == "all done"
        deep = network.scripts.models["script-deep"]
        assert any("blue" in str(item) for item in deep.calls[1].input)
        assert len(deep.calls) == 2
        assert len(network.scripts.models["script-middle"].calls) == 2


async def test_a_handoff_ends_the_callers_run_with_the_peers_answer(start: Any) -> None:
    scripts = {
        "boss": [[function_call("handoff", {"agent": "expert", "message": "all of it"}, call_id="c1")]],
        "expert": [[assistant_message("the expert's answer")]],
    }
    async with start(scripts) as network:
        task = await network.ask("boss", "go")
        assert task.status.state == DONE, task.status
        assert _answer(task) == "the expert's answer"
        assert len(network.scripts.models["script-boss"].calls) == 1


async def test_files_go_down_with_the_message(start: Any) -> None:
    scripts: dict[str, Any] = {"boss": [], "helper": [[assistant_message("read it")]]}
    async with start(scripts) as network:
        boss = network.scripts.models["script-boss"] = ScriptedModel(
            [
                ModelStep.respond(lambda call: [_delegate("helper", "read", files=[_uri(call.input)])]),
                [assistant_message("ok")],
            ]
        )
        task = await network.ask("boss", "read this", files={"notes.txt": b"hello"})
        assert task.status.state == DONE, task.status
        assert len(boss.calls) == 2
        assert "notes.txt (text/plain, 5 bytes)" in str(network.scripts.models["script-helper"].calls[0].input)
        assert all(
            "Text of notes.txt:\\nhello" in str(call.input) for call in (boss.calls[0], _first(network, "helper"))
        )


def _first(network: Network, agent: str) -> Any:
    return network.scripts.models[f"script-{agent}"].calls[0]


def _uri(items: Any) -> str:
    text = str(items)
    begin = text.index("agentnet-file:")
    return text[begin : text.index("notes.txt", begin)] + "notes.txt"


async def test_a_loop_is_refused_with_the_path_named(start: Any) -> None:
    scripts = {
        "a": [[_delegate("b", "x")], [assistant_message("a saw")]],
        "b": [[_delegate("a", "x")], [assistant_message("b saw")]],
    }
    async with start(scripts) as network:
        task = await network.ask("a", "go")
        assert task.status.state == DONE, task.status
        told = str(network.scripts.models["script-b"].calls[1].input)
        assert "loop" in told
        assert "a → b → a" in told


async def test_a_chain_longer_than_the_limit_is_refused(start: Any) -> None:
    names = ["n0", "n1", "n2", "n3", "n4"]
    scripts: dict[str, Any] = {
        name: [[_delegate(following, "x")], [assistant_message(f"{name} saw")]] for name, following in pairwise(names)
    }
    scripts["n4"] = [[assistant_message("never")]]
    async with start(scripts) as network:
        task = await network.ask("n0", "go")
        assert task.status.state == DONE, task.status
        assert "too deep" in str(network.scripts.models["script-n3"].calls[1].input)
        assert not network.scripts.models["script-n4"].calls


async def test_a_peer_that_fails_is_told_of_with_its_reason(start: Any) -> None:
    scripts: dict[str, Any] = {"boss": [[_delegate("helper", "x")], [assistant_message("it failed")]], "helper": []}
    async with start(scripts) as network:
        task = await network.ask("boss", "go")
        assert task.status.state == DONE, task.status
        told = str(network.scripts.models["script-boss"].calls[1].input)
        assert "failed" in told


async def test_a_task_knows_its_parent_and_its_root(start: Any) -> None:
    scripts = {
        "boss": [[_delegate("middle", "x")], [assistant_message("1")]],
        "middle": [[_delegate("deep", "x")], [assistant_message("2")]],
        "deep": [[assistant_message("3")]],
    }
    async with start(scripts) as network:
        task = await network.ask("boss", "go")
        database = await network.runtime.database()
        rows = await database.pool.fetch(
            "SELECT agent, parent_id, id, chain, budget FROM tasks WHERE root_id = $1 ORDER BY id", task.id
        )
        assert [row["agent"] for row in rows] == ["boss", "middle", "deep"]
        assert [row["parent_id"] for row in rows] == [None, rows[0]["id"], rows[1]["id"]]
        assert rows[2]["chain"] == '["agent:boss", "agent:middle"]'


async def test_without_a_token_an_agent_answers_nothing_but_its_card(start: Any) -> None:
    async with (
        start({"boss": [[assistant_message("hi")]]}) as network,
        httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http,
    ):
        url = network.agents["boss"].url
        card = await http.get(f"{url}/.well-known/agent-card.json")
        assert card.json()["name"] == "boss"
        assert (await http.get(f"{url}/.well-known/agent.json")).content == card.content
        assert (await http.get(f"{url}/health")).status_code == 200
        for method, path in (("POST", "/"), ("GET", "/tasks"), ("POST", "/message:send")):
            response = await http.request(method, url + path, json={})
            assert response.status_code == 401
            assert response.json()["error"]["status"] == "UNAUTHENTICATED"
        other = network.runtime.tokens.mint(Principal("default", "key:test"), "agent:other")
        with pytest.raises(RefusedError, match="not valid") as refused:
            await client_of(http, url, other).send(SendMessageRequest())
        assert refused.value.answered == 401
