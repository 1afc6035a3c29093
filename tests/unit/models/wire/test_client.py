"""What the wire's client does besides repairing: connections, encodings, answers in one piece, bounds."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from openai import APIConnectionError, AsyncOpenAI

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.wire.client import WireClient
from agentnet.models.wire.quirks import listening
from tests.patience import PATIENCE_SECONDS
from tests.unit.models.wire.playing import Answer, Player, chunk, events, playing, said, take_turn, usage_chunk
from tests.unit.models.wire.test_chat_quirks import COMPLETION

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client_of(player: Player) -> AsyncIterator[AsyncOpenAI]:
    wire = WireClient(Endpoint(name="m", model="m", base_url=player.url))
    async with AsyncOpenAI(base_url=player.url, api_key="none", max_retries=0, http_client=wire) as client:
        yield client


async def test_a_connection_is_used_again_after_an_answer() -> None:
    async with playing(events(*said("Hello"))) as player, client_of(player) as client:
        for _ in range(3):
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
            assert [part async for part in stream]
        assert (player.connections, len(player.bodies)) == (1, 3)


async def test_a_connection_is_used_again_after_a_refusal() -> None:
    refused = Answer(b'{"error":{"message":"Unknown parameter: \'seed\'."}}', 400, "application/json")
    async with playing(refused, events(*said("Hello"))) as player, client_of(player) as client:
        stream = await client.chat.completions.create(model="m", messages=[], stream=True, seed=1)
        assert [part async for part in stream]
        assert (player.connections, len(player.bodies)) == (1, 2)


async def test_whoever_leaves_an_answer_amid_its_words_ends_it_at_the_server() -> None:
    held = Answer(events(*said("Hello")[:2], done=False), holds=True)
    async with playing(held) as player, client_of(player) as client:
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        await anext(aiter(stream))
        await stream.close()
        await asyncio.wait_for(player.gone.wait(), PATIENCE_SECONDS)


async def test_a_task_that_is_cancelled_amid_an_answer_ends_it_at_the_server() -> None:
    held = Answer(events(*said("Hello")[:2], done=False), holds=True)
    async with playing(held) as player:
        running = asyncio.create_task(take_turn(player))
        while not player.bodies:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(player.gone.wait(), PATIENCE_SECONDS)


async def test_an_encoded_answer_is_read() -> None:
    body = gzip.compress(events(*said("Hello", " there.")))
    async with playing(Answer(body, headers=(("content-encoding", "gzip"),))) as player:
        assert (await take_turn(player)).text == "Hello there."


async def test_an_answer_that_does_not_fit_its_encoding_is_told() -> None:
    async with playing(Answer(events(*said("Hello")), headers=(("content-encoding", "gzip"),))) as player:
        with pytest.raises(ModelError, match="content-encoding") as caught:
            await take_turn(player)
    assert caught.value.kind is Kind.GARBLED


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
async def test_no_redirect_is_followed_wherever_it_leads(status: int) -> None:
    """With it would go the conversation, and the secret headers and parameters of the endpoint."""
    async with playing(Answer(events(*said("Hello")))) as other:
        leads = (("location", f"{other.url}/chat/completions?token=1"),)
        async with playing(Answer(b"{}", status=status, headers=leads)) as player:
            with pytest.raises(ModelError, match=f"leads elsewhere to {other.url}/chat/completions: nothing was sent"):
                await take_turn(player)
        assert other.connections == 0


async def test_an_answer_in_one_piece_is_what_was_asked_for() -> None:
    async with playing(Answer(json.dumps(COMPLETION).encode(), kind="application/json")) as player:
        async with client_of(player) as client:
            answer = await client.chat.completions.create(model="m", messages=[])
    assert answer.choices[0].message.content == "Hello there."


@pytest.mark.parametrize("body", [b"<html><title>No</title></html>", b'{"error":"It fell over"}', b"", b'{"a":1}'])
async def test_what_is_no_answer_in_one_piece_is_told(body: bytes) -> None:
    async with playing(Answer(body, kind="application/json")) as player, client_of(player) as client:
        with pytest.raises((ModelError, APIConnectionError)) as caught:
            await client.chat.completions.create(model="m", messages=[])
    error = caught.value if isinstance(caught.value, ModelError) else caught.value.__cause__
    assert isinstance(error, ModelError)


async def test_an_answer_without_bounds_is_stopped() -> None:
    piece = chunk({"content": "x" * 1_000_000})
    async with playing(events(*[piece] * 18)) as player:
        with pytest.raises(ModelError, match="longer than 16777216 bytes") as caught:
            await take_turn(player)
    assert caught.value.kind is Kind.RUNAWAY


async def test_whoever_listens_hears_why_an_answer_ended_and_whether_its_usage_is_estimated() -> None:
    body = events(chunk({"content": "Hello"}), chunk({}, "max_tokens"))
    async with playing(body) as player, client_of(player) as client:
        with listening() as heard:
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        chunks = [part async for part in stream]
    assert [noted.reason for noted in heard] == ["length"]
    assert heard[0].is_estimated
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_extra == {"estimated": True}


async def test_usage_that_grows_is_counted_once() -> None:
    parts = [
        {**chunk({"content": "Hello"}), "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}},
        {**chunk({"content": " there."}), "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}},
        chunk({}, "stop"),
    ]
    async with playing(events(*parts)) as player:
        assert (await take_turn(player)).usage == (9, 3)


async def test_usage_in_parts_is_put_together() -> None:
    parts = [
        {**chunk({"content": "Hello"}), "usage": {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}},
        chunk({}, "stop"),
        {**usage_chunk(), "usage": {"completion_tokens": 3}},
    ]
    async with playing(events(*parts)) as player:
        assert (await take_turn(player)).usage == (9, 3)
