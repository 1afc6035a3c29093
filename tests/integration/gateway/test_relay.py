"""The A2A relay, seen by the SDK's own client and by plain HTTP."""

import asyncio
import contextlib
import json

import httpx
import pytest
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import parse_agent_card
from a2a.client.errors import A2AClientError
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    Role,
    SendMessageRequest,
    StreamResponse,
    TaskState,
)

from agentnet.process.service import bind
from gateway.http.limits import MAX_STREAMS
from tests.integration.gateway.conftest import Network
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

BINDINGS = pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])


async def client_of(http: httpx.AsyncClient, path: str, binding: str, streaming: bool) -> Client:
    card = await A2ACardResolver(http, f"{http.base_url}".rstrip("/") + path).get_agent_card()
    config = ClientConfig(
        streaming=streaming, httpx_client=http, supported_protocol_bindings=[binding], use_client_preference=True
    )
    return ClientFactory(config).create(card)


def request(text: str) -> SendMessageRequest:
    return SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))


def rpc(method: str, text: str, identifier: int | str = 7) -> dict[str, object]:
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": text}]}
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": {"message": message}}


V1 = {"a2a-version": "1.0"}


async def collect(client: Client, text: str) -> list[StreamResponse]:
    return [event async for event in client.send_message(request(text))]


@BINDINGS
async def test_an_sdk_client_gets_a_blocking_answer(network: Network, binding: str) -> None:
    await network.agent("echo")
    async with network.client() as http:
        client = await client_of(http, "/agents/echo", binding, streaming=False)
        [answer] = await collect(client, "hello")
        assert answer.task.status.state == TaskState.TASK_STATE_COMPLETED
        assert answer.task.artifacts[0].parts[0].text == "echo: hello"
        again = await client.get_task(GetTaskRequest(id=answer.task.id))
        assert again.artifacts[0].parts[0].text == "echo: hello"


@BINDINGS
async def test_events_arrive_one_by_one_while_the_agent_still_works(network: Network, binding: str) -> None:
    probe = await network.agent("echo")
    async with network.client() as http:
        client = await client_of(http, "/agents/echo", binding, streaming=True)
        texts: list[str] = []
        async for event in client.send_message(request("slow please")):
            text = get_stream_response_text(event)
            if event.HasField("artifact_update"):
                texts.append(text)
                if len(texts) == 1:
                    assert not probe.go.is_set()
                    probe.go.set()
        assert texts == ["first ", "second"]


@BINDINGS
async def test_a_task_is_cancelled_through_the_gateway(network: Network, binding: str) -> None:
    probe = await network.agent("echo")
    async with network.client() as http:
        client = await client_of(http, "/agents/echo", binding, streaming=True)
        events = client.send_message(request("hang"))
        first = await anext(events)
        await probe.started.wait()
        task = await client.cancel_task(CancelTaskRequest(id=first.task.id))
        assert task.status.state == TaskState.TASK_STATE_CANCELED
        assert probe.cancelled.is_set()
        await events.aclose()


async def test_the_root_is_the_entry_agent_and_its_card_is_the_networks(network: Network) -> None:
    await network.agent("concierge")
    async with network.client() as http:
        for binding in ("JSONRPC", "HTTP+JSON"):
            client = await client_of(http, "", binding, streaming=False)
            [answer] = await collect(client, "hello")
            assert answer.task.artifacts[0].parts[0].text == "echo: hello"
    async with network.client("") as anonymous:
        card = (await anonymous.get("/.well-known/agent-card.json")).json()
        addresses = {
            (item["protocolBinding"], item["protocolVersion"]): item["url"] for item in card["supportedInterfaces"]
        }
        # The paths of the older one are taken at the root.
        assert (
            addresses.pop(("HTTP+JSON", "0.3"))
            == f"{network.url}/agents/concierge"
            == card["additionalInterfaces"][1]["url"]
        )
        assert {address.rstrip("/") for address in [*addresses.values(), card["url"]]} == {network.url}


async def test_post_works_with_and_without_a_trailing_slash(network: Network) -> None:
    await network.agent("echo")
    async with network.client() as http:
        for path in ("/agents/echo", "/agents/echo/"):
            response = await http.post(path, json=rpc("SendMessage", "hi"), headers=V1)
            assert response.json()["id"] == 7, response.text


async def test_the_agent_gets_the_tenants_token_and_never_the_key(network: Network) -> None:
    probe = await network.agent("echo")
    async with network.client() as http:
        own = {"x-api-key": "k", "cookie": "a=b", "x-own": "1"}
        await http.post("/agents/echo", json=rpc("SendMessage", "hi"), headers=V1 | own)
    [principal], [headers] = probe.principals, probe.headers
    assert principal.tenant == "acme"
    assert principal.subject.startswith("key:")
    assert network.key not in str(headers)
    assert "cookie" not in headers and "x-api-key" not in headers
    assert headers["a2a-version"] == "1.0" and headers["x-own"] == "1"
    assert headers["traceparent"].startswith("00-")


