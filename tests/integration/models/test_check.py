"""What the check of an endpoint says of wrong ones, each played over true sockets, and of right ones.

The table of wrong endpoints is `WRONG`: who is asked, how it was set, and what is said.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route

from agentnet.models.check.asking import Bounds
from agentnet.models.check.check import Check
from agentnet.models.check.finding import Figures, Finding, ToolCall
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.testing import serving
from tests.integration.models.endpoints import (
    ANSWER,
    GEMINI,
    LLAMA_CPP,
    LLAMA_MODEL,
    LM_STUDIO,
    OLLAMA,
    VLLM,
    VLLM_NO_TOOLS,
    Manner,
    always,
    but,
    error,
    listing_alone,
    login,
    over_tls,
    page,
    played,
    speaking,
    without,
)
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports

pytestmark = pytest.mark.anyio

PATIENT = Bounds(PATIENCE_SECONDS, PATIENCE_SECONDS, PATIENCE_SECONDS, PATIENCE_SECONDS, PATIENCE_SECONDS, 0.01)
NO_WAITING = replace(PATIENT, loading_seconds=0.0)
IMPATIENT = Bounds(0.3, 0.3, 0.3, 0.3, 0.3, 0.01)
"""For those that never answer."""

Where = Callable[[Path], AbstractAsyncContextManager[str]]


@dataclass(frozen=True)
class Wrong:
    """A wrong endpoint, and what is said of it."""

    where: Where
    """Serves it, given a folder; gives the base URL to set."""
    check: str
    """At what the check stops."""
    found: str
    todo: str
    """`{}` is the base URL without its path."""
    model: str = "qwen3"
    key: str | None = None
    bounds: Bounds = PATIENT
    more: dict[str, Any] = field(default_factory=dict[str, Any])


def at(manner: Manner, path: str | None = None, scheme: str = "http") -> Where:
    """The manner's server under another path, or another scheme."""

    @asynccontextmanager
    async def serve(_: Path) -> AsyncIterator[str]:
        async with played(manner) as url:
            root = url.removesuffix(manner.base)
            yield (url if path is None else f"{root}{path}").replace("http://", f"{scheme}://" if scheme else "")

    return serve


def app(application: Any, path: str = "/v1") -> Where:
    """An application of its own."""

    @asynccontextmanager
    async def serve(_: Path) -> AsyncIterator[str]:
        async with serving(application) as url:
            yield f"{url}{path}"

    return serve


def sending(greeting: bytes) -> Where:
    """No HTTP server."""

    @asynccontextmanager
    async def serve(_: Path) -> AsyncIterator[str]:
        async with speaking(greeting) as url:
            yield f"{url}/v1"

    return serve


def tls(scheme: str) -> Where:
    """A server that speaks TLS alone."""

    @asynccontextmanager
    async def serve(folder: Path) -> AsyncIterator[str]:
        async with over_tls(folder, OLLAMA) as url:
            yield f"{url}/v1".replace("https", scheme)

    return serve


def fixed(url: str) -> Where:
    """An address at which nobody is."""

    @asynccontextmanager
    async def serve(_: Path) -> AsyncIterator[str]:
        yield url

    return serve


def stream(*events: str) -> Callable[[Any], StreamingResponse]:
    """A chat that answers with these events."""
    return lambda _: StreamingResponse(iter(events), media_type="text/event-stream")


SAYS = 'data: {"choices": [{"index": 0, "delta": {"content": "Well"}}]}\n\n'
OUT_OF_MONEY = "You exceeded your current quota, please check your plan and billing details."

