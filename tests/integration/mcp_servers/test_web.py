import asyncio
import socket

import pytest
import uvicorn
from starlette.responses import HTMLResponse, Response

pytestmark = pytest.mark.anyio


@pytest.fixture
async def site():
    """A page on this machine."""

    async def app(scope, receive, send):
        page = "<title>Home</title><h1>Welcome</h1>" + "<p>word</p>" * 500
        answer = HTMLResponse(page) if scope["path"] == "/" else Response(status_code=404, media_type="text/plain")
        await answer(scope, receive, send)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_a_page_is_read_as_markdown(serve, tenant, site):
    async with serve("web", allow_private_urls=True) as served, served.client(tenant) as client:
        result = await client.call_tool("fetch", {"url": site, "max_characters": 100})
        missing = await client.call_tool("fetch", {"url": f"{site}/nothing"})
    page = result.structured_content
    assert page["title"] == "Home" and page["text"].startswith("# Welcome") and page["truncated"]
    assert "cut after 100" in result.content[0].text
    assert missing.is_error and missing.content[0].text == f"{site}/nothing answered with status 404."


async def test_the_inside_of_the_network_is_out_of_reach(serve, tenant, site):
    async with serve("web") as served, served.client(tenant) as client:
        for url in (
            site,
            f"{served.url}/health",
            "http://169.254.169.254/",
            "http://localhost:8700",
            "file:///etc/passwd",
        ):
            result = await client.call_tool("fetch", {"url": url})
            assert result.is_error, url
