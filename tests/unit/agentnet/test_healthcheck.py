import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from agentnet.frame.healthcheck import is_healthy


@contextmanager
def answering(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/health"
        finally:
            server.shutdown()
            thread.join()


def test_a_service_that_answers_200_is_healthy() -> None:
    with answering(200) as url:
        assert is_healthy(url)


def test_a_service_that_answers_503_is_not_healthy() -> None:
    with answering(503) as url:
        assert not is_healthy(url)


def test_a_service_that_does_not_answer_is_not_healthy() -> None:
    with answering(200) as url:
        pass
    assert not is_healthy(url)


def test_what_is_no_url_is_not_healthy() -> None:
    assert not is_healthy("nonsense")