WRONG: dict[str, Wrong] = {
    # The address.
    "no scheme": Wrong(
        at(OLLAMA, "/v1", scheme=""),
        "model address",
        "OPENAI_BASE_URL has no scheme",
        "Set OPENAI_BASE_URL=http://{}/v1",
    ),
    "Ollama without /v1": Wrong(
        at(OLLAMA, ""),
        "model address",
        "has no list of models (404: 404 page not found)",
        "=http://{}/v1, which answers.",
    ),
    "Ollama with a slash alone": Wrong(
        at(OLLAMA, "/"), "model address", "has no list of models (404", "=http://{}/v1, which answers."
    ),
    "Ollama's own /api": Wrong(
        at(OLLAMA, "/api"), "model address", "has no list of models (404", "=http://{}/v1, which answers."
    ),
    "Ollama's /api/chat": Wrong(
        at(OLLAMA, "/api/chat"), "model address", "has no list of models (404", "=http://{}/v1, which answers."
    ),
    "the address of a call": Wrong(
        at(VLLM, "/v1/chat/completions"), "model address", "(404: Not Found)", "=http://{}/v1, which answers."
    ),
    "the address of the list": Wrong(
        at(VLLM, "/v1/models"), "model address", "(404: Not Found)", "=http://{}/v1, which answers."
    ),
    "/v1 twice": Wrong(at(VLLM, "/v1/v1"), "model address", "(404", "=http://{}/v1, which answers."),
    "LM Studio without /v1, which answers 200": Wrong(
        at(LM_STUDIO, ""),
        "model address",
        "Unexpected endpoint or method. (GET /models)",
        "=http://{}/v1, which answers.",
    ),
    "Gemini's own API": Wrong(
        at(GEMINI, "/v1beta"),
        "model address",
        "JSON that is no list of models",
        "=http://{}/v1beta/openai, which answers.",
        model="gemini-2.5-flash",
        key="AIza-right",
    ),
    "Gemini with /v1": Wrong(
        at(GEMINI, "/v1"),
        "model address",
        "Error 404 (Not Found)!!1",
        "=http://{}/v1beta/openai, which answers.",
        model="gemini-2.5-flash",
        key="AIza-right",
    ),
    "https at a port of http": Wrong(
        at(OLLAMA, "/v1", scheme="https"), "model address", "speaks plain HTTP, no TLS", "=http://{}/v1, which answers."
    ),
    "http at a port of https": Wrong(
        tls("http"), "model address", "speaks TLS, no plain HTTP", "=https://{}/v1, and name the certificate"
    ),
    "a certificate that it signed itself": Wrong(
        tls("https"), "model address", "certificate that is not trusted: self-signed certificate", "SSL_CERT_FILE"
    ),
    "a query": Wrong(
        at(OLLAMA, "/v1?api-version=1"), "model address", "holds a query", "=http://{}/v1, which answers."
    ),
    "a web page": Wrong(
        app(always(page("Open WebUI"))),
        "model address",
        "is a web page (“Open WebUI”), no API",
        "its address ends in /v1",
    ),
    "a page to sign in": Wrong(
        app(always(login)), "model address", "leads to https://login.example.com/oauth2/authorize", "a page to sign in?"
    ),
    "another JSON": Wrong(
        app(always(lambda _: JSONResponse({"status": "UP"}))), "model address", "JSON that is no list of models", "/v1"
    ),
    "text": Wrong(
        app(always(lambda _: PlainTextResponse("pong"))), "model address", "text that is no JSON: pong", "/v1"
    ),
    "no such host": Wrong(
        fixed("http://no-such-host.invalid:11434/v1"),
        "model address",
        "names a host that is not known",
        "Check the host",
    ),
    "nobody there": Wrong(
        fixed(f"http://127.0.0.1:{free_ports(1)[0]}/v1"), "model address", "nothing that listens there", ""
    ),
    "silence": Wrong(sending(b""), "model address", "does not answer within 0.3 s", "firewall", bounds=IMPATIENT),
    "another protocol": Wrong(
        sending(b"SSH-2.0-OpenSSH_9.6\r\n"), "model address", "does not answer in HTTP", "OpenAI-compatible"
    ),
    # The key.
    "a wrong key": Wrong(
        at(but(VLLM, key="right")), "model key", "refuses the key: Unauthorized", "Check OPENAI_API_KEY.", key="wrong"
    ),
    "no key": Wrong(
        at(but(VLLM, key="right")), "model key", "wants a key, and none is set: Unauthorized", "Set OPENAI_API_KEY."
    ),
    "Gemini's wrong key, with 400": Wrong(
        at(GEMINI),
        "model key",
        "refuses the key: API key not valid. Please pass",
        "Check OPENAI_API_KEY.",
        key="AIza-x",
    ),
    "a key that only the call needs": Wrong(
        at(but(LLAMA_CPP, key="right")),
        "model call",
        "401 (Unauthorized): Invalid API Key",
        "Check OPENAI_API_KEY.",
        model=LLAMA_MODEL,
        key="wrong",
    ),
    "a key in quotes": Wrong(fixed("http://127.0.0.1:9/v1"), "model key", "is in quotes", "Copy it", key='"sk-1"'),
    "a key with a line break": Wrong(
        fixed("http://127.0.0.1:9/v1"), "model key", "holds white space", "Copy it", key="sk-1\n"
    ),
    "the key of an example": Wrong(fixed("http://127.0.0.1:9/v1"), "model key", "such as …", "Copy it", key="sk-…"),
    "no money": Wrong(
        app(always(lambda _: error(429, OUT_OF_MONEY, code="insufficient_quota"))),
        "model key",
        OUT_OF_MONEY,
        "credit",
        key="sk-1",
    ),
    # The server.
    "a limit of rate": Wrong(
        app(always(lambda _: JSONResponse({"error": "Slow down."}, 429, {"retry-after": "17"}))),
        "model list",
        "answers 429: Slow down.",
        "after 17 s",
    ),
    "a broken server": Wrong(
        app(always(page("502 Bad Gateway", 502))), "model list", "answers 502: 502 Bad Gateway", "log"
    ),
    "one that loads for ever": Wrong(
        at(but(LLAMA_CPP, loads=10**9)),
        "model list",
        "answers 503: Loading model",
        "loads its model",
        bounds=NO_WAITING,
    ),
    # The model.
    "a wrong model": Wrong(
        at(OLLAMA),
        "model",
        "qwen2.5 is not there; there are qwen3:latest, llama3.2:3b",
        "Set AGENTNET_MODEL=qwen3:latest? Or fetch it: `ollama pull qwen2.5`.",
        model="qwen2.5",
    ),
    "a model of elsewhere": Wrong(
        at(VLLM),
        "model",
        "gpt-4.1-mini is not there; there is Qwen/Qwen3-8B",
        "Set AGENTNET_MODEL=Qwen/Qwen3-8B.",
        model="gpt-4.1-mini",
    ),
    "no model is named, of two": Wrong(
        at(OLLAMA),
        "model",
        "none is named, and there are qwen3:latest, llama3.2:3b",
        "Set AGENTNET_MODEL to one",
        model="",
    ),
    "no model there": Wrong(
        at(but(OLLAMA, entries=[], more={"data": None})), "model", "lists no model", "Load a model there."
    ),
    # The call.
    "a list, and a page for the call": Wrong(
        app(listing_alone(OLLAMA, page("Sign in"))),
        "model call",
        "answers with a web page: Sign in",
        "OpenAI-compatible API",
    ),
    "no list, and no call": Wrong(
        app(always(page("404 Not Found", 404))),
        "model call",
        "answers 404 (Not Found): 404 Not Found",
        "OPENAI_BASE_URL",
    ),
    "an error in the stream": Wrong(
        app(listing_alone(OLLAMA, stream('data: {"error": {"message": "CUDA out of memory"}}\n\n'))),
        "model call",
        "CUDA out of memory",
        "log",
    ),
    "a stream that breaks off": Wrong(app(listing_alone(OLLAMA, stream(SAYS))), "model call", "broke off", "Ask again"),
    "nothing said": Wrong(
        app(listing_alone(OLLAMA, stream("data: [DONE]\n\n"))), "model call", "said nothing", "Ask again"
    ),
    "tools refused by Ollama": Wrong(
        at(
            but(
                OLLAMA,
                refuses=lambda body: without(
                    body, "tools", error(400, "registry.ollama.ai/library/qwen3 does not support tools")
                ),
            )
        ),
        "model tools",
        "tools are refused: registry.ollama.ai/library/qwen3 does not support tools",
        "`ollama show NAME`",
    ),
    "tools refused by vLLM": Wrong(
        at(but(VLLM, refuses=lambda body: without(body, "tools", error(400, VLLM_NO_TOOLS, code=400)))),
        "model tools",
        VLLM_NO_TOOLS,
        "--tool-call-parser NAME",
        model="Qwen/Qwen3-8B",
    ),
    "tools refused by llama.cpp, with 500": Wrong(
        at(
            but(LLAMA_CPP, refuses=lambda body: without(body, "tools", error(500, "tools param requires --jinja flag")))
        ),
        "model tools",
        "tools param requires --jinja flag",
        "llama-server with --jinja",
        model=LLAMA_MODEL,
    ),
    # The context.
    "Ollama's context": Wrong(
        at(but(OLLAMA, kept=4096)),
        "model context",
        "the server read 4,096, without a word",
        "OLLAMA_CONTEXT_LENGTH=16384",
    ),
    "a context that cuts a first prompt": Wrong(
        at(but(OLLAMA, kept=2048)), "model context", "the server read 2,048, without a word", "num_ctx 16384"
    ),
    "a context that is smaller than declared": Wrong(
        at(VLLM),
        "model context",
        "65,536 tokens are declared, and the server says 32,768",
        "Declare 32768, or",
        model="Qwen/Qwen3-8B",
        more={"context_tokens": 65536},
    ),
}


