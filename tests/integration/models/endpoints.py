"""Endpoints that are played: right ones in the manner of known servers, with their paths, lists and refusals, and
wrong ones. Each is served on a free port of this machine.
"""

import asyncio
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from agentnet.testing import serving

ANSWER = "The answer is 42."
CALL_ID = "call_0123456789"
CHARACTERS_PER_TOKEN = 4

Body = Mapping[str, Any]
Refusal = Callable[[Body], Response | None]


@dataclass(frozen=True)
class Manner:
    """How a server does it."""

    entries: Sequence[Mapping[str, Any]]
    base: str = "/v1"
    key: str | None = None
    list_is_open: bool = False
    """Whether its list needs no key though its chat does."""
    unknown: Callable[[Request], Response] = lambda _: JSONResponse({"detail": "Not Found"}, 404)
    wrong_key: Callable[[], Response] = lambda: JSONResponse({"error": "Unauthorized"}, 401)
    no_model: Callable[[str], Response] = lambda name: JSONResponse({"error": f"no {name}"}, 404)
    refuses: Refusal = lambda _: None
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its list has besides."""
    any_name: bool = False
    kept: int | None = None
    """Tokens of a prompt that it keeps; the rest is cut without a word."""
    usage: bool = True
    calls: Callable[[Body], str] = lambda _: "call"
    """What it makes of a tool: `call`, `text`, `nothing`."""
    loads: int = 0
    """Requests that are answered while it loads."""
    loading: Callable[[], Response] = lambda: JSONResponse({"error": "loading"}, 503)
    pages: Mapping[str, Callable[[Request], Response]] = field(default_factory=dict[str, Any])

    @property
    def app(self) -> Starlette:
        """The application."""
        return Played(self).app


class Played:
    """One server that runs."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._asked = 0
        routes = [
            Route(f"{manner.base}/models", self._models),
            Route(f"{manner.base}/chat/completions", self._chat, methods=["POST"]),
            *(Route(path, page) for path, page in manner.pages.items()),
        ]
        self.app = Starlette(routes=routes, exception_handlers={404: self._unknown, 405: self._unknown})

    async def _unknown(self, request: Request, _error: Exception) -> Response:
        return self._manner.unknown(request)

    def _loads(self) -> bool:
        self._asked += 1
        return self._asked <= self._manner.loads

    def _is_let_in(self, request: Request) -> bool:
        return self._manner.key in (None, request.headers.get("authorization", "").removeprefix("Bearer "))

    async def _models(self, request: Request) -> Response:
        if self._loads():
            return self._manner.loading()
        if not self._manner.list_is_open and not self._is_let_in(request):
            return self._manner.wrong_key()
        return JSONResponse({"object": "list", "data": list(self._manner.entries), **self._manner.more})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        if self._loads():
            return self._manner.loading()
        if not self._is_let_in(request):
            return self._manner.wrong_key()
        if not self._has(str(body.get("model"))):
            return self._manner.no_model(str(body.get("model")))
        if refused := self._manner.refuses(body):
            return refused
        return StreamingResponse(self._events(body), media_type="text/event-stream")

    def _has(self, name: str) -> bool:
        names = [str(entry["id"]) for entry in self._manner.entries]
        return self._manner.any_name or bool({name, f"{name}:latest", f"models/{name}"} & {*names})

    async def _events(self, body: Body) -> AsyncIterator[str]:
        for delta, finish in self._deltas(body):
            yield _event(body, [{"index": 0, "delta": delta, "finish_reason": finish}])
        if self._manner.usage and (body.get("stream_options") or {}).get("include_usage"):
            yield _event(body, [], usage=self._counted(body))
        yield "data: [DONE]\n\n"

    def _deltas(self, body: Body) -> Iterator[tuple[dict[str, Any], str | None]]:
        tools = [tool["function"]["name"] for tool in body.get("tools") or []]
        how = self._manner.calls(body) if "get_weather" in tools else "nothing"
        yield {"role": "assistant", "content": ""}, None
        if how == "call":
            function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
            call = {"index": 0, "id": CALL_ID, "type": "function", "function": function}
            yield {"tool_calls": [call]}, None
            yield {}, "tool_calls"
            return
        text = '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>'
        for word in (text if how == "text" else ANSWER).split():
            yield {"content": f"{word} "}, None
        yield {}, "stop"

    def _counted(self, body: Body) -> dict[str, int]:
        read = tokens(body)
        kept = read if self._manner.kept is None else min(read, self._manner.kept)
        return {"prompt_tokens": kept, "completion_tokens": 8, "total_tokens": kept + 8}


def tokens(body: Body) -> int:
    """Of the prompt, as the players count them."""
    return sum(len(str(message.get("content"))) for message in body["messages"]) // CHARACTERS_PER_TOKEN


def _event(body: Body, choices: list[dict[str, Any]], **more: Any) -> str:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body.get("model")}
    return f"data: {json.dumps(head | {'choices': choices} | more)}\n\n"


def model(name: str, owner: str, **more: Any) -> dict[str, Any]:
    """An entry of a list."""
    return {"id": name, "object": "model", "created": 1_760_000_000, "owned_by": owner, **more}


def error(status: int, message: str, **more: Any) -> Response:
    """OpenAI's form."""
    return JSONResponse({"error": {"message": message, **more}}, status)


