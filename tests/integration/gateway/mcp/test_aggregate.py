"""Many servers and agents behind one address, seen by the SDK's own client in both eras."""

import asyncio

import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext

from tests.integration.gateway.mcp.conftest import ERAS, Place, until
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

ELSEWHERE = "http://127.0.0.1:9/mcp"


async def tools_of(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]


def text_of(result: types.CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, types.TextContent))


async def answer_ada(_: ClientRequestContext, __: types.ElicitRequestParams) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def test_tools_of_servers_stand_beside_agents_in_a_fixed_order(place: Place, era: str) -> None:
    await place.network.agent("concierge")
    await place.server("beta")
    await place.server("alpha")
    await place.server("secret", tenant="other")
    async with place.host(era) as client:
        names = await tools_of(client)
        assert names == sorted(names)
        assert {"concierge", "find_agents", "alpha__echo", "beta__echo", "beta__wait"} <= set(names)
        assert not [name for name in names if name.startswith("secret")]
        assert text_of(await client.call_tool("alpha__echo", {"text": "hi"})) == "alpha: hi"
        assert text_of(await client.call_tool("beta__echo", {"text": "hi"})) == "beta: hi"
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("secret__echo", {"text": "hi"})


async def test_a_server_that_is_away_hides_no_other(place: Place, era: str) -> None:
    await place.server("alpha")
    await place.register("gone", ELSEWHERE)
    async with place.host(era) as client:
        assert "alpha__echo" in await tools_of(client)
        assert text_of(await client.call_tool("alpha__echo", {"text": "hi"})) == "alpha: hi"


async def test_prompts_resources_templates_and_completions_lead_to_their_server(place: Place, era: str) -> None:
    await place.server("alpha")
    await place.server("beta")
    await place.put_profile("servers", agents=[])
    async with place.host(era, "servers") as client:
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["alpha__review", "beta__review"]
        prompt = await client.get_prompt("beta__review", {"code": "x"})
        assert isinstance(prompt, types.GetPromptResult)
        assert isinstance(prompt.messages[0].content, types.TextContent)
        assert prompt.messages[0].content.text == "Review this for beta: x"
        listed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert listed == ["alpha://notes/today", "beta://notes/today"]
        templates = (await client.list_resource_templates()).resource_templates
        assert "alpha://users/{user}/profile" in [template.uri_template for template in templates]
        for uri, text in (
            ("beta://notes/today", "A note of beta."),
            ("alpha://users/ada/profile", "ada at alpha"),
            ("beta+beta://notes/today", "A note of beta."),
        ):
            read = await client.read_resource(uri)
            assert isinstance(read, types.ReadResourceResult)
            assert isinstance(read.contents[0], types.TextResourceContents)
            assert read.contents[0].text == text
        reference = types.PromptReference(name="beta__review")
        completed = await client.complete(reference, {"name": "code", "value": "p"})
        assert completed.completion.values == ["print() at beta"]
        with pytest.raises(MCPError, match="no such resource"):
            await client.read_resource("gamma://notes/today")


@pytest.mark.parametrize("only", [None, "legacy", "modern"])
@pytest.mark.parametrize("uri", ["alpha://nothing", "gamma://nothing", "agentnet://agents/nobody/card"])
async def test_a_resource_that_is_not_there_has_the_code_of_the_clients_era(
    place: Place, era: str, only: str | None, uri: str
) -> None:
    await place.server("alpha", only)
    async with place.host(era) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert refused.value.error.code == (-32002 if era == "legacy" else -32602)


async def test_error_code_and_data_of_a_tool_come_through(place: Place, era: str) -> None:
    await place.server("alpha")
    async with place.host(era) as client:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("alpha__fail", {})
    assert (refused.value.error.code, refused.value.error.message) == (-31999, "The disk is full.")
    assert refused.value.error.data == {"disk": 7}