async def found_at(
    url: str, model: str, key: str | None = None, *, bounds: Bounds = PATIENT, call: bool = True, **more: Any
) -> tuple[list[Finding], Figures, list[str]]:
    """The findings, the figures, and what was said meanwhile."""
    secret = SecretStr(key) if key else None
    said: list[str] = []
    endpoint = Endpoint(name="tried", model=model, base_url=url, api_key=secret, **more)
    check = Check(endpoint, bounds=bounds, call=call, say=said.append)
    return [finding async for finding in check.findings()], check.figures, said


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_said_with_what_to_do(wrong: Wrong, tmp_path: Path) -> None:
    async with wrong.where(tmp_path) as url:
        findings, _, _ = await found_at(url, wrong.model, wrong.key, bounds=wrong.bounds, **wrong.more)
    bad = [finding for finding in findings if not finding.ok]
    assert [finding.check for finding in bad] == [wrong.check], findings
    assert wrong.found in bad[0].found
    assert wrong.todo.format(url.partition("://")[2].partition("/")[0] or url.partition("/")[0]) in bad[0].todo
    assert wrong.key is None or wrong.key not in str(findings)


RIGHT = {
    "Ollama": (OLLAMA, "qwen3", None),
    "LM Studio": (LM_STUDIO, "qwen/qwen3-8b", None),
    "vLLM": (VLLM, "Qwen/Qwen3-8B", None),
    "llama.cpp": (LLAMA_CPP, LLAMA_MODEL, None),
    "Gemini": (GEMINI, "gemini-2.5-flash", "AIza-right"),
}


