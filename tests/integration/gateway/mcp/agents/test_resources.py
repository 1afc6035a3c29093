"""What agents offer to read, and their prompts."""

import base64
import json

import mcp_types as types
import pytest
from mcp import Client, MCPError

from agentnet.files.store import FileStore
from tests.integration.gateway.echo import BIG
from tests.integration.gateway.mcp.agents.conftest import text_of
from tests.integration.gateway.mcp.conftest import ERAS, Place

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]


async def test_a_large_file_is_a_link_that_any_replica_reads(place: Place, era: str) -> None:
    await place.network.agent("echo")
    async with place.host(era) as client:
        result = await client.call_tool("echo", {"message": "big"})
    [link] = [block for block in result.content if isinstance(block, types.ResourceLink)]
    assert (link.name, link.mime_type, link.size) == ("big.pdf", "application/pdf", len(BIG))
    async with place.host(era, replica=1) as client:
        [contents] = (await client.read_resource(link.uri)).contents
    assert isinstance(contents, types.BlobResourceContents)
    assert base64.b64decode(contents.blob) == BIG


async def test_another_tenants_artifacts_files_and_agents_are_not_there(place: Place, era: str) -> None:
    await place.network.agent("echo")
    await place.network.agent("private", tenant="other")
    files = FileStore(await place.network.runtime.database(), 1000)
    theirs = await files.put("other", "plan.txt", "text/plain", b"secret")
    code = -32002 if era == "legacy" else -32602
    wrong = [
        theirs.uri,
        "agentnet://agents/private/card",
        "agentnet://agents/private/tasks/1/artifacts/answer",
        "agentnet://agents/echo/tasks/no-such-task/artifacts/answer",
        "agentnet://agents/echo/else",
        "agentnet-file:zz/x",
    ]
    async with place.host(era) as client:
        for uri in wrong:
            with pytest.raises(MCPError) as raised:
                await client.read_resource(uri)
            assert raised.value.code == code, uri


async def test_a_file_of_the_tenant_is_read_and_linked_where_an_answer_names_it(place: Place, era: str) -> None:
    await place.network.agent("echo")
    ref = await FileStore(await place.network.runtime.database(), 1000).put("acme", "a.csv", "text/csv", b"a,b\n1,2\n")
    async with place.host(era) as client:
        result = await client.call_tool("echo", {"message": f"see {ref.uri}."})
        [link] = [block for block in result.content if isinstance(block, types.ResourceLink)]
        assert link.uri == ref.uri
        [contents] = (await client.read_resource(link.uri)).contents
    assert isinstance(contents, types.TextResourceContents)
    assert (contents.text, contents.mime_type) == ("a,b\n1,2\n", "text/csv")


async def test_cards_are_listed_and_lead_to_the_gateway(place: Place, era: str) -> None:
    await place.network.agent("echo")
    async with place.host(era) as client:
        assert [resource.uri for resource in (await client.list_resources()).resources] == [
            "agentnet://agents/echo/card"
        ]
        [contents] = (await client.read_resource("agentnet://agents/echo/card")).contents
        assert isinstance(contents, types.TextResourceContents)
        card = json.loads(contents.text)
        assert card["name"] == "echo"
        assert card["supportedInterfaces"][0]["url"].startswith(f"{place.urls[0]}/agents/echo")
        templates = [template.uri_template for template in (await client.list_resource_templates()).resource_templates]
        assert "agentnet://agents/{agent}/tasks/{task_id}/artifacts/{artifact_id}" in templates
        reference = types.ResourceTemplateReference(uri=templates[0])
        completed = await client.complete(reference, {"name": "agent", "value": "ec"})
        assert completed.completion.values == ["echo"]


async def test_each_example_of_a_skill_is_a_prompt_that_calls_the_agent(place: Place, era: str) -> None:
    await place.network.agent("web-echo")
    async with place.host(era) as client:
        free, filled = (await client.list_prompts()).prompts
        assert (free.name, filled.name) == ("web_echo__echo", "web_echo__echo_2")
        assert free.description == "Say hello."
        assert [(argument.name, argument.required) for argument in filled.arguments or []] == [
            ("word", True),
            ("person", True),
        ]
        assert await prompted(client, free.name, {}) == ("web_echo", "Say hello.")
        assert await prompted(client, free.name, {"request": "Say bye."}) == ("web_echo", "Say bye.")
        values = {"word": "hi", "person": "{word}"}
        assert await prompted(client, filled.name, values) == ("web_echo", "Repeat hi for {word}.")
        with pytest.raises(MCPError, match="word"):
            await client.get_prompt(filled.name, {"person": "Ada"})
        result = await client.call_tool("web_echo", {"message": "Repeat hi."})
        assert text_of(result) == "echo: Repeat hi."


async def prompted(client: Client, name: str, arguments: dict[str, str]) -> tuple[str, str]:
    """The tool and the request that a prompt names."""
    result = await client.get_prompt(name, arguments)
    assert isinstance(result, types.GetPromptResult)
    [message] = result.messages
    assert isinstance(message.content, types.TextContent)
    first, _, last = message.content.text.rpartition("\n\n")
    return first.split("`")[1], last


async def test_a_profile_without_agents_offers_nothing_of_them(place: Place, era: str) -> None:
    await place.network.agent("echo")
    await place.put_profile("none", servers=[], agents=[])
    async with place.host(era, "none") as client:
        assert (await client.list_prompts()).prompts == []
        assert (await client.list_resources()).resources == []
        with pytest.raises(MCPError):
            await client.read_resource("agentnet://agents/echo/card")
