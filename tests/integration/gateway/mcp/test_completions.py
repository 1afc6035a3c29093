"""What is completed where a server completes nothing, and cursors of lists that have one page."""

from typing import Any

import mcp_types as types
import pytest
from mcp import MCPError
from mcp.server.mcpserver import MCPServer

from agentnet.process.service import bind
from tests.integration.gateway.echo import serving
from tests.integration.gateway.mcp.conftest import ERAS, Place

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

REFERENCES: dict[str, types.PromptReference | types.ResourceTemplateReference] = {
    "a prompt": types.PromptReference(type="ref/prompt", name="alpha__review"),
    "a template": types.ResourceTemplateReference(type="ref/resource", uri="alpha://users/{user}"),
}


@pytest.mark.parametrize("stateless", [True, False])
@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)
async def test_nothing_is_completed_for_a_server_that_completes_nothing(
    place: Place, era: str, reference: types.PromptReference | types.ResourceTemplateReference, stateless: bool
) -> None:
    server = MCPServer[Any]("alpha", log_level="ERROR")

    @server.prompt()
    def review(code: str) -> str:
        return f"Review {code}"

    @server.resource("alpha://users/{user}")
    def user(user: str) -> str:
        return user

    listener = bind("127.0.0.1", 0, "alpha")
    await place.stack.enter_async_context(
        serving(server.streamable_http_app(stateless_http=stateless, json_response=stateless), listener)
    )
    await place.register("alpha", f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")
    async with place.host(era) as client:
        answer = await client.complete(reference, {"name": "code", "value": "p"})
        assert (answer.completion.values, answer.completion.has_more) == ([], False)


@pytest.mark.parametrize("mode", ["find", "list"])
@pytest.mark.parametrize("cursor", ["garbage", "", "0", "1", "-1", "\0"])
async def test_a_cursor_that_no_list_gave_is_refused_in_every_mode(
    place: Place, era: str, mode: str, cursor: str
) -> None:
    await place.put_profile("one", mode=mode)
    async with place.host(era, "one") as client:
        with pytest.raises(MCPError) as refused:
            await client.list_tools(cursor=cursor)
        assert refused.value.error.code == types.INVALID_PARAMS
