"""Which era a server is called in."""

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import Place, until
from tests.integration.gateway.mcp.raw import MODERN, answer_in, modern
from tests.integration.gateway.mcp.verbatim import Call, tool, verbatim
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("away", ["server/discover", "initialize"])
async def test_what_a_proxy_says_while_a_server_starts_is_no_word_of_its_eras(place: Place, away: str) -> None:
    async def answer(call: Call) -> None:
        await call.finish(b'{"resultType":"complete","content":[]}')

    upstream, url = await place.stack.enter_async_context(verbatim(answer, tool("act")))
    upstream.away.add(away)
    await place.register("odd", url)
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:

        async def send(method: str, **params: object) -> dict[str, object]:
            message, sent = modern(method, dict(params))
            return await answer_in(await http.post(f"{place.urls[0]}/mcp", json=message, headers=sent))

        assert "odd__act" not in str(await send("tools/list"))
        upstream.away.clear()

        async def is_there() -> bool:
            return "odd__act" in str(await send("tools/list"))

        await until(is_there)
        assert "result" in await send("tools/call", name="odd__act", arguments={})
    assert upstream.headers[-1]["mcp-protocol-version"] == MODERN
