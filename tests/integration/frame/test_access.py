"""The tables of the four services beside the routes that the services have."""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from agentnet.frame.access import keys_of
from agentnet.frame.frame import Frame
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from specialists.access import JSON_RPC
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "service",
    [
        Service("registry", "registry", 0),
        Service("gateway", "gateway", 0),
        Service("mcp", "toolbox", 0),
        Service("agent", "writer", 0),
    ],
    ids=lambda service: service.kind,
)
async def test_every_route_has_a_rule_and_every_rule_a_route(
    service: Service, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Frame, list[str]]] = []
    app = Frame.app

    def noted(frame: Frame, routes: list[object], lifespan: object = None) -> Starlette:
        made.append((frame, [*keys_of(routes)]))  # type: ignore[arg-type]
        return app(frame, routes, lifespan)  # type: ignore[arg-type]

    monkeypatch.setattr(Frame, "app", noted)
    settings = Settings(
        home=tmp_path, database_url=database_url, port=0, registry_url="http://127.0.0.1:1", _env_file=None
    )
    async with Runtime.open(settings) as runtime, running(runtime, service):
        pass
    [(frame, keys)] = made
    beside = {JSON_RPC} if service.kind == "agent" else set[str]()
    assert {*keys} | beside == frame.rules.keys()


async def test_a_specialist_takes_keys_that_may_use_the_network_alone(database_url: str, tmp_path: Path) -> None:
    """JSON-RPC goes past the routes and their rules."""
    settings = Settings(
        home=tmp_path, database_url=database_url, port=0, registry_url="http://127.0.0.1:1", _env_file=None
    )
    message = {"message": {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": "hi"}]}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": message}
    async with Runtime.open(settings) as runtime, running(runtime, Service("agent", "writer", 0)) as served:
        keys = await runtime.keys()
        looker, user = [await keys.create("acme", scope, scopes=[scope]) for scope in ("look", "use")]
        async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE_SECONDS) as http:
            for path, body in (("/", call), ("/message:send", message)):
                refused, taken = [
                    await http.post(path, json=body, headers={"authorization": f"Bearer {key}", "a2a-version": "1.0"})
                    for key in (looker, user)
                ]
                assert (refused.status_code, taken.status_code) == (403, 200), (path, refused.text)
                assert "scope 'use'" in refused.json()["error"]["message"]