@pytest.mark.parametrize("only", [None, "legacy", "modern"])
async def test_progress_comes_while_the_tool_works_whatever_era_the_server_speaks(
    place: Place, era: str, only: str
) -> None:
    stage = await place.server("alpha", only)
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)
        stage.go.set()

    async with place.host(era) as client:
        result = await client.call_tool("alpha__wait", {}, progress_callback=progress)
    assert (text_of(result), told) == ("done", ["begun"])


@pytest.mark.parametrize("only", [None, "legacy", "modern"])
async def test_a_question_of_a_server_reaches_the_client_whatever_era_either_speaks(
    place: Place, era: str, only: str
) -> None:
    await place.server("alpha", only)
    async with place.host(era, elicitation_callback=answer_ada) as client:
        assert text_of(await client.call_tool("alpha__greet", {})) == "Hello, Ada!"
        assert text_of(await client.call_tool("alpha__greet", {})) == "Hello, Ada!"


@pytest.mark.parametrize("only", [None, "legacy", "modern"])
async def test_a_cancelled_call_is_cancelled_at_the_server(place: Place, era: str, only: str) -> None:
    stage = await place.server("alpha", only)
    async with place.host(era) as client:
        call = asyncio.create_task(client.call_tool("alpha__wait", {}))
        await stage.started.wait()
        call.cancel()
        await asyncio.wait([call])
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stage.cancelled.wait()


async def test_the_callers_key_never_reaches_a_server_and_its_tenant_does(place: Place, era: str) -> None:
    stage = await place.server("alpha")
    async with place.host(era) as client:
        await client.call_tool("alpha__echo", {"text": "hi"})
    credentials = {headers["authorization"] for headers in stage.headers}
    assert place.network.key not in "".join(credentials)
    tokens = [place.network.runtime.tokens.verify(each.removeprefix("Bearer "), "mcp:alpha") for each in credentials]
    assert {token.tenant for token in tokens} == {"acme"}


async def test_a_list_is_asked_for_once_by_many_at_once(place: Place, era: str) -> None:
    stage = await place.server("alpha", ttl_ms=3_600_000)
    async with place.host(era) as client:
        stage.lists = 0
        await asyncio.gather(*(client.list_tools() for _ in range(20)))
    assert stage.lists <= 1


async def test_a_server_that_comes_or_goes_is_told_to_those_who_listen(place: Place, era: str) -> None:
    await place.server("alpha")
    heard = asyncio.Event()

    async def on_message(message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            heard.set()

    async with place.host(era, message_handler=on_message) as client:
        if era != "legacy":
            async with client.listen(tools_list_changed=True) as changes:
                await place.server("more-0")
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await anext(aiter(changes))
        else:
            await place.servers_until(heard)

        async def is_listed() -> bool:
            return "more-0__echo" in await tools_of(client)

        await until(is_listed)


async def test_a_host_finds_tools_where_there_are_many(place: Place, era: str) -> None:
    await place.server("alpha")
    await place.put_profile("finding", mode="find", agents=[])
    async with place.host(era, "finding") as client:
        assert await tools_of(client) == ["call_tool", "find_tools"]
        found = await client.call_tool("find_tools", {"query": "say again"})
        assert next(tool["name"] for tool in found.structured_content["tools"]) == "alpha__echo"
        called = await client.call_tool("call_tool", {"name": "alpha__echo", "arguments": {"text": "hi"}})
        assert text_of(called) == "alpha: hi"


@pytest.mark.parametrize("profile", ["", "alpha"])
async def test_a_server_that_speaks_another_era_since_is_found_out(place: Place, era: str, profile: str) -> None:
    stage = await place.server("alpha")
    await place.put_profile("alpha", servers=["alpha"], agents=[])
    tool = "echo" if profile else "alpha__echo"

    async def answers() -> bool:
        said = ""
        try:
            async with place.host(era, profile) as client:
                said = text_of(await client.call_tool(tool, {"text": "hi"}))
        except* MCPError:
            pass
        return said == "alpha: hi"

    assert await answers()
    stage.only = "modern" if era == "legacy" else "legacy"
    await until(answers)
    stage.only = None
    assert await answers()
