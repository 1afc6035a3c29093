"""What a server behind a command or HTTP+SSE says to its host on its own: questions, changes, log messages."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import mcp_types as types
import pytest
from mcp import MCPError

from agentnet.identity import Principal
from tests.integration.mcp_servers.adapters.child import server as child
from tests.integration.mcp_servers.adapters.conftest import Present
from tests.integration.mcp_servers.adapters.test_command import gone, hang
from tests.integration.mcp_servers.adapters.test_sse import legacy
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

CHILD: dict[str, Any] = {
    "name": "child",
    "command": [sys.executable, "-W", "ignore", str(Path(__file__).with_name("child.py"))],
}


class Person:
    """A host's side: what it was asked, and what it heard."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    async def elicit(self, _: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append(params.message)
        return types.ElicitResult(action="accept", content={"name": self.name})

    async def sample(self, _: Any, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
        said = types.TextContent(text=f"hello from {self.name}")
        return types.CreateMessageResult(role="assistant", content=said, model="m")

    async def roots(self, _: Any) -> types.ListRootsResult:
        return types.ListRootsResult(roots=[types.Root(uri=f"file:///{self.name}")])

    async def hear(self, message: Any) -> None:
        await self.heard.put(message)

    async def next(self, kind: type[Any]) -> Any:
        """The next message of that kind."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not isinstance(message := await self.heard.get(), kind):
                pass
        return message

    @property
    def callbacks(self) -> dict[str, Any]:
        return {
            "elicitation_callback": self.elicit,
            "sampling_callback": self.sample,
            "list_roots_callback": self.roots,
            "message_handler": self.hear,
        }


async def test_a_server_asks_the_host_of_the_call_and_no_other(present: Present, tenant: str) -> None:
    ada, bob = Person("ada"), Person("bob")
    async with (
        present(CHILD) as served,
        served.client(tenant, **ada.callbacks) as hers,
        served.client(tenant, **bob.callbacks) as his,
    ):
        answers = await asyncio.gather(
            hers.call_tool("ask", {"question": "1"}),
            his.call_tool("ask", {"question": "2"}),
            hers.call_tool("sample"),
            his.call_tool("roots"),
        )
    assert [answer.content[0].text for answer in answers[:3]] == ["accept: ada", "accept: bob", "hello from ada"]
    assert answers[3].structured_content == {"result": ["file:///bob"]}
    assert (ada.asked, bob.asked) == (["1"], ["2"])


async def test_a_host_that_cannot_be_asked_is_not(present: Present, tenant: str) -> None:
    ada = Person("ada")
    async with present(CHILD) as served, served.client(tenant) as plain, served.client(tenant, **ada.callbacks) as able:
        with pytest.raises(MCPError, match="Elicitation not supported"):
            await plain.call_tool("ask")
        assert not (await able.call_tool("ask")).is_error
        [shared] = (await plain.call_tool("pids")).structured_content["result"]
        [alone] = (await able.call_tool("pids")).structured_content["result"]
    assert shared != alone


async def test_the_process_of_a_session_ends_with_it(present: Present, tenant: str) -> None:
    async with present(CHILD) as served:
        async with served.client(tenant, **Person("ada").callbacks) as client:
            [pid] = (await client.call_tool("pids")).structured_content["result"]
        await gone(pid)


async def test_all_hosts_hear_of_changed_lists_and_get_the_new_ones(present: Present, tenant: str) -> None:
    ada = Person("ada")
    async with (
        present(CHILD) as served,
        served.client(tenant, message_handler=ada.hear) as listening,
        served.client(tenant) as other,
    ):
        assert "more" not in [tool.name for tool in (await listening.list_tools()).tools]
        await other.call_tool("grow", {"name": "more"})
        await ada.next(types.ToolListChangedNotification)
        assert "more" in [tool.name for tool in (await listening.list_tools()).tools]


async def test_an_update_of_a_resource_reaches_who_subscribed(present: Present, tenant: str) -> None:
    ada, bob = Person("ada"), Person("bob")
    async with (
        present(CHILD) as served,
        served.client(tenant, message_handler=ada.hear) as hers,
        served.client(tenant, message_handler=bob.hear) as his,
    ):
        subscribing = types.SubscribeRequest(params=types.SubscribeRequestParams(uri="note://one"))
        await hers.session.send_request(subscribing, types.EmptyResult)
        await his.call_tool("touch", {"uri": "note://one"})
        assert (await ada.next(types.ResourceUpdatedNotification)).params.uri == "note://one"
        await his.call_tool("grow", {"name": "last"})
        await bob.next(types.ToolListChangedNotification)
    assert bob.heard.empty()


async def test_log_messages_go_to_the_call_that_they_are_of(present: Present, tenant: str) -> None:
    ada = Person("ada")
    async with present(CHILD) as served, served.client(tenant, message_handler=ada.hear) as client:
        await client.call_tool("log", {"text": "a line"})
        assert (await ada.next(types.LoggingMessageNotification)).params.data == "a line"


async def test_a_call_that_is_cancelled_is_cancelled_at_the_server(present: Present, tenant: str) -> None:
    async with present(CHILD) as served, served.client(tenant) as client:
        task = await hang(client)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await client.call_tool("ended")).structured_content["result"]:
                await asyncio.sleep(0.02)


async def test_a_session_is_nobody_elses(present: Present, tenant: str) -> None:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    async with present(CHILD) as served:

        async def post(who: str, method: str, session: str | None = None) -> httpx.Response:
            token = served.runtime.tokens.mint(Principal(who, "key:test"), served.label)
            headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": hello if method == "initialize" else {}}
            found = headers | ({"mcp-session-id": session} if session else {})
            response: httpx.Response = await served.runtime.http.post(f"{served.url}/mcp", json=body, headers=found)
            return response

        session = (await post(tenant, "initialize")).headers["mcp-session-id"]
        assert (await post(tenant, "ping", session)).status_code == 200
        assert (await post(f"{tenant}-2", "ping", session)).status_code == 404


async def test_a_server_over_http_and_sse_asks_too(present: Present, tenant: str) -> None:
    ada = Person("ada")
    async with legacy(child) as upstream, present({"name": "old", "sse": upstream.url}) as served:
        async with served.client(tenant, **ada.callbacks) as client:
            assert (await client.call_tool("ask")).content[0].text == "accept: ada"


async def test_a_client_of_the_stateless_revision_is_told_to_open_a_session(present: Present, tenant: str) -> None:
    async with present(CHILD) as served, served.client(tenant, "2026-07-28") as client:
        with pytest.raises(MCPError, match="needs a session"):
            await client.list_tools()


async def test_a_command_that_takes_no_handshake_is_spoken_to_in_its_own_revision(
    present: Present, tenant: str
) -> None:
    modern = CHILD | {"command": [*CHILD["command"], "--modern"]}
    async with present(modern) as served, served.client(tenant) as client:
        [first] = (await client.call_tool("pids")).structured_content["result"]
        assert (await client.call_tool("add", {"a": 2, "b": 2})).structured_content == {"result": 4}
        assert (await client.call_tool("pids")).structured_content["result"] == [first]
