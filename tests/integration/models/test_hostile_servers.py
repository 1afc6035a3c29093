"""What a server of models answers is untrusted: it repeats the key that it was sent, or unfolds to gigabytes."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.models.check.asking import Bounds
from agentnet.models.check.check import Check
from agentnet.models.check.local import look
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError, masked
from agentnet.models.endpoints.listing import listed_models, only_model
from agentnet.testing import serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

KEY = "sk-test-SECRETKEY-0123456789abcdef"
IN_HEADER = "header-secret-AAAABBBBCCCC"
IN_QUERY = "query-secret-DDDDEEEEFFFF"
PATIENT = Bounds(PATIENCE_SECONDS, PATIENCE_SECONDS, PATIENCE_SECONDS, PATIENCE_SECONDS, 0.0, 0.01)
AS_SENT: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "in capitals": str.upper,
    "halved": lambda key: f"{key[: len(key) // 2]} and {key[len(key) // 2 :]}",
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in quotes": repr,
}
PIECES = ("SECRETKEY-01", "secret-AAAABB", "secret-DDDDEE")


def echoing(status: int, form: Callable[[str], str], *, lists: bool) -> Starlette:
    """Repeats every secret of a request in its refusal; with a list of models, or without."""

    def said(request: Request) -> str:
        secrets = [request.headers["authorization"].removeprefix("Bearer "), request.headers["api-key"]]
        return "Incorrect API key provided: " + ", ".join(map(form, [*secrets, request.query_params["sig"]]))

    async def models(request: Request) -> Response:
        if lists:
            return JSONResponse({"data": [{"id": "m"}, {"id": said(request)}]})
        return JSONResponse({"error": {"message": said(request)}}, status)

    async def chat(request: Request) -> Response:
        return JSONResponse({"error": {"message": said(request)}}, status)

    return Starlette(routes=[Route("/v1/models", models), Route("/v1/chat/completions", chat, methods=["POST"])])


def endpoint(url: str, model: str = "m") -> Endpoint:
    return Endpoint(
        name="m",
        model=model,
        base_url=f"{url}/v1",
        api_key=SecretStr(KEY),
        headers=(("api-key", SecretStr(IN_HEADER)),),
        query=(("sig", SecretStr(IN_QUERY)),),
    )


def is_told(words: str) -> bool:
    low = words.lower()
    encoded = [base64.b64encode(secret.encode()).decode() for secret in (KEY, IN_HEADER, IN_QUERY)]
    return any(piece.lower() in low for piece in PIECES) or any(each[:20] in words for each in encoded)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("status", [400, 401, 404, 500])
@pytest.mark.parametrize("form", AS_SENT)
async def test_no_check_and_no_list_tells_a_secret_that_its_server_repeats(status: int, form: str, lists: bool) -> None:
    async with serving(echoing(status, AS_SENT[form], lists=lists)) as url:
        for model in ("m", "other"):
            said: list[str] = []
            findings = [each async for each in Check(endpoint(url, model), bounds=PATIENT, say=said.append).findings()]
            assert findings
            assert not is_told(" ".join([*said, *(f"{each.found} {each.todo}" for each in findings)])), findings
        if not lists:
            with pytest.raises(ModelError) as raised:
                await only_model(endpoint(url))
            assert not is_told(f"{raised.value.message} {raised.value.hint}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"a {KEY}, b", "a …, b"),
        (f"cut at {KEY[:15]}", "cut at …"),
        (f"{KEY}{KEY}", "…"),
        ("nothing of it", "nothing of it"),
        ("sk-test- is how they begin", "sk-test- is how they begin"),
    ],
)
def test_pieces_of_a_secret_are_masked_and_other_words_are_not(text: str, shown: str) -> None:
    assert masked(text, [KEY, "none", ""]) == shown


@pytest.mark.parametrize("count", [10**300, -(10**300), 10**20, 1e308, True, "7", None, [], 2**63])
async def test_no_number_of_tokens_that_a_server_sends_ends_the_check(count: object) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count}
    message = {"role": "assistant", "content": "one two three"}
    said = {"object": "chat.completion", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    listed = {"data": [{"id": "m", "max_model_len": count}]}

    async def answer(request: Request) -> Response:
        return JSONResponse(listed if request.method == "GET" else said)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    async with serving(app) as url:
        check = Check(endpoint(url), bounds=PATIENT)
        findings = [each async for each in check.findings()]
        assert len(findings) >= 3, findings
        assert (check.figures.context_tokens or 0) < 10**12
        assert (check.figures.tokens_per_second or 0) < 10**12


def bomb(layers: int) -> bytes:
    body = json.dumps({"data": [{"id": "a" * 30_000_000}]}).encode()
    for _ in range(layers):
        body = gzip.compress(body)
    return body


def answering(body: bytes, **headers: str) -> Starlette:
    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("accept-encoding", ""))
        return Response(body, headers={"content-type": "application/json", **headers})

    seen: list[str] = []
    made = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    made.state.seen = seen
    return made


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "br", "zstd", "whatever"])
async def test_what_comes_compressed_is_not_unfolded(encoding: str) -> None:
    app = answering(bomb(2 if "," in encoding else 1), **{"content-encoding": encoding})
    async with serving(app) as url:
        with pytest.raises(ModelError) as raised:
            await listed_models(f"{url}/v1")
        assert raised.value.kind is Kind.GARBLED
        assert "compressed" in raised.value.message
        findings = [each async for each in Check(endpoint(url), bounds=PATIENT).findings()]
        assert "compressed" in findings[-1].found, findings
        assert not findings[-1].ok
        assert await look(ports=[int(url.rpartition(":")[2])], seconds=PATIENCE_SECONDS) == []
        assert set(app.state.seen) == {"identity"}


@pytest.mark.parametrize("value", ["[]", "{}", '"a"', "1"])
async def test_a_list_of_more_values_than_any_list_has_is_not_built(value: str) -> None:
    body = f'{{"data": [{",".join([value] * 900_000)}]}}'.encode()
    found: list[Any] = []
    async with serving(answering(body)) as url:
        with pytest.raises(ModelError) as raised:
            await listed_models(f"{url}/v1")
        assert raised.value.kind is Kind.GARBLED
        found = [each async for each in Check(endpoint(url), bounds=PATIENT, call=False).findings()]
        assert not found[-1].ok
