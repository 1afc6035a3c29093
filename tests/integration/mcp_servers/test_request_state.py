"""A user's own server that asks: its `requestState` is worth the same at every replica, and nothing to others."""

import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

pytestmark = pytest.mark.anyio

SERVER = '''
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

mcp = MCPServer("asker")


@mcp.tool(structured_output=False)
async def count(ctx: Context) -> str | InputRequiredResult:
    """Counts its calls in what it gives the caller to keep."""
    if ctx.request_state is not None:
        return f"call {ctx.request_state}"
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    params = ElicitRequestFormParams(message="Who are you?", requested_schema=schema)
    return InputRequiredResult(input_requests={"who": ElicitRequest(params=params)}, request_state="2")
'''


async def ask(client: Client, **more) -> CallToolResult | InputRequiredResult:
    return await client.session.call_tool("count", {}, allow_input_required=True, **more)


async def nobody(context: object, params: object) -> ElicitResult:
    raise AssertionError("the test answers by itself")


@pytest.fixture
def servers(tmp_path):
    (tmp_path / "asker").mkdir()
    (tmp_path / "asker" / "server.py").write_text(SERVER)
    return [tmp_path]


async def test_what_one_replica_asked_another_goes_on_with_for_the_same_caller_only(serve, tenant, servers):
    async with serve("asker", mcp_dirs=servers) as one, serve("asker", mcp_dirs=servers) as other:
        async with one.client(tenant, elicitation_callback=nobody) as client:
            asked = await ask(client)
        retry = {"input_responses": {"who": ElicitResult(action="decline")}, "request_state": asked.request_state}
        async with other.client("somebody-else", elicitation_callback=nobody) as client:
            with pytest.raises(MCPError, match="requestState"):
                await ask(client, **retry)
        async with other.client(tenant, elicitation_callback=nobody) as client:
            answer = await ask(client, **retry)
    assert answer.content[0].text == "call 2"