async def test_a_trace_that_is_there_is_passed_on(network: Network) -> None:
    probe = await network.agent("echo")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with network.client() as http:
        await http.get("/agents/echo/tasks", headers=V1 | {"traceparent": trace})
    assert probe.headers[0]["traceparent"] == trace


async def test_a_client_that_leaves_aborts_the_agents_stream(network: Network) -> None:
    probe = await network.agent("echo")
    async with network.client() as http:
        async with http.stream("GET", "/agents/echo/endless") as response:
            assert response.headers["x-accel-buffering"] == "no"
            assert "x-private" not in response.headers
            assert await anext(response.aiter_bytes()) == b"data: hello\n\n"
            assert not probe.aborted.is_set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await probe.aborted.wait()


async def test_a_stream_that_breaks_off_ends_with_an_error_event(network: Network) -> None:
    await network.agent("echo")
    async with network.client() as http:
        response = await http.get("/agents/echo/broken")
        assert response.text.startswith("data: hello\n\nevent: error\ndata: ")
        assert json.loads(response.text.rpartition("data: ")[2])["error"]["status"] == "UNAVAILABLE"


async def test_a_dead_agent_is_said_in_the_callers_protocol(network: Network) -> None:
    await network.register("dead", ["http://127.0.0.1:9"])
    async with network.client() as http:
        answer = (await http.post("/agents/dead", json=rpc("SendMessage", "hi", "x-1"), headers=V1)).json()
        assert answer["id"] == "x-1"
        assert "'dead' does not answer" in answer["error"]["message"]
        response = await http.get("/agents/dead/tasks", headers=V1)
        assert response.status_code == 503
        assert response.json()["error"]["status"] == "UNAVAILABLE"
        client = await client_of(http, "/agents/dead", "JSONRPC", streaming=True)
        with pytest.raises(Exception, match="does not answer"):
            await collect(client, "hello")


async def test_the_next_instance_answers_for_one_that_is_dead(network: Network) -> None:
    await network.agent("echo")
    await network.register("echo", ["http://127.0.0.1:9", network.urls["echo"]])
    async with network.client() as http:
        for _ in range(4):
            response = await http.post("/agents/echo", json=rpc("SendMessage", "hi"), headers=V1)
            assert response.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_an_instance_that_takes_a_message_and_dies_is_not_sent_a_second_one(network: Network) -> None:
    listener = bind("127.0.0.1", 0, "rude")
    taken = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.readuntil(b"\r\n\r\n")
        taken += 1
        writer.close()

    server = await asyncio.start_server(hang_up, sock=listener)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    await network.register("rude", [url, url])
    async with server, network.client() as http:
        answer = (await http.post("/agents/rude", json=rpc("SendMessage", "hi"), headers=V1)).json()
    assert "does not answer" in answer["error"]["message"]
    assert taken == 1


async def test_an_instance_that_broke_off_is_tried_last(network: Network) -> None:
    listener = bind("127.0.0.1", 0, "rude")

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    await network.agent("echo")
    await network.register("echo", [f"http://127.0.0.1:{listener.getsockname()[1]}", network.urls["echo"]])
    async with await asyncio.start_server(hang_up, sock=listener), network.client() as http:
        answers = [
            (await http.post("/agents/echo", json=rpc("SendMessage", "hi"), headers=V1)).json() for _ in range(5)
        ]
    assert sum("error" in answer for answer in answers) == 1


async def test_an_unknown_agent_is_not_found_and_the_nearest_are_named(network: Network) -> None:
    await network.agent("researcher")
    async with network.client() as http:
        response = await http.post("/agents/reseacher", json=rpc("SendMessage", "hi"), headers=V1)
        assert response.status_code == 404
        assert "researcher" in response.json()["error"]["message"]
        assert response.json()["id"] == 7


async def test_another_tenants_agent_is_not_found(network: Network) -> None:
    probe = await network.agent("private", tenant="other")
    async with network.client() as http:
        response = await http.post("/agents/private", json=rpc("SendMessage", "hi"), headers=V1)
        assert response.status_code == 404
        assert (await http.get("/agents/private/.well-known/agent-card.json")).status_code == 404
        assert (await http.get("/agents")).json() == {"agents": [], "next_page": None}
    assert not probe.principals