@pytest.mark.parametrize("name", RIGHT)
async def test_a_right_endpoint_is_found_well_in_all_its_checks(name: str) -> None:
    manner, model, key = RIGHT[name]
    async with played(manner) as url:
        findings, figures, said = await found_at(url, model, key)
    assert all(finding.ok for finding in findings), findings
    checks = ["model list", "model", "model call", "model tools", "model context"]
    assert [finding.check for finding in findings] == checks
    assert f"listed by {name} at" in findings[0].found
    assert "usage sent" in findings[2].found
    assert (figures.tool_call, figures.usage, said) == (ToolCall.CALLED, True, [])
    assert figures.first_token_seconds is not None
    assert figures.tokens_per_second is not None
    assert figures.context_tokens == (32768 if name == "vLLM" else None)


@pytest.mark.parametrize("name", ["Ollama", "LM Studio", "vLLM", "llama.cpp"])
async def test_the_slash_at_the_end_is_no_matter(name: str) -> None:
    manner, model, key = RIGHT[name]
    async with played(manner) as url:
        findings, _, _ = await found_at(f"{url}/", model, key, call=False)
    assert all(finding.ok for finding in findings), findings


async def test_the_only_model_there_needs_no_name_and_one_for_vectors_does_not_count() -> None:
    async with played(LM_STUDIO) as url:
        findings, figures, _ = await found_at(url, "")
    assert all(finding.ok for finding in findings), findings
    assert "qwen/qwen3-8b, the only one there" in findings[1].found
    assert figures.tool_call is ToolCall.CALLED


async def test_llama_cpp_answers_to_any_name_which_is_said() -> None:
    async with played(LLAMA_CPP) as url:
        findings, _, _ = await found_at(url, "gpt-4.1-mini", call=False)
    assert (findings[1].ok, findings[1].todo) == (True, f"Set AGENTNET_MODEL={LLAMA_MODEL} says what it is.")


async def test_a_model_that_loads_is_waited_for_with_a_word() -> None:
    async with played(but(LLAMA_CPP, loads=3)) as url:
        findings, _, said = await found_at(url, LLAMA_MODEL)
    assert all(finding.ok for finding in findings), findings
    assert len(said) == 1
    assert "loads its model: Loading model: waiting" in said[0]


