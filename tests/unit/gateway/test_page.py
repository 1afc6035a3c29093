"""What a browser gets at the gateway's root."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from gateway.access import rules
from gateway.page import page


def test_a_browser_gets_a_page_that_says_what_this_is() -> None:
    answer = TestClient(Starlette(routes=[Route("/", page)])).get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "gateway of a network of AI agents" in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert len(answer.content) < 4096


def test_it_needs_no_key() -> None:
    assert rules(lambda _: False)["GET /"].is_open({"type": "http", "headers": []})