@BINDINGS
async def test_the_extended_card_leads_through_the_gateway_too(network: Network, binding: str) -> None:
    await network.agent("echo")
    await network.agent("concierge")
    async with network.client() as http:
        for path in ("/agents/echo", ""):
            client = await client_of(http, path, binding, streaming=False)
            card = await client.get_extended_agent_card(GetExtendedAgentCardRequest())
            for item in card.supported_interfaces:
                older_rest = (item.protocol_binding, item.protocol_version) == ("HTTP+JSON", "0.3")
                own = "/agents/concierge" if older_rest and not path else path
                assert item.url.rstrip("/") == network.url + own


@pytest.mark.parametrize("path", ["/agents/echo", "/agents/concierge", ""])
@BINDINGS
async def test_clients_of_0_3_send_and_read_tasks_from_every_card(network: Network, binding: str, path: str) -> None:
    await network.agent("echo")
    await network.agent("concierge")
    async with network.client() as http:
        card = (await http.get(f"{path}/.well-known/agent-card.json")).json()
        older = [item for item in card["supportedInterfaces"] if item["protocolVersion"] == "0.3"]
        config = ClientConfig(streaming=False, httpx_client=http, supported_protocol_bindings=[binding])
        client = ClientFactory(config).create(parse_agent_card(card | {"supportedInterfaces": older}))
        [answer] = await collect(client, "ask me")
        assert answer.task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        again = await client.get_task(GetTaskRequest(id=answer.task.id))
        assert again.status.message.parts[0].text == "Which colour?"
        ended = await client.cancel_task(CancelTaskRequest(id=answer.task.id))
        assert ended.status.state == TaskState.TASK_STATE_CANCELED


@pytest.mark.parametrize(
    ("version", "is_agents"),
    [("0.3", True), ("0.3.0", True), ("", False), ("1.0", False), ("0.30", False), ("nonsense", False)],
)
async def test_tasks_below_v1_are_the_agents_for_those_who_say_0_3(
    network: Network, version: str, is_agents: bool
) -> None:
    probe = await network.agent("concierge")
    task = "01a22bfe-6993-7d89-92c0-9a0d506e791f"
    async with network.client() as http:
        for path in ("/v1/tasks", f"/v1/tasks/{task}"):
            before = len(probe.principals)
            await http.get(path, headers={"a2a-version": version} if version else {})
            assert len(probe.principals) - before == is_agents


async def test_one_key_has_so_many_streams_and_no_more(network: Network) -> None:
    await network.agent("echo")
    accept = {"accept": "text/event-stream"}
    async with network.client() as http, contextlib.AsyncExitStack() as open_streams:
        for _ in range(MAX_STREAMS):
            stream = http.stream("GET", "/agents/echo/endless", headers=accept)
            response = await open_streams.enter_async_context(stream)
            assert response.status_code == 200
        response = await http.get("/agents/echo/tasks", headers=V1 | accept)
        assert response.status_code == 429
        assert response.headers["retry-after"] == "1"
        assert (await http.get("/agents/echo/tasks", headers=V1)).status_code == 200


