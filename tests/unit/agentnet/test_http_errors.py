"""Every error leaves a service in one shape."""

import asyncpg
import httpx
import pytest
from pydantic import BaseModel, field_validator
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.errors import BusyError, UnauthenticatedError
from agentnet.http.errors import EXCEPTION_HANDLERS, json_object

pytestmark = pytest.mark.anyio


class _Order(BaseModel):
    count: int
    secret: int

    @field_validator("count")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even.")
        return value


async def _answer(error: Exception) -> httpx.Response:
    async def fail(_request: Request) -> Response:
        raise error

    return await _get(Starlette(routes=[Route("/fail", fail)], exception_handlers=EXCEPTION_HANDLERS))


async def _get(app: Starlette, method: str = "GET", path: str = "/fail", content: bytes = b"") -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.request(method, path, content=content)


async def test_our_errors_keep_their_status_and_headers() -> None:
    busy = await _answer(BusyError("The queue is full.", retry_after=2.6))
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "3")
    assert busy.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    refused = await _answer(UnauthenticatedError("No key."))
    assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_a_validation_error_names_the_fields_and_repeats_no_value() -> None:
    async def order(request: Request) -> Response:
        return JSONResponse(_Order.model_validate(await json_object(request)).model_dump())

    app = Starlette(routes=[Route("/order", order, methods=["POST"])], exception_handlers=EXCEPTION_HANDLERS)
    answer = await _get(app, "POST", "/order", b'{"count": "many", "secret": "hunter2"}')
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert "count: " in message and "secret: " in message and "hunter2" not in message
    odd = await _get(app, "POST", "/order", b'{"count": 1, "secret": 2}')
    assert odd.json()["error"]["message"] == "count: must be even."
    for body in (b"{", b"[]", b"\xff"):
        assert (await _get(app, "POST", "/order", body)).json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_an_unknown_route_and_a_wrong_method_have_the_same_shape() -> None:
    async def fine(_request: Request) -> Response:
        return Response()

    app = Starlette(routes=[Route("/fine", fine)], exception_handlers=EXCEPTION_HANDLERS)
    missing = await _get(app, path="/none")
    assert missing.json() == {
        "error": {"code": 404, "status": "NOT_FOUND", "message": "There is nothing at this address.", "details": []}
    }
    wrong = await _get(app, "POST", "/fine")
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (405, "UNIMPLEMENTED")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert (await _answer(HTTPException(418, "A teapot."))).json()["error"]["message"] == "A teapot."


async def test_an_unexpected_error_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    answer = await _answer(RuntimeError("SELECT secret FROM table"))
    assert answer.status_code == 500
    assert "SELECT" not in answer.text and "Traceback" not in answer.text
    assert "GET /fail failed" in caplog.text


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), asyncpg.AdminShutdownError(), asyncpg.InterfaceError("closed")]
)
async def test_a_database_that_is_away_is_unavailable(error: Exception) -> None:
    answer = await _answer(error)
    assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")
