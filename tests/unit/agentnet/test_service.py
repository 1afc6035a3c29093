"""What a service's socket is."""

import socket

from agentnet.process.service import bind


def test_a_listener_names_its_protocol_so_that_asyncio_sends_answers_at_once() -> None:
    with bind("127.0.0.1", 0, "test") as listener:
        assert listener.proto == socket.IPPROTO_TCP
