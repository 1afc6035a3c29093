"""Exceptions of the parts below a model, told as the failure of a turn."""

import errno
import socket
import ssl
from typing import Any

import httpx
import httpx2
import pytest
from agents.exceptions import ModelBehaviorError, ModelRefusalError, ModelTimeoutError, UserError
from openai import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    OpenAIError,
)

from agentnet.errors import ConfigurationError
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.failures import failure_in

HERE = httpx2.Request("POST", "http://localhost:11434/v1/chat/completions?key=secret")
THERE = httpx2.Request("POST", "https://user:secret@models.internal:8443/v1/chat/completions")


def caused(error: BaseException, *causes: BaseException) -> BaseException:
    last = error
    for cause in causes:
        last.__cause__ = cause
        last = cause
    return error


def connection(*causes: BaseException, request: httpx2.Request = HERE) -> BaseException:
    return caused(APIConnectionError(request=request), *causes)


def refused() -> OSError:
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def status(code: int, body: Any, raw: bytes = b"") -> APIStatusError:
    return APIStatusError("It failed.", response=httpx2.Response(code, request=HERE, content=raw), body=body)


class ForeignError(Exception):
    """Of a client that is not known here."""

    def __init__(self, status_code: int) -> None:
        super().__init__("Rate limit reached. Please try again in 2s.")
        self.status_code = status_code


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (connection(httpx2.ConnectError("x"), refused()), Kind.AWAY, "at http://localhost:11434 is not there"),
        (connection(httpx2.ConnectError("x"), ExceptionGroup("all", [refused()])), Kind.AWAY, "is refused"),
        (
            connection(refused(), request=THERE),
            Kind.AWAY,
            "The model's server is not there: the connection is refused.",
        ),
        (connection(httpx2.ConnectError("x"), socket.gaierror(-2, "x")), Kind.AWAY, "its name has no address"),
        (connection(httpx2.ConnectError("x"), ssl.SSLCertVerificationError("self-signed")), Kind.AWAY, "be trusted"),
        (connection(httpx2.RemoteProtocolError("x")), Kind.AWAY, "closed the connection without an answer"),
        (
            connection(httpx2.LocalProtocolError("Illegal header value b'Bearer secret'")),
            Kind.REQUEST,
            "URL, or the key",
        ),
        (connection(httpx2.TooManyRedirects("x")), Kind.REQUEST, "sends in a circle"),
        (connection(ModelError(Kind.GARBLED, "The model's page.")), Kind.GARBLED, "The model's page."),
        (connection(ConfigurationError("There are two models.", hint="Name one.")), Kind.REQUEST, "Name one."),
        (caused(APITimeoutError(HERE), httpx2.ConnectTimeout("x")), Kind.AWAY, "takes no connection"),
        (caused(APITimeoutError(HERE), httpx2.ReadTimeout("x")), Kind.SILENT, "said nothing"),
        (ModelTimeoutError(3), Kind.SILENT, "said nothing"),
        (TimeoutError(), Kind.SILENT, "said nothing"),
        (httpx.ReadTimeout("x"), Kind.SILENT, "said nothing"),
        (httpx.ConnectError("x"), Kind.AWAY, "closed the connection"),
        (
            status(400, None, b'[{"error": {"message": "No such field."}}]'),
            Kind.REQUEST,
            "400 (Bad Request): No such field.",
        ),
        (status(429, {"message": "spent", "code": "insufficient_quota"}), Kind.QUOTA, "spent"),
        (status(500, None), Kind.SERVER, "It failed."),
        (APIError("x", HERE, body={"message": "the runner stopped", "code": 500}), Kind.SERVER, "the runner stopped"),
        (APIError("An error occurred during streaming", HERE, body=None), Kind.SERVER, "An error occurred"),
        (APIResponseValidationError(httpx2.Response(200, request=HERE), None), Kind.GARBLED, "cannot be read"),
        (OpenAIError("Missing credentials."), Kind.REQUEST, "Missing credentials."),
        (UserError("No such tool."), Kind.REQUEST, "No such tool."),
        (ModelRefusalError("I must not."), Kind.REFUSED, "declined: I must not."),
        (ModelBehaviorError("finish_reason='length' but no text"), Kind.LENGTH, "reached its limit"),
        (ModelBehaviorError("something else"), Kind.GARBLED, "something else"),
        (ForeignError(429), Kind.BUSY, "Rate limit reached"),
        (KeyError("choices"), Kind.GARBLED, "cannot be read (KeyError)"),
    ],
)
def test_every_exception_has_its_kind_and_its_sentence(error: BaseException, kind: Kind, said: str) -> None:
    failure = failure_in(error)
    assert failure.kind is kind
    assert said in str(failure)
    assert failure.message.startswith("The model") or "two models" in failure.message
    assert "secret" not in str(failure)
    assert failure is error.__cause__ or failure.__cause__ is not None


def test_a_server_that_refuses_connections_may_come_and_one_that_has_no_name_will_not() -> None:
    assert failure_in(connection(httpx2.ConnectError("x"), refused())).may_come
    assert not failure_in(connection(httpx2.ConnectError("x"), refused()), has_begun=True).may_come
    assert not failure_in(connection(httpx2.ConnectError("x"), socket.gaierror(-2, "x"))).may_come


def test_what_breaks_off_amid_an_answer_is_told_as_that() -> None:
    assert failure_in(connection(httpx2.RemoteProtocolError("x")), has_begun=True).kind is Kind.BROKEN
    assert failure_in(ConnectionResetError(), has_begun=True).kind is Kind.BROKEN


def test_a_wait_that_a_foreign_client_tells_only_in_words_is_heard() -> None:
    assert failure_in(ForeignError(429)).wait == 2.0


def test_causes_that_lead_in_a_circle_end() -> None:
    one, two = KeyError("a"), KeyError("b")
    one.__cause__, two.__cause__ = two, one
    assert failure_in(one).kind is Kind.GARBLED