def geminis(status: int, message: str, said: str) -> Response:
    """A list of one, as Gemini's compatible API sends it."""
    return JSONResponse([{"error": {"code": status, "message": message, "status": said}}], status)


OLLAMA = Manner(
    entries=[model("qwen3:latest", "library"), model("llama3.2:3b", "library")],
    unknown=lambda _: PlainTextResponse("404 page not found", 404),
    no_model=lambda name: error(404, f"model '{name}' not found", type="not_found_error", param=None, code=None),
    pages={
        "/": lambda _: PlainTextResponse("Ollama is running"),
        "/api/tags": lambda _: JSONResponse({"models": [{"name": "qwen3:latest", "model": "qwen3:latest"}]}),
    },
)
LM_STUDIO = Manner(
    entries=[
        model("qwen/qwen3-8b", "organization_owner"),
        model("text-embedding-nomic-embed-text-v1.5", "organization_owner"),
    ],
    unknown=lambda request: JSONResponse(
        {"error": f"Unexpected endpoint or method. ({request.method} {request.url.path})"}
    ),
    no_model=lambda name: error(404, f'Failed to load model "{name}". Error: Model does not exist.', type="not_found"),
)
VLLM = Manner(
    entries=[model("Qwen/Qwen3-8B", "vllm", root="Qwen/Qwen3-8B", parent=None, max_model_len=32768, permission=[])],
    no_model=lambda name: error(
        404, f"The model `{name}` does not exist.", type="NotFoundError", param="model", code=404
    ),
)
VLLM_NO_TOOLS = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
LLAMA_MODEL = "SmolLM2-1.7B-Instruct-Q4_K_M.gguf"
LLAMA_CPP = Manner(
    entries=[model(LLAMA_MODEL, "llamacpp", meta={"n_vocab": 49152, "n_ctx_train": 8192, "n_params": 1711376384})],
    more={"models": [{"name": LLAMA_MODEL, "model": LLAMA_MODEL, "type": "model"}]},
    list_is_open=True,
    unknown=lambda _: error(404, "File Not Found", code=404, type="not_found_error"),
    wrong_key=lambda: error(401, "Invalid API Key", code=401, type="authentication_error"),
    loading=lambda: error(503, "Loading model", code=503, type="unavailable_error"),
    any_name=True,
)
GEMINI = Manner(
    entries=[model("models/gemini-2.5-flash", "google"), model("models/gemini-2.5-pro", "google")],
    base="/v1beta/openai",
    key="AIza-right",
    unknown=lambda _: HTMLResponse(
        "<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title><p>That’s an error.</p></html>", 404
    ),
    wrong_key=lambda: geminis(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"),
    no_model=lambda name: geminis(
        404, f"models/{name} is not found for API version v1main, or is not supported.", "NOT_FOUND"
    ),
    pages={"/v1beta/models": lambda _: JSONResponse({"models": [{"name": "models/gemini-2.5-flash"}]})},
)


def always(response: Callable[[Request], Response]) -> Starlette:
    """An application that answers everything so."""

    async def answer(request: Request, *_: object) -> Response:
        return response(request)

    return Starlette(exception_handlers={HTTPException: answer})


def page(title: str, status: int = 200) -> Callable[[Request], Response]:
    """A page for people."""
    text = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda _: HTMLResponse(text, status)


def listing_alone(manner: Manner, chat: Callable[[Request], Response]) -> Starlette:
    """One that lists its models well, and answers a call so."""

    async def answer(request: Request) -> Response:
        return chat(request)

    models = JSONResponse({"object": "list", "data": list(manner.entries)})
    return Starlette(
        routes=[
            Route("/v1/models", lambda _: models),
            Route("/v1/chat/completions", answer, methods=["POST"]),
        ]
    )


def login(_: Request) -> Response:
    """What stands before many a server."""
    return RedirectResponse("https://login.example.com/oauth2/authorize?client_id=1", 302)


@asynccontextmanager
async def played(manner: Manner) -> AsyncIterator[str]:
    """Serve it; gives its right base URL."""
    async with serving(manner.app) as url:
        yield f"{url}{manner.base}"


@asynccontextmanager
async def speaking(greeting: bytes) -> AsyncIterator[str]:
    """Something that is no HTTP server: it says `greeting` to whoever comes, and nothing at all for none."""
    ended = asyncio.Event()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        if not greeting:
            await ended.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def over_tls(folder: Path, manner: Manner) -> AsyncIterator[str]:
    """A server that lists its models over TLS, with a certificate that it signed itself; it is in `folder`/cert.pem."""
    certify(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    listed = json.dumps({"object": "list", "data": list(manner.entries)}).encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = head.startswith(b"GET /v1/models ")
        status, body = (b"200 OK", listed) if found else (b"404 Not Found", b"{}")
        fields = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close" % len(body)
        writer.write(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, fields, body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def certify(folder: Path) -> None:
    """Write cert.pem and key.pem for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))


def without(body: Body, name: str, refused: Response) -> Response | None:
    """The refusal of a body that has that field."""
    return refused if name in body else None


def but(manner: Manner, **changed: Any) -> Manner:
    """A manner with something else."""
    return replace(manner, **changed)