async def test_an_endpoint_without_a_list_is_called_all_the_same() -> None:
    manner = but(OLLAMA, any_name=True)
    async with serving(_without_list(manner)) as url:
        findings, figures, _ = await found_at(f"{url}/v1", "qwen3")
        unasked, _, _ = await found_at(f"{url}/v1", "qwen3", call=False)
    assert all(finding.ok for finding in findings), findings
    assert "has no list of models (404" in findings[0].found
    assert figures.tool_call is ToolCall.CALLED
    assert [finding.ok for finding in unasked] == [False]
    assert "--no-call" in unasked[0].todo


async def test_a_call_that_comes_as_text_is_told_and_so_is_one_that_does_not_come() -> None:
    async with played(but(VLLM, calls=lambda _: "text")) as url:
        _, as_text, _ = await found_at(url, "Qwen/Qwen3-8B")
    async with played(but(VLLM, calls=lambda _: "nothing")) as url:
        findings, not_called, _ = await found_at(url, "Qwen/Qwen3-8B")
    assert as_text.tool_call is ToolCall.TEXT
    assert not_called.tool_call is ToolCall.NOT_CALLED
    assert "it answered without" in findings[3].found


async def test_usage_that_is_not_sent_leaves_the_context_unknown_and_is_said() -> None:
    async with played(but(OLLAMA, usage=False)) as url:
        findings, figures, _ = await found_at(url, "qwen3")
    assert all(finding.ok for finding in findings), findings
    assert "usage not sent" in findings[2].found
    assert "not known" in findings[4].found
    assert figures.usage is False


async def test_what_is_refused_to_be_sent_is_left_out_and_told() -> None:
    refused = error(400, "Unknown parameter: 'stream_options'.")
    limit = error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")

    def refuses(body: Any) -> Any:
        return without(body, "stream_options", refused) or without(body, "max_tokens", limit)

    async with played(but(OLLAMA, refuses=refuses)) as url:
        findings, _, _ = await found_at(url, "qwen3")
    assert all(finding.ok for finding in findings), findings
    assert "It refuses stream_options and max_tokens, which the network leaves out." in findings[2].todo


async def test_a_context_that_refuses_the_longer_prompt_is_told_and_no_fault() -> None:
    words = "request (6012 tokens) exceeds the available context size (4096 tokens), try increasing it"

    def refuses(body: Any) -> Any:
        too_long = sum(len(str(each["content"])) for each in body["messages"]) > 16_000
        return error(400, words, type="exceed_context_size_error") if too_long else None

    async with played(but(LLAMA_CPP, refuses=refuses)) as url:
        findings, _, _ = await found_at(url, LLAMA_MODEL)
    assert findings[4].ok, findings
    assert words in findings[4].found
    assert "-c 16384" in findings[4].todo


async def test_an_answer_in_one_piece_is_read_and_told() -> None:
    message = {"role": "assistant", "content": ANSWER}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3400}}
    async with serving(listing_alone(OLLAMA, lambda _: JSONResponse(whole))) as url:
        findings, _, _ = await found_at(f"{url}/v1", "qwen3")
    assert "in one piece, not streamed" in findings[2].found


async def test_a_key_in_the_place_of_the_address_is_not_repeated() -> None:
    findings, _, _ = await found_at("sk-proj-0123456789abcdef", "qwen3")
    assert findings[0].found == "OPENAI_BASE_URL has no scheme"
    assert "sk-proj" not in str(findings)


async def test_this_networks_own_address_is_no_models() -> None:
    endpoint = Endpoint(name="tried", model="qwen3", base_url="http://localhost:8700/v1")
    [finding] = [finding async for finding in Check(endpoint, own_ports=frozenset({8700})).findings()]
    assert not finding.ok
    assert "is this network's own address" in finding.found


def _without_list(manner: Manner) -> Any:
    application = manner.app
    application.router.routes = [
        route for route in application.router.routes if getattr(route, "path", "") != f"{manner.base}/models"
    ]
    return application