@pytest.mark.parametrize("base", ["/agents/concierge", ""])
async def test_clients_of_the_older_protocol_are_served(network: Network, base: str) -> None:
    await network.agent("concierge")
    part = {"kind": "text", "text": "hi"}
    message = {"kind": "message", "messageId": "m1", "role": "user", "parts": [part]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    async with network.client() as http:
        answer = (await http.post(f"{base}/", json=call)).json()
        assert answer["result"]["status"]["state"] == "completed"
        rest = {"message": {"messageId": "m2", "role": "ROLE_USER", "content": [{"text": "hi"}]}}
        response = await http.post(f"{base}/v1/message:send", json=rest)
        assert response.status_code == 200, response.text


async def test_a_large_body_streams_through(network: Network) -> None:
    await network.agent("echo")

    async def parts():
        for _ in range(40):
            yield b"x" * 50_000

    async with network.client() as http:
        assert (await http.post("/agents/echo/size", content=b"x" * 3_000_000)).text == "3000000"
        assert (await http.post("/agents/echo/size", content=parts())).text == "2000000"


async def raw(network: Network, *parts: bytes) -> bytes:
    """The status line that the gateway answers when it is sent exactly these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(network.url.rpartition(":")[2]))
    head = f"POST /agents/echo/size HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {network.key}\r\n"
    writer.write(head.encode())
    for part in parts:
        writer.write(part)
    line = await reader.readline()
    writer.close()
    return line


async def test_a_body_over_the_limit_is_refused(network: Network) -> None:
    await network.agent("echo")
    limit = network.runtime.settings.max_body_bytes
    assert b" 413 " in await raw(network, b"content-length: %d\r\n\r\n" % (limit + 1))


async def test_a_body_that_grows_over_the_limit_is_refused(network: Network) -> None:
    await network.agent("echo")
    limit = network.runtime.settings.max_body_bytes
    chunk = b"%x\r\n" % (limit + 1) + b"x" * (limit + 1) + b"\r\n"
    assert b" 413 " in await raw(network, b"transfer-encoding: chunked\r\n\r\n", chunk)


async def test_without_a_key_nothing_but_cards_and_health_is_served(network: Network) -> None:
    probe = await network.agent("echo")
    async with network.client("") as http:
        for method, path in [("POST", "/agents/echo"), ("GET", "/agents"), ("GET", "/v1/tasks"), ("POST", "/mcp")]:
            response = await http.request(method, path)
            assert response.status_code == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
        for path in ("/agents/echo/x/.well-known/agent.json", "/v1/keys/.well-known/agent-card.json"):
            assert (await http.get(path)).status_code == 401
        for path in ("/health", "/ready", "/agents/echo/.well-known/agent-card.json"):
            assert (await http.get(path)).status_code == 200
    assert not probe.principals


async def test_a_wrong_key_is_refused_even_for_a_card(network: Network) -> None:
    await network.agent("echo")
    async with network.client("ank_000000000000_" + "x" * 43) as http:
        assert (await http.get("/agents/echo/.well-known/agent-card.json")).status_code == 401


async def test_an_sdk_client_without_a_key_is_told_so(network: Network) -> None:
    await network.agent("echo")
    async with network.client("") as http:
        client = await client_of(http, "/agents/echo", "JSONRPC", streaming=False)
        with pytest.raises(A2AClientError, match="401"):
            await collect(client, "hello")


async def test_while_no_replica_answers_the_agent_is_away_and_the_client_told_when_to_come_again(
    network: Network,
) -> None:
    await network.agent("echo")
    await network.register("dead", ["http://127.0.0.1:9"])
    async with network.client() as http:
        assert (await http.post("/agents/echo", json=rpc("SendMessage", "hi"), headers=V1)).status_code == 200
        token = network.runtime.tokens.for_service("agent:echo", "registry")
        address = f"{network.registry_url}/v1/entries/agent/echo/0"
        await network.runtime.http.delete(address, headers={"authorization": f"Bearer {token}"})

        async def is_gone() -> bool:
            return "error" in (await http.post("/agents/echo", json=rpc("SendMessage", "hi"), headers=V1)).json()

        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await is_gone():
                await asyncio.sleep(0.05)
        for name in ("echo", "dead"):
            said = await http.post(f"/agents/{name}", json=rpc("SendMessage", "hi", "x-1"), headers=V1)
            assert (said.json()["id"], said.json()["error"]["code"]) == ("x-1", -32051)
            assert int(said.headers["retry-after"]) > 0
            for path in ("/message:send", "/message:stream", "/tasks"):
                method = "GET" if path == "/tasks" else "POST"
                refused = await http.request(method, f"/agents/{name}{path}", json={}, headers=V1)
                assert (refused.status_code, refused.json()["error"]["status"]) == (503, "UNAVAILABLE")
                assert int(refused.headers["retry-after"]) > 0
                assert refused.headers["content-type"] == "application/a2a+json"
        assert (await http.get("/agents/echo/.well-known/agent-card.json")).status_code == 503
        never = await http.post("/agents/never", json=rpc("SendMessage", "hi"), headers=V1)
        assert never.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
        "/mcp/.well-known/openid-configuration",
        "/mcp/tools/.well-known/oauth-authorization-server",
        "/.well-known/anything",
    ],
)
async def test_there_is_no_oauth_and_whoever_looks_for_it_is_told_so_without_a_key(network: Network, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        for base in (network.url, network.registry_url)[: 1 if path.startswith("/mcp") else 2]:
            response = await http.get(base + path)
            assert response.status_code == 404
            assert response.json()["error"]["status"] == "NOT_FOUND"


async def test_a_redirect_to_an_address_inside_leads_back_through_the_gateway(network: Network) -> None:
    listener = bind("127.0.0.1", 0, "moved")
    inside = f"http://127.0.0.1:{listener.getsockname()[1]}"
    places = iter(["/there?x=1", "https://example.org/away", f"{inside}/there?x=1", inside, f"{inside}1/other"])

    async def move(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 307 Moved\r\nLocation: {next(places)}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    await network.register("moved", [inside])
    async with await asyncio.start_server(move, sock=listener), network.client() as http:
        told = [(await http.get("/agents/moved/x")).headers["location"] for _ in range(5)]
    outside = f"{network.url}/agents/moved"
    assert told == [
        f"{outside}/there?x=1",
        "https://example.org/away",
        f"{outside}/there?x=1",
        outside,
        f"{inside}1/other",
    ]
