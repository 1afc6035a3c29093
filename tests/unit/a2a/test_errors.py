"""What errors are called in each binding, in a table that is nobody else's."""

import subprocess
import sys

import pytest
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError

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


def test_a_kind_that_nobody_knows_is_an_internal_error() -> None:
    class OddError(TaskNotFoundError):
        """Of an executor's own."""

    assert terms_of(OddError()).http_status == 500
    assert terms_of(ServerBusyError()).http_status == 429
