"""`agentnet tasks` and `agentnet watch` say what a task waits for, as people start them, over a played gateway."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.testing import serving
from tests.integration.cli.test_models import agentnet

pytestmark = pytest.mark.anyio

KEY = f"ank_x_{'s' * 40}"
TASK = "018f0000-0000-7000-8000-000000000001"
WAITS = {"what": "waiting 30 s: rate limit", "model": "house", "agent": "writer", "since": "2026-01-02T03:04:00+00:00"}
MOMENT = "2026-01-02T03:04:05+00:00"
ROW = {
    "id": TASK,
    "agent": "writer",
    "state": "TASK_STATE_WORKING",
    "created_at": MOMENT,
    "status_at": MOMENT,
    "parent_id": None,
    "root_id": TASK,
    "context_id": "c1",
    "chain": [],
    "attempt": 1,
}
CARD = {"name": "writer", "supportedInterfaces": [{"url": "http://h/agents/writer", "protocolBinding": "JSONRPC"}]}


def gateway(row: dict[str, object]) -> Starlette:
    """One with this task, whose agent is away."""

    async def listed(_: Request) -> Response:
        page = {"tasks": [row], "next_page": None, "total": 1, "more_than_total": False}
        return JSONResponse(page)

    async def away(_: Request) -> Response:
        return JSONResponse({"error": {"code": 503, "status": "UNAVAILABLE", "message": "away"}}, 503)

    return Starlette(
        routes=[
            Route("/v1/tasks", listed),
            Route("/v1/tasks/{id}/tree", lambda _: JSONResponse({**row, "children": []})),
            Route("/agents/writer/.well-known/agent-card.json", lambda _: JSONResponse(CARD)),
            Route("/agents/writer", away, methods=["POST"]),
        ]
    )


@pytest.mark.parametrize("waits_for", [WAITS, None, ...], ids=["it waits", "it does not", "an older gateway"])
async def test_a_task_that_waits_for_its_model_is_listed_and_watched_with_what_it_waits_for(
    tmp_path: Path, waits_for: object
) -> None:
    row = ROW if waits_for is ... else {**ROW, "waits_for": waits_for}
    async with serving(gateway(row)) as url:
        code, table, errors = await agentnet(
            tmp_path, "tasks", "--url", url, AGENTNET_API_KEY=KEY, COLUMNS="200", TZ="UTC"
        )
        _, _, watched = await agentnet(tmp_path, "watch", TASK, "--url", url, AGENTNET_API_KEY=KEY, TZ="UTC")
    assert code == 0, errors
    assert "working" in table
    words = "waiting 30 s: rate limit (model house, since 03:04:00)"
    assert (words in table) == (waits_for is WAITS)
    assert (f"writer: {words}" in " ".join(watched.split())) == (waits_for is WAITS)
