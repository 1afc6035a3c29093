"""A message id is a message's name: the same message once more finds its task, another one under it is refused."""

import asyncio
from collections.abc import Callable

import pytest
from a2a.types.a2a_pb2 import Part, SendMessageRequest, Task
from a2a.utils.errors import InvalidParamsError
from google.protobuf.struct_pb2 import Struct

from tests.integration.tasks.replicas import Replica, Script, context, replicas, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

Change = Callable[[SendMessageRequest], None]


def _metadata(changed: SendMessageRequest) -> None:
    changed.message.metadata.update({"urgent": True})


def _data(changed: SendMessageRequest) -> None:
    changed.message.parts[0].data.struct_value.CopyFrom(Struct())


CHANGES: list[Change] = [
    lambda changed: setattr(changed.message.parts[0], "text", "other words"),
    lambda changed: setattr(changed.message.parts[0], "text", "hello "),
    lambda changed: changed.message.parts.append(Part(text="more")),
    lambda changed: changed.message.parts.append(Part(raw=b"1", filename="a.txt")),
    lambda changed: setattr(changed.message.parts[0], "filename", "hello.txt"),
    lambda changed: setattr(changed.message.parts[0], "media_type", "text/markdown"),
    lambda changed: changed.message.reference_task_ids.append("t"),
    lambda changed: changed.message.extensions.append("https://example.org/x"),
    lambda changed: setattr(changed.message, "context_id", "another"),
    _metadata,
    _data,
]


async def _sent(replica: Replica, message: SendMessageRequest) -> Task:
    answer = await replica.handler.on_message_send(message, context())
    assert isinstance(answer, Task)
    return answer


@pytest.mark.parametrize("change", CHANGES)
async def test_another_message_under_a_used_id_is_refused_by_its_name(database_url: str, change: Change) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as made:
        first = await _sent(made[0], request("hello", message_id="m-1"))
        for send in (made[0].handler.on_message_send, made[1].handler.on_message_send, made[1].handler.open_stream):
            other = request("hello", message_id="m-1")
            change(other)
            with pytest.raises(InvalidParamsError, match="m-1 was used"):
                await send(other, context())
        assert (await _sent(made[1], request("hello", message_id="m-1"))).id == first.id
        assert len(script.begun) == 1


async def test_the_same_message_may_say_its_context_or_leave_it_to_be_known(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        first = await _sent(one, request("hello", message_id="m-1"))
        again = request("hello", message_id="m-1")
        again.message.context_id = first.context_id
        assert (await _sent(one, again)).id == first.id


async def test_an_answer_under_the_id_of_the_question_or_of_another_answer_is_refused(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        asked = await _sent(one, request("ask", message_id="m-1"))
        with pytest.raises(InvalidParamsError, match="m-1 was used for another message"):
            await one.handler.on_message_send(request("that", message_id="m-1", task=asked), context())
        done = await _sent(one, request("that", message_id="m-2", task=asked))
        assert await _sent(one, request("that", message_id="m-2", task=asked)) == done
        with pytest.raises(InvalidParamsError, match="m-2 was used for another message"):
            await one.handler.on_message_send(request("this", message_id="m-2", task=asked), context())


async def test_a_message_that_waits_for_its_turn_keeps_its_id_to_itself(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        task = await _sent(one, request("wait first", at_once=True))
        second = asyncio.create_task(_sent(one, request("second", message_id="m-2", task=task)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await one.store.pool.fetchval("SELECT count(*) FROM task_inputs WHERE message_id = 'm-2'")) == 0:
                await asyncio.sleep(0.01)
        with pytest.raises(InvalidParamsError, match="m-2 was used for another message"):
            await one.handler.on_message_send(request("third", message_id="m-2", task=task), context())
        again = await _sent(one, request("second", message_id="m-2", task=task, at_once=True))
        assert again.id == task.id
        script.go.set()
        assert {artifact.artifact_id for artifact in (await second).artifacts} == {"first", "second"}
