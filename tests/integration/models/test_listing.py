"""What endpoints list as their models, over true sockets: what is read, and what is said of each that is no list."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from agentnet.models.check.asking import Asker, Bounds
from agentnet.models.endpoints import listing
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.listing import listed_models, name_in, only_model
from agentnet.models.wire.client import WireClient
from agentnet.testing import OpenAIServer, serving
from tests.integration.models.endpoints import OLLAMA, over_tls

pytestmark = pytest.mark.anyio


def answering(response: Response, seen: list[Request] | None = None) -> Starlette:
    """A server that gives this answer to whoever asks for its models."""

    async def answer(request: Request) -> Response:
        if seen is not None:
            seen.append(request)
        return response

    return Starlette(routes=[Route("/v1/models", answer)])


def entries(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "object": "model"} for name in names]


LISTS = {
    "OpenAI's": ({"object": "list", "data": entries("a", "b")}, ("a", "b")),
    "a bare list": (entries("a", "b"), ("a", "b")),
    "of names": ({"data": ["a", "b", "a"]}, ("a", "b")),
    "llama.cpp's": ({"models": [{"name": "other"}], "object": "list", "data": entries("a")}, ("a",)),
    "with models alone": ({"models": [{"name": "a", "size": 1}, {"name": "b"}]}, ("a", "b")),
    "Ollama's without a model": ({"object": "list", "data": None}, ()),
    "empty": ({"object": "list", "data": []}, ()),
    "with an entry that has no name": ({"data": [{"id": "a"}, {"object": "model"}, 3]}, ("a",)),
}


@pytest.mark.parametrize("which", LISTS)
async def test_a_list_of_models_is_read_in_each_of_its_shapes(which: str) -> None:
    body, names = LISTS[which]
    async with serving(answering(JSONResponse(body))) as url:
        assert await listed_models(f"{url}/v1/") == names


async def test_our_own_server_lists_its_model() -> None:
    async with serving(OpenAIServer().app) as url:
        assert await listed_models(f"{url}/v1") == ("rules",)


async def test_key_headers_and_query_are_sent_and_a_key_only_where_there_is_one() -> None:
    seen: list[Request] = []
    async with serving(answering(JSONResponse({"data": []}), seen)) as url:
        await listed_models(f"{url}/v1", "k", headers={"api-key": "a"}, query={"api-version": "1"})
        await listed_models(f"{url}/v1")
    assert (seen[0].headers["authorization"], seen[0].headers["api-key"]) == ("Bearer k", "a")
    assert seen[0].query_params["api-version"] == "1"
    assert "authorization" not in seen[1].headers
    assert not seen[1].query_params


PAGE = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Sign in</body></html>"
GEMINI = [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "X"}}]
WRONG = {
    "another path": (None, Kind.REQUEST, "/v1 has no list of models: ", "answers 404."),
    "a page": (HTMLResponse(PAGE), Kind.GARBLED, "answers with a page for people (Welcome), not with a list", "API?"),
    "a text": (PlainTextResponse("Ollama is running"), Kind.GARBLED, "answers with text that is no JSON", ""),
    "nothing": (Response(b""), Kind.GARBLED, "answers with nothing, not with a list of models.", ""),
    "another JSON": (JSONResponse({"status": "ok"}), Kind.GARBLED, "answers with JSON that is no list of models.", ""),
    "a number": (JSONResponse(3), Kind.GARBLED, "answers with JSON that is no list of models.", ""),
    "a list of others": (JSONResponse({"data": [1, 2]}), Kind.GARBLED, "answers with JSON that is no list", ""),
    "an error with 200": (
        JSONResponse({"error": "Unexpected endpoint or method. (GET /v1/models)"}),
        Kind.GARBLED,
        "JSON that is no list of models. It says: Unexpected endpoint or method. (GET /v1/models).",
        "",
    ),
    "a wrong key": (
        JSONResponse({"error": {"message": "Incorrect API key provided: sk-x."}}, 401),
        Kind.KEY,
        "/v1 refuses the key. It says: Incorrect API key provided: sk-x.",
        "Check the key",
    ),
    "Gemini's word for a wrong key": (JSONResponse(GEMINI, 400), Kind.KEY, "refuses the key. It says: API key", ""),
    "a server that loads": (
        JSONResponse({"error": {"message": "Loading model", "code": 503}}, 503),
        Kind.LOADING,
        "does not list its models: ",
        "Loading model.",
    ),
    "a limit": (
        JSONResponse({"error": "slow down"}, 429, {"retry-after": "7"}),
        Kind.BUSY,
        "answers 429",
        "slow down.",
    ),
    "a broken server": (PlainTextResponse("oops", 500), Kind.SERVER, "answers 500. It says: oops.", ""),
    "a wrong gateway": (HTMLResponse("<h1>Bad gateway</h1>", 502), Kind.SERVER, "It says: Bad gateway.", ""),
}


@pytest.mark.parametrize("which", WRONG)
async def test_what_is_no_list_is_told_as_what_it_is(which: str) -> None:
    response, kind, said, more = WRONG[which]
    app = Starlette() if response is None else answering(response)
    async with serving(app) as url:
        with pytest.raises(ModelError) as caught:
            await listed_models(f"{url}/v1", "sk-x")
    assert caught.value.kind is kind
    assert said in str(caught.value)
    assert more in str(caught.value)
    assert f"{url}/v1" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_missing_key_is_not_a_wrong_one() -> None:
    async with serving(answering(JSONResponse({"error": {"message": "You need a key."}}, 401))) as url:
        with pytest.raises(ModelError) as caught:
            await listed_models(f"{url}/v1")
    assert caught.value.kind is Kind.KEY
    assert "wants a key, and none is set. It says: You need a key." in str(caught.value)


async def test_a_path_without_v1_is_offered_it() -> None:
    async with serving(OpenAIServer().app) as url:
        with pytest.raises(ModelError, match=r"with most servers the address ends in /v1\."):
            await listed_models(url)


async def test_the_wait_that_a_limit_asks_for_is_kept() -> None:
    async with serving(answering(JSONResponse({}, 429, {"retry-after": "7"}))) as url:
        with pytest.raises(ModelError) as caught:
            await listed_models(f"{url}/v1")
    assert caught.value.wait == 7


async def test_where_nothing_answers_it_is_said_why(unused_tcp_port: int) -> None:
    with pytest.raises(ModelError) as caught:
        await listed_models(f"http://127.0.0.1:{unused_tcp_port}/v1")
    assert caught.value.kind is Kind.AWAY
    assert str(caught.value) == (
        f"Nothing answers at http://127.0.0.1:{unused_tcp_port}/v1: connection refused. Is the server started?"
    )


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def test_a_name_that_leads_nowhere_is_told_from_a_server_that_is_away() -> None:
    with pytest.raises(ModelError) as caught:
        await listed_models("http://nowhere.invalid/v1")
    assert caught.value.kind is Kind.AWAY
    assert "its name is not known" in str(caught.value)


async def test_https_at_a_server_without_it_is_said() -> None:
    async with serving(OpenAIServer().app) as url:
        with pytest.raises(ModelError) as caught:
            await listed_models(f"{url.replace('http:', 'https:')}/v1")
    assert caught.value.kind is Kind.AWAY
    assert "cannot be reached over TLS" in str(caught.value)


async def test_what_is_no_address_is_said_without_its_password() -> None:
    for address in ("http://me:hunter2@[::1/v1", "ftp://me:hunter2@host/v1", "http://me:hunter2@host:port/v1"):
        with pytest.raises(ModelError) as caught:
            await listed_models(address)
        assert "hunter2" not in str(caught.value)


async def test_a_list_without_an_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_BYTES", 1024 * 1024)
    body = JSONResponse({"data": entries(*(f"model-{number}" for number in range(30_000)))})
    async with serving(answering(body)) as url:
        with pytest.raises(ModelError, match="more than 1 MiB"):
            await listed_models(f"{url}/v1")


async def test_a_server_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(ModelError) as caught:
            await listed_models(f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
    assert caught.value.kind is Kind.SILENT


async def test_no_redirect_is_followed_for_a_list() -> None:
    seen: list[Request] = []
    async with serving(answering(JSONResponse({"data": []}), seen)) as other:
        async with serving(answering(RedirectResponse(f"{other}/v1/models"))) as url:
            with pytest.raises(ModelError, match=f"leads elsewhere to {other}/v1/models") as caught:
                await listed_models(f"{url}/v1", "k", headers={"api-key": "s"}, query={"sig": "t"})
    assert caught.value.kind is Kind.REQUEST
    assert seen == []


@pytest.mark.parametrize(
    "body", ['{"data":[' + "[]," * 600_000 + '"a"]}', "[" * 100_000, '{"data":' + "[" * 60 + "]" * 60 + "}"]
)
async def test_a_list_is_not_built_before_its_size_is_known(body: str) -> None:
    async with serving(answering(Response(body, media_type="application/json"))) as url:
        with pytest.raises(ModelError) as caught:
            await listed_models(f"{url}/v1")
    assert caught.value.kind is Kind.GARBLED


async def test_the_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(OpenAIServer().app) as url:
        assert await listed_models(f"{url}/v1") == ("rules",)


ONLY = [
    (["a"], "a"),
    (["a", "text-embedding-nomic-embed-text-v1.5", "bge-reranker"], "a"),
    (["nomic-embed-text"], "nomic-embed-text"),
]


@pytest.mark.parametrize(("names", "only"), ONLY)
async def test_the_only_model_that_answers_is_found(names: list[str], only: str) -> None:
    async with serving(answering(JSONResponse({"data": entries(*names)}))) as url:
        assert await only_model(Endpoint(name="*", model="", base_url=f"{url}/v1")) == only


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "/v1 lists no model. Load one there."),
        (["a", "b"], "/v1 lists 2 models, and none of them is named: a, b. Set AGENTNET_MODEL, or"),
        ([f"m{number}" for number in range(23)], "m18, m19, and 3 more. Set AGENTNET_MODEL"),
    ],
)
async def test_none_or_several_are_refused_with_their_names(names: list[str], said: str) -> None:
    async with serving(answering(JSONResponse({"data": entries(*names)}))) as url:
        with pytest.raises(ModelError) as caught:
            await only_model(Endpoint(name="*", model="", base_url=f"{url}/v1", api_key=SecretStr("k")))
    assert caught.value.kind is Kind.REQUEST
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["qwen3:8b", "llama3.2:latest"], "llama3.2", "llama3.2:latest"),
        (["models/gemini-2.5-flash"], "gemini-2.5-flash", "models/gemini-2.5-flash"),
        (["gemini-2.5-flash"], "models/gemini-2.5-flash", "gemini-2.5-flash"),
        (["a"], "a", "a"),
        (["ab"], "a", None),
        ([], "a", None),
    ],
)
def test_a_name_is_found_in_a_list_that_says_it_longer(names: list[str], wanted: str, found: str | None) -> None:
    assert name_in(names, wanted) == found


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_a_list_is_trusted_as_turns_and_checks_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_trusted: bool
) -> None:
    async with over_tls(tmp_path, OLLAMA) as url:
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        else:
            monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        endpoint = Endpoint(name="house", model="qwen3:latest", base_url=f"{url}/v1")
        asked = [listed_models(endpoint.base_url), listed_by_the_check(endpoint), listed_by_turns(endpoint)]
        came = await asyncio.gather(*asked, return_exceptions=True)
    assert [not isinstance(each, BaseException) for each in came] == [is_trusted] * 3, came


async def listed_by_the_check(endpoint: Endpoint) -> int:
    async with Asker(endpoint, Bounds()) as asker:
        return (await asker.get(f"{endpoint.base_url}/models")).status


async def listed_by_turns(endpoint: Endpoint) -> int:
    async with WireClient(endpoint) as client:
        return (await client.get(f"{endpoint.base_url}/models")).status_code
