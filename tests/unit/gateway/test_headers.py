from gateway.http.headers import to_agent, to_client


def test_the_credential_and_hop_by_hop_headers_stay_behind() -> None:
    headers = [
        (b"host", b"gateway"),
        (b"authorization", b"Bearer ank_secret"),
        (b"x-api-key", b"ank_secret"),
        (b"connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"a2a-version", b"1.0"),
        (b"last-event-id", b"7"),
    ]
    sent = to_agent(headers, "token")
    names = [name for name, _ in sent]
    assert names == [b"a2a-version", b"last-event-id", b"authorization", b"traceparent"]
    assert (b"authorization", b"Bearer token") in sent


def test_a_stream_is_marked_for_proxies_and_carries_no_length() -> None:
    answer = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"content-length", b"5"), (b"server", b"x")]
    assert to_client(answer) == [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


def test_a_plain_answer_keeps_its_length_and_encoding() -> None:
    answer = [(b"content-type", b"application/json"), (b"content-length", b"5"), (b"content-encoding", b"gzip")]
    assert to_client(answer) == answer