async def test_nobody_is_asked_at_a_host_to_which_the_address_only_leads() -> None:
    asked: list[str] = []

    def record(request: Any) -> Any:
        asked.append(request.headers.get("authorization", ""))
        return JSONResponse({"object": "list", "data": []})

    async with serving(always(record)) as other:
        elsewhere = other.replace("127.0.0.1", "localhost")
        leads = always(lambda _: RedirectResponse(f"{elsewhere}/v1/models", 307))
        async with serving(leads) as url:
            findings, _, _ = await found_at(f"{url}/v1", "qwen3", "sk-1")
    assert [finding.check for finding in findings if not finding.ok] == ["model address"]
    assert asked == []


async def test_a_redirect_at_the_same_host_is_followed_to_what_it_should_be() -> None:
    app = Starlette(
        routes=[
            Route("/v1/models", lambda _: RedirectResponse("/api/v1/models", 308)),
            Mount("/api", but(OLLAMA, base="/v1").app),
        ]
    )
    async with serving(app) as url:
        findings, _, _ = await found_at(f"{url}/v1", "qwen3")
    assert findings[-1].todo == f"Set OPENAI_BASE_URL={url}/api/v1, which answers."


async def test_an_api_without_a_list_is_taken_as_it_is_where_another_path_has_one() -> None:
    """Azure has its list beside its deployments, and not below one."""
    deployment = _without_list(but(OLLAMA, base="/openai/deployments/qwen3", any_name=True))
    app = Starlette(routes=[*deployment.routes, *but(OLLAMA, base="/openai/v1").app.routes])
    async with serving(app) as url:
        findings, figures, _ = await found_at(f"{url}/openai/deployments/qwen3", "qwen3")
    assert all(finding.ok for finding in findings), findings
    assert figures.tool_call is ToolCall.CALLED


async def endless(pause: float) -> AsyncIterator[str]:
    """A stream that speaks, or after its first word only keeps the connection."""
    while True:
        yield SAYS
        await asyncio.sleep(pause)


async def nothing_yet() -> AsyncIterator[str]:
    while True:
        yield ": keep-alive\n\n"
        await asyncio.sleep(0.01)


async def test_a_model_that_does_not_begin_to_speak_is_left_after_a_bound() -> None:
    app = listing_alone(OLLAMA, lambda _: StreamingResponse(nothing_yet(), media_type="text/event-stream"))
    async with serving(app) as url:
        findings, _, _ = await found_at(f"{url}/v1", "qwen3", bounds=replace(PATIENT, first_token_seconds=0.3))
    assert [finding.check for finding in findings if not finding.ok] == ["model call"]
    assert findings[-1].found == "No token came within 0.3 s."


@pytest.mark.parametrize("pause", [0.001, PATIENCE_SECONDS])
async def test_a_model_that_does_not_stop_speaking_or_falls_silent_is_left_after_a_bound(pause: float) -> None:
    app = listing_alone(OLLAMA, lambda _: StreamingResponse(endless(pause), media_type="text/event-stream"))
    async with serving(app) as url:
        findings, _, _ = await found_at(f"{url}/v1", "qwen3", bounds=replace(PATIENT, call_seconds=0.3))
    assert "still speaking when the check stopped" in findings[2].found


async def test_an_endpoint_of_the_responses_api_is_asked_by_it() -> None:
    call = {"type": "function_call", "name": "get_weather", "arguments": '{"city": "Paris"}', "call_id": "c1"}
    bodies: list[Any] = []

    async def respond(request: Any) -> StreamingResponse:
        body = await request.json()
        bodies.append(body)
        output = (
            [call] if body.get("tools") else [{"type": "message", "content": [{"type": "output_text", "text": "yes"}]}]
        )
        usage = {"input_tokens": len(body["input"]) // 4, "output_tokens": 9}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {"status": "in_progress", "output": []}},
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"city"'},
            {"type": "response.completed", "response": {"status": "completed", "output": output, "usage": usage}},
        ]
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
        return StreamingResponse(iter(lines), media_type="text/event-stream")

    models = JSONResponse({"object": "list", "data": list(VLLM.entries)})
    app = Starlette(routes=[Route("/v1/models", lambda _: models), Route("/v1/responses", respond, methods=["POST"])])
    async with serving(app) as url:
        findings, figures, _ = await found_at(f"{url}/v1", "Qwen/Qwen3-8B", api="responses")
    assert all(finding.ok for finding in findings), findings
    assert (figures.tool_call, figures.usage) == (ToolCall.CALLED, True)
    assert {body["store"] for body in bodies} == {False}
