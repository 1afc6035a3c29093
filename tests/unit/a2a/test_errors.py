"""What errors are called in each binding, in a table that is nobody else's."""

import subprocess
import sys
from typing import Any

import pytest
from a2a.types.a2a_pb2 import GetTaskRequest, ListTasksRequest, SendMessageRequest
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError
from google.protobuf.json_format import ParseDict, ParseError

from agentnet.a2a.errors import ServerBusyError, as_a2a, error_details, jsonrpc_error, rest_error, terms_of
from agentnet.errors import BusyError, ForbiddenError, NotFoundError, UnauthenticatedError, UnavailableError

LOOK = """
from a2a.server.request_handlers.response_helpers import EXCEPTION_MAP
from a2a.utils.errors import A2A_ERROR_MAPPING, A2A_ERROR_REASONS, JSON_RPC_ERROR_CODE_MAP
tables = [EXCEPTION_MAP, A2A_ERROR_MAPPING, A2A_ERROR_REASONS, JSON_RPC_ERROR_CODE_MAP]
before = [dict(table) for table in tables]
import agentnet.a2a.bindings.app, agentnet.a2a.grpc
assert before == tables
"""


def test_importing_the_network_changes_nothing_in_the_sdk() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", LOOK], check=True)


@pytest.mark.parametrize(
    ("error", "code", "status", "name", "reason"),
    [
        (NotFoundError("x"), -32001, 404, "NOT_FOUND", "TASK_NOT_FOUND"),
        (BusyError("x", retry_after=1), -32050, 429, "RESOURCE_EXHAUSTED", "BUSY"),
        (UnavailableError("x"), -32051, 503, "UNAVAILABLE", "UNAVAILABLE"),
        (UnauthenticatedError("x"), -32052, 401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (ForbiddenError("x"), -32053, 403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
        (InvalidParamsError("x"), -32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS"),
        (ValueError("x"), -32603, 500, "INTERNAL", "INTERNAL_ERROR"),
    ],
)
def test_an_error_has_its_name_in_every_binding(
    error: Exception, code: int, status: int, name: str, reason: str
) -> None:
    known = as_a2a(error)
    assert jsonrpc_error(known)["code"] == code
    said = rest_error(known)["error"]
    assert (said["code"], said["status"]) == (status, name)
    assert said["details"] == jsonrpc_error(known)["data"] == error_details(known)
    assert said["details"][0]["reason"] == reason


@pytest.mark.parametrize(
    ("message", "document", "said"),
    [
        (SendMessageRequest, {"message": {"messageId": 5}}, "message.messageId must be a string."),
        (SendMessageRequest, {"message": {"contextId": {}}}, "message.contextId must be a string."),
        (SendMessageRequest, {"message": {"parts": "x"}}, "message.parts must be a list."),
        (SendMessageRequest, {"message": {"extensions": "x"}}, "message.extensions must be a list."),
        (SendMessageRequest, {"message": 7}, "message must be an object."),
        (
            SendMessageRequest,
            {"message": {"parts": [{"text": "x"}, {"text": "x", "metadata": 7}]}},
            "message.parts[1].metadata must be an object.",
        ),
        (SendMessageRequest, {"configuration": {"returnImmediately": "yes"}}, "configuration.returnImmediately must"),
        (GetTaskRequest, {"historyLength": "x"}, "historyLength must be a number."),
        (GetTaskRequest, {"historyLength": 1.5}, "historyLength must be a number."),
        (GetTaskRequest, {"historyLength": True}, "historyLength must be a number."),
        (GetTaskRequest, {"historyLength": 2**40}, "historyLength is a number out of range."),
        (ListTasksRequest, {"statusTimestampAfter": "x"}, "statusTimestampAfter must be a timestamp of RFC 3339."),
        (ListTasksRequest, {"statusTimestampAfter": 7}, "statusTimestampAfter must be a timestamp of RFC 3339."),
        (ListTasksRequest, {"status": {}}, "status must be one of the names"),
    ],
)
def test_what_the_parser_cannot_read_is_said_with_the_field_and_in_our_own_words(
    message: Any, document: Any, said: str
) -> None:
    with pytest.raises(ParseError) as refused:
        ParseDict(document, message(), ignore_unknown_fields=True)
    known = as_a2a(refused.value)
    assert known.message.startswith(said)
    field = said.split(" ")[0]
    assert [each["field"] for each in error_details(known)[1]["fieldViolations"]] == [field]


def test_fields_that_are_missing_are_named_in_the_message() -> None:
    wrong = [{"field": "message.message_id", "message": "Field is required."}, {"field": "id", "message": "Too long."}]
    known = as_a2a(InvalidParamsError("Validation failed", {"errors": wrong}))
    assert known.message == "message.messageId: Field is required; id: Too long."
    assert [each["field"] for each in error_details(known)[1]["fieldViolations"]] == ["message.messageId", "id"]


def test_a_kind_that_nobody_knows_is_an_internal_error() -> None:
    class OddError(TaskNotFoundError):
        """Of an executor's own."""

    assert terms_of(OddError()).http_status == 500
    assert terms_of(ServerBusyError()).http_status == 429
