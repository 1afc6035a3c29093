"""A server on loopback that answers with given bytes, and what the SDK makes of them through the wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agents import (
    FunctionTool,
    Model,
    ModelSettings,
    ModelTracing,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    function_tool,
)
from openai import APIConnectionError, AsyncOpenAI
from openai.types.responses import Response

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import ModelError
from agentnet.models.wire.client import WireClient
from agentnet.models.wire.habits import forget_habits
from agentnet.models.wire.quirks import Noted, listening

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Answer:
    """What the server says to one request."""

    body: bytes | Sequence[bytes] = b""
    status: int = 200
    kind: str = "text/event-stream"
    breaks: bool = False
    """Whether the connection breaks where the body ends."""
    headers: tuple[tuple[str, str], ...] = ()
    holds: bool = False
    """Whether nothing comes behind the body, and the connection stays."""

    def pieces(self) -> Sequence[bytes]:
        """The body as it is written."""
        return [self.body] if isinstance(self.body, bytes) else self.body


@dataclass
class Player:
    """The server: one answer after the other, and the last again and again."""

    answers: Sequence[Answer]
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    connections: int = 0
    url: str = ""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has left an answer that holds."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        self.bodies.append(json.loads(await reader.readexactly(length)))
        answer = self.answers[min(len(self.bodies), len(self.answers)) - 1]
        lines = [f"HTTP/1.1 {answer.status} Said", f"content-type: {answer.kind}", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        for piece in answer.pieces():
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
        if answer.holds:
            await reader.read()
            self.gone.set()
        if answer.breaks or answer.holds:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


@dataclass(frozen=True)
class Turn:
    """What came of one turn."""

    shown: str
    """The words that streamed by."""
    text: str
    """The words of the answer."""
    thoughts: str
    calls: list[tuple[str, Any]]
    """Tools, and their arguments as JSON, or as the text that is none."""
    ids: list[str]
    usage: tuple[int, int]
    noted: Noted


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return city


@function_tool
def get_time(zone: str, hours: int = 0) -> str:
    """Tell the time in a zone."""
    return f"{zone}{hours}"


TOOLS = (get_weather, get_time)


@asynccontextmanager
async def playing(*answers: Answer | bytes) -> AsyncIterator[Player]:
    """A server with these answers. What is known of other servers is forgotten."""
    forget_habits()
    player = Player([answer if isinstance(answer, Answer) else Answer(answer) for answer in answers])
    server = await asyncio.start_server(player.serve, "127.0.0.1", 0, limit=2**24)
    player.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield player


async def take_turn(
    player: Player,
    api: str = "chat",
    *,
    tools: Iterable[FunctionTool] = TOOLS,
    history: str | list[Any] = "How is the weather in Paris?",
    omit: frozenset[str] = frozenset(),
    silence: float = 20.0,
    settings: ModelSettings | None = None,
) -> Turn:
    """One turn of the SDK's own model. Raises what it raises, a `ModelError` unwrapped."""
    endpoint = Endpoint(name="played", model="m", base_url=player.url, omit=omit, silence_seconds=silence)
    wire = WireClient(endpoint)
    client = AsyncOpenAI(base_url=player.url, api_key="none", max_retries=0, timeout=silence, http_client=wire)
    kind = OpenAIChatCompletionsModel if api == "chat" else OpenAIResponsesModel
    try:
        with listening() as heard:
            events = await _events(kind(model="m", openai_client=client), list(tools), history, settings)
    except APIConnectionError as error:
        if isinstance(error.__cause__, ModelError):
            raise error.__cause__ from None
        raise
    finally:
        await client.close()
    return _turn_of(events, heard[-1])


async def _events(model: Model, tools: list[FunctionTool], history: Any, settings: ModelSettings | None) -> list[Any]:
    stream = model.stream_response(
        "Be brief.",
        history,
        settings or ModelSettings(include_usage=True),
        [*tools],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    return [event async for event in stream]


def _turn_of(events: list[Any], noted: Noted) -> Turn:
    [last] = [event for event in events if event.type == "response.completed"]
    response: Response = last.response
    calls = [item for item in response.output if item.type == "function_call"]
    messages = [item for item in response.output if item.type == "message"]
    reasoning = [item for item in response.output if item.type == "reasoning"]
    usage = response.usage
    return Turn(
        shown="".join(event.delta for event in events if event.type == "response.output_text.delta"),
        text="".join(part.text for item in messages for part in item.content if part.type == "output_text"),
        thoughts="".join(
            part.text for item in reasoning for part in (*(item.summary or ()), *(getattr(item, "content", None) or ()))
        ),
        calls=[(item.name, _json(item.arguments)) for item in calls],
        ids=[item.call_id for item in calls],
        usage=(usage.input_tokens, usage.output_tokens) if usage else (0, 0),
        noted=noted,
    )


def _json(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def events(*values: Any, done: bool = True) -> bytes:
    """Events of these values as JSON, or of these bytes."""
    data = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    return b"".join(b"data: %b\n\n" % each for each in data) + (DONE if done else b"")


def chunk(delta: Any = None, finish: Any = None, **members: Any) -> dict[str, Any]:
    """A chunk of a chat answer."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **members}


def usage_chunk(**members: Any) -> dict[str, Any]:
    """The last chunk, with the usage."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12} | members
    return {**chunk(), "choices": [], "usage": usage}


def said(*words: str, finish: str | None = "stop") -> list[dict[str, Any]]:
    """A sound answer of these words."""
    first = chunk({"role": "assistant", "content": ""})
    return [first, *(chunk({"content": word}) for word in words), chunk({}, finish), usage_chunk()]


def call(
    arguments: Any, name: Any = "get_weather", index: Any = 0, call_id: Any = "call_aXk29dPq", **members: Any
) -> dict[str, Any]:
    """An entry of `tool_calls`; what is `...` is left out."""
    entry: dict[str, Any] = {
        "index": index,
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    entry["function"] = {key: value for key, value in entry["function"].items() if value is not ...}
    return {key: value for key, value in (entry | members).items() if value is not ...}


def called(*entries: Any, finish: Any = "tool_calls") -> list[dict[str, Any]]:
    """An answer of these entries of `tool_calls`, each in a chunk of its own."""
    return [*(chunk({"tool_calls": [entry]}) for entry in entries), chunk({}, finish), usage_chunk()]
