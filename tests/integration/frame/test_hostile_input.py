"""Every route of every service under input that nobody should send: the client's error, never the service's."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentnet.identity import Principal
from agentnet.identity.principal import ADMIN, USE
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from gateway.access import rules as gateway_rules
from mcp_servers.service import RULES as MCP_RULES
from registry.service import RULES as REGISTRY_RULES
from specialists.access import OPERATIONS, OPERATIONS_0_3
from tests.integration.frame.hostile import BODIES, addresses, filled, mutated, text_of, wrong_answer
from tests.patience import PATIENCE_SECONDS, until_registered

pytestmark = pytest.mark.anyio

AGENT = "concierge"
TASK = "01890000-0000-7000-8000-000000000000"
GOOD = {
    "{id:uuid}": TASK,
    "id": TASK,
    "push_id": "hook",
    "kind": "agent",
    "name": AGENT,
    "instance": "one",
    "profile": "default",
    "state": "completed",
    "tenant": "acme",
    "path:path": f"tasks/{TASK}",
    "id:uuid": TASK,
}
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi", "metadata": {"a": 1}}], "contextId": "c"}
PUSH = {
    "id": "hook",
    "url": "https://1.1.1.1/",
    "token": "t",
    "authentication": {"scheme": "Bearer", "credentials": "c"},
}
SEND = {
    "message": MESSAGE,
    "configuration": {"returnImmediately": True, "historyLength": 1},
    "metadata": {"a": {"b": []}},
}
MESSAGE_0_3 = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
SEND_0_3 = {"message": MESSAGE_0_3, "configuration": {"blocking": False, "historyLength": 1}}
METHODS: dict[str, Any] = {
    "SendMessage": SEND,
    "SendStreamingMessage": SEND,
    "GetTask": {"id": TASK, "historyLength": 1},
    "ListTasks": {"contextId": "c", "status": "TASK_STATE_WORKING", "pageSize": 1, "pageToken": "a", "historyLength": 1}
    | {"statusTimestampAfter": "2026-01-01T00:00:00Z", "includeArtifacts": True, "tenant": "acme"},
    "CancelTask": {"id": TASK},
    "SubscribeToTask": {"id": TASK},
    "CreateTaskPushNotificationConfig": {"taskId": TASK} | PUSH,
    "GetTaskPushNotificationConfig": {"taskId": TASK, "id": "hook"},
    "ListTaskPushNotificationConfigs": {"taskId": TASK, "pageSize": 1, "pageToken": "a"},
    "DeleteTaskPushNotificationConfig": {"taskId": TASK, "id": "hook"},
    "GetExtendedAgentCard": {"tenant": "acme"},
    "message/send": SEND_0_3,
    "message/stream": SEND_0_3,
    "tasks/get": {"id": TASK, "historyLength": 1},
    "tasks/cancel": {"id": TASK},
    "tasks/resubscribe": {"id": TASK},
    "tasks/pushNotificationConfig/set": {
        "taskId": TASK,
        "pushNotificationConfig": {"url": "https://1.1.1.1/", "id": "a"},
    },
    "tasks/pushNotificationConfig/get": {"id": TASK, "pushNotificationConfigId": "hook"},
    "tasks/pushNotificationConfig/list": {"id": TASK},
    "tasks/pushNotificationConfig/delete": {"id": TASK, "pushNotificationConfigId": "hook"},
    "agent/getAuthenticatedExtendedCard": {},
}
REST: dict[str, Any] = {
    "POST /message:send": SEND,
    "POST /message:stream": SEND,
    "POST /tasks/{id}/pushNotificationConfigs": PUSH,
    "POST /tasks/{id}:cancel": {"a": 1},
    "POST /tasks/{id}:subscribe": {"a": 1},
    "POST /v1/message:send": {"message": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "hi"}]}},
    "POST /v1/message:stream": {"message": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "hi"}]}},
    "POST /v1/tasks/{id}/pushNotificationConfigs": {"configId": "a", "config": {"pushNotificationConfig": PUSH}},
    "POST /v1/tasks/{id}:cancel": {"a": 1},
    "POST /v1/tasks/{id}:subscribe": {"a": 1},
}
SERVER = {
    "url": "https://1.1.1.1/mcp",
    "description": "d",
    "credential": {"type": "bearer", "token": "t"},
    "enabled": False,
    "call_seconds": 3,
    "timeouts": {"a*": 3},
}
ADMIN_BODIES: dict[str, Any] = {
    "POST /v1/keys": {"name": "k", "scopes": ["use"], "days": 1, "tenant": "acme"},
    "PUT /v1/retention/{state}": {"days": 1, "count": 1},
    "PUT /v1/mcp/profiles/{name}": {"servers": ["a"], "tools": ["x*"], "agents": ["b"], "mode": "auto", "keys": ["k"]}
    | {"timeouts": {"a*": 3}},
    "POST /v1/mcp/servers": {"name": "outside"} | SERVER,
    "PUT /v1/mcp/servers/{name}": SERVER,
    "POST /v1/mcp/servers/{name}/enable": {},
    "POST /v1/mcp/servers/{name}/disable": {},
    "POST /v1/mcp/servers/{name}/test": {},
    "POST /v1/push/{id:uuid}/retry": {},
}
REGISTRY_BODIES: dict[str, Any] = {
    "POST /v1/search": {"text": "words", "kind": "agent", "limit": 5},
    "PUT /v1/entries/{kind}/{name}/{instance}": {
        "kind": "agent",
        "name": AGENT,
        "instance": "one",
        "tenant": "*",
        "url": "http://127.0.0.1:1",
        "description": "d",
        "skills": ["s"],
        "words": "w",
        "document": {"a": {"b": ["c"]}},
        "lease_seconds": 2,
    },
}
CALLS: dict[str, dict[str, dict[str, Any]]] = {
    "knowledge": {
        "search": {"query": "leases", "limit": 5},
        "read": {"source": "a.md:1", "start": 1, "lines": 3},
        "list_documents": {},
        "ingest": {"folder": "docs"},
    },
    "toolbox": {
        "now": {"timezone": "UTC"},
        "calculate": {"expression": "1+1"},
        "convert_units": {"value": 1, "from_unit": "mile", "to_unit": "km"},
        "date_difference": {"start": "2026-01-01", "end": "today"},
    },
    "data": {"describe": {"source": "tasks"}, "list_sources": {}},
}
MCP_METHODS: dict[str, Any] = {
    "initialize": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"a": {}},
        "clientInfo": {"name": "n", "version": "1"},
    },
    "tools/list": {"cursor": "c"},
    "resources/list": {},
    "resources/read": {"uri": "knowledge://a.md"},
    "resources/subscribe": {"uri": "knowledge://a.md"},
    "prompts/get": {"name": "p", "arguments": {"a": "b"}},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "b"}},
    "logging/setLevel": {"level": "info"},
    "tasks/get": {"taskId": "t"},
    "tasks/cancel": {"taskId": "t"},
    "notifications/cancelled": {"requestId": 1, "reason": "r"},
}
HEADERS = ["last_event_id", "request_timeout", "prefer", "a2a_version", "a2a_extensions", "content_type", "accept"]
HEADER_VALUES = [
    "x" * 5000,
    "1" * 5000,
    "1e400",
    "-1",
    "nan",
    "wait=" + "9" * 5000,
    "1-2-3-4-5",
    "9" * 30,
    "\xff",
    ",;=,",
]
LEGACY = {"accept": "application/json, text/event-stream", "mcp_protocol_version": "2025-11-25"}


@dataclass(frozen=True, slots=True)
class Served:
    """All services of one process."""

    runtime: Runtime
    urls: dict[str, str]

    @asynccontextmanager
    async def client(self, service: str, credential: str) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"authorization": f"Bearer {credential}"}
        async with httpx.AsyncClient(
            base_url=self.urls[service], headers=headers, trust_env=False, timeout=PATIENCE_SECONDS
        ) as http:
            yield http

    def token(self, service: str) -> str:
        return self.runtime.tokens.mint(Principal("acme", "key:test", frozenset({USE})), service)


@asynccontextmanager
async def served(database_url: str, home: Path, *services: Service) -> AsyncIterator[Served]:
    """The registry and `services`."""
    options: dict[str, Any] = {"home": home, "database_url": database_url, "model": "offline", "_env_file": None}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Runtime.open(Settings(port=0, registry_port=0, **options)))
        registry = await stack.enter_async_context(running(first, Service("registry", "registry", 0)))
        settings = Settings(port=0, registry_url=registry.url, **options)
        runtime = await stack.enter_async_context(Runtime.open(settings))
        urls = {"registry": registry.url}
        for service in services:
            urls[service.label] = (await stack.enter_async_context(running(runtime, service))).url
        if "gateway" in urls:
            agents = [service.name for service in services if service.kind == "agent"]
            async with httpx.AsyncClient(trust_env=False) as http:
                await until_registered(http, urls["gateway"], *agents)
        yield Served(runtime, urls)


@pytest.fixture(autouse=True)
def nothing_is_the_services_fault(caplog: pytest.LogCaptureFixture) -> Any:
    """No traceback and no error in any log while the requests were answered."""
    yield
    faults = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR or record.exc_info]
    assert not faults, [(record.name, record.getMessage()[:200], str(record.exc_info)[:300]) for record in faults[:3]]


async def test_the_registry_refuses_it(database_url: str, tmp_path: Path) -> None:
    async with served(database_url, tmp_path) as network:
        token = network.runtime.tokens.for_service(f"agent:{AGENT}", "registry")
        async with network.client("registry", token) as http:
            wrong = [
                await wrong_answer(http, method, path)
                for key in REGISTRY_RULES
                for method, path in addresses(key, GOOD)
            ]
            wrong += [
                await wrong_answer(http, key.partition(" ")[0], filled(key.partition(" ")[2], GOOD), body)
                for key in REGISTRY_RULES
                if key[0] == "P"
                for body in [*BODIES, *mutated(REGISTRY_BODIES[key])]
            ]
    assert not (said := [line for line in wrong if line]), said[:5]


async def test_the_admins_routes_of_the_gateway_refuse_it(database_url: str, tmp_path: Path) -> None:
    async with served(database_url, tmp_path, Service("agent", AGENT, 0), Service("gateway", "gateway", 0)) as network:
        key = await (await network.runtime.keys()).create("acme", "admin", scopes=[USE, ADMIN])
        own = [
            rule
            for rule in gateway_rules(lambda _: False)
            if rule.startswith(("GET /", "P", "DELETE")) and "/v1/" in rule
        ]
        good = GOOD | {"name": "stored"}
        async with network.client("gateway", key) as http:
            made = await http.post("/v1/mcp/servers", json={"name": "stored"} | SERVER)
            assert made.status_code == 201, made.text
            wrong = [await wrong_answer(http, method, path) for rule in own for method, path in addresses(rule, good)]
            wrong += [
                await wrong_answer(http, rule.partition(" ")[0], filled(rule.partition(" ")[2], good), body)
                for rule in own
                if rule[0] == "P"
                for body in [*BODIES, *mutated(ADMIN_BODIES[rule])]
            ]
    assert not (said := [line for line in wrong if line]), said[:5]


@pytest.mark.parametrize("way", ["specialist", "gateway", "gateway, by name"])
async def test_json_rpc_refuses_it(way: str, database_url: str, tmp_path: Path) -> None:
    services = [Service("agent", AGENT, 0), *([Service("gateway", "gateway", 0)] if way != "specialist" else [])]
    async with served(database_url, tmp_path, *services) as network:
        key = await (await network.runtime.keys()).create("acme", "user")
        label, path = {"specialist": (f"agent:{AGENT}", "/"), "gateway": ("gateway", "/")}.get(
            way, ("gateway", f"/agents/{AGENT}")
        )
        async with network.client(label, key) as http:
            wrong = [await wrong_answer(http, "POST", path, body, a2a_version="1.0") for body in BODIES]
            for method, params in METHODS.items():
                version = {"a2a_version": "0.3" if "/" in method else "1.0"}
                request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                bodies = [*mutated(request)][:: 2 if way == "specialist" else 23]
                wrong += [await wrong_answer(http, "POST", path, body, **version) for body in bodies]
                wrong += [
                    await wrong_answer(http, "POST", path, text_of(request), **version | {name: value})
                    for name, value in product(HEADERS, HEADER_VALUES)
                ]
    assert not (said := [line for line in wrong if line]), said[:5]


@pytest.mark.parametrize("way", ["specialist", "gateway"])
async def test_rest_refuses_it(way: str, database_url: str, tmp_path: Path) -> None:
    services = [Service("agent", AGENT, 0), *([Service("gateway", "gateway", 0)] if way != "specialist" else [])]
    async with served(database_url, tmp_path, *services) as network:
        key = await (await network.runtime.keys()).create("acme", "user")
        label, prefix = (f"agent:{AGENT}", "") if way == "specialist" else ("gateway", f"/agents/{AGENT}")
        async with network.client(label, key) as http:
            wrong = []
            for rule in [*OPERATIONS, *OPERATIONS_0_3, *(each.replace(" /", " /{tenant}/", 1) for each in OPERATIONS)]:
                version = "0.3" if "/v1/" in rule else "1.0"
                wrong += [
                    await wrong_answer(http, method, prefix + path, a2a_version=version)
                    for method, path in addresses(rule, GOOD)
                ]
                path = prefix + filled(rule.partition(" ")[2], GOOD)
                wrong += [
                    await wrong_answer(http, "POST", path, body, a2a_version=version)
                    for body in ([*BODIES, *mutated(REST[rule])] if rule in REST else [])
                ]
    assert not (said := [line for line in wrong if line]), said[:5]


@pytest.mark.parametrize("name", CALLS)
async def test_the_tool_servers_refuse_it(name: str, database_url: str, tmp_path: Path) -> None:
    assert MCP_RULES.keys() == {"* /mcp"}
    async with served(database_url, tmp_path, Service("mcp", name, 0)) as network:
        async with network.client(f"mcp:{name}", network.token(f"mcp:{name}")) as http:
            wrong = [await wrong_answer(http, method, path, **LEGACY) for method, path in addresses("* /mcp", GOOD)]
            wrong += [await wrong_answer(http, "POST", "/mcp", body, **LEGACY) for body in mcp_bodies(name)]
    assert not (said := [line for line in wrong if line]), said[:5]


async def test_the_mcp_door_refuses_it(database_url: str, tmp_path: Path) -> None:
    services = [Service("mcp", name, 0) for name in ("knowledge", "toolbox")]
    async with served(database_url, tmp_path, *services, Service("gateway", "gateway", 0)) as network:
        key = await (await network.runtime.keys()).create("acme", "user")
        async with network.client("gateway", key) as http:
            hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": MCP_METHODS["initialize"]}
            opened = await http.post(
                "/mcp",
                content=text_of(hello),
                headers={"content-type": "application/json"} | {"accept": LEGACY["accept"]},
            )
            session = {"mcp_session_id": opened.headers["mcp-session-id"]}
            wrong = [
                await wrong_answer(http, method, path, **LEGACY) for method, path in addresses("* /mcp/{profile}", GOOD)
            ]
            for name in ("knowledge", "toolbox"):
                wrong += [
                    await wrong_answer(http, "POST", "/mcp", body, **LEGACY, **session) for body in mcp_bodies(name)
                ]
            for header in ("x" * 5000, "\xff", "'; --", "-1"):
                wrong.append(await wrong_answer(http, "GET", "/mcp", **LEGACY, mcp_session_id=header))
                wrong.append(await wrong_answer(http, "GET", "/mcp", **LEGACY, **session, last_event_id=header))
                wrong.append(await wrong_answer(http, "DELETE", "/mcp", **LEGACY, mcp_session_id=header))
    assert not (said := [line for line in wrong if line]), said[:5]


def mcp_bodies(name: str) -> list[bytes]:
    """Hostile requests of every method, and of the tools of a server."""
    requests = [
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": params} for method, params in MCP_METHODS.items()
    ]
    requests += [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        for tool, arguments in CALLS[name].items()
    ]
    return [*BODIES, *(body for request in requests for body in [*mutated(request)][::2])]


def test_the_tables_name_every_route_that_takes_a_body() -> None:
    assert {rule for rule in REGISTRY_RULES if rule[0] == "P"} == REGISTRY_BODIES.keys()
    own = {rule for rule in gateway_rules(lambda _: False) if rule[0] == "P" and "/v1/" in rule}
    assert own == ADMIN_BODIES.keys()
    assert {rule for rule in [*OPERATIONS, *OPERATIONS_0_3] if rule[0] == "P"} == REST.keys()
    assert json.loads(text_of(MESSAGE)) == MESSAGE
