"""The tables of the four services beside the routes that the services have."""

from pathlib import Path

import pytest
from starlette.applications import Starlette

from agentnet.frame.access import keys_of
from agentnet.frame.frame import Frame
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from specialists.access import JSON_RPC

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
