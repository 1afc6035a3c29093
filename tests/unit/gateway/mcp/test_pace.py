"""The rate of notifications on a stream, by a clock of the test's own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mcp.messages.jsonrpc import event, write
from gateway.mcp.messages.pace import MAX_HELD, MAX_HELD_BYTES, Pace
from gateway.mcp.messages.reply import MAX_UNHEARD, NoiseError, Unheard

PER_SECOND = 5


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(number: float, token: str | int = "t", message: str = "") -> bytes:
    params = {"progressToken": token, "progress": number, "message": message}
    return event(write({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))


def log(text: str) -> bytes:
    params = {"level": "error", "data": text}
    return event(write({"jsonrpc": "2.0", "method": "notifications/message", "params": params}))


def answer(text: str = "notifications/progress") -> bytes:
    return event(write({"jsonrpc": "2.0", "id": 1, "result": {"text": text}}))


def messages(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[5:]) for line in data.splitlines() if line.startswith(b"data:")]


def numbers(data: bytes) -> list[float]:
    return [one["params"]["progress"] for one in messages(data) if one.get("method") == "notifications/progress"]


def test_bytes_under_the_rate_are_the_same_object() -> None:
    pace = Pace(PER_SECOND, Clock())
    for number in range(PER_SECOND):
        data = progress(number)
        assert pace.passed(data) is data


def test_of_what_comes_too_fast_the_newest_goes_out_when_the_second_is_over() -> None:
    clock = Clock()
    pace = Pace(PER_SECOND, clock)
    out = b"".join(pace.passed(progress(number)) for number in range(50))
    assert numbers(out) == [0, 1, 2, 3, 4]
    assert pace.holds and 0 < pace.seconds_left <= 1
    clock.now += 1
    assert pace.seconds_left == 0
    assert numbers(pace.held()) == [49] and not pace.holds
    assert numbers(pace.passed(progress(50))) == [50]


def test_the_newest_stands_before_the_answer_even_in_one_piece_and_the_answer_is_untouched() -> None:
    pace = Pace(PER_SECOND, Clock())
    out = pace.passed(b"".join(progress(number) for number in range(50)) + answer())
    assert numbers(out) == [49]
    assert out.endswith(answer())


def test_events_with_carriage_returns_and_escaped_slashes_are_known_too() -> None:
    pace = Pace(PER_SECOND, Clock())
    odd = [one.replace(b"\n", b"\r\n").replace(b"/progress", rb"\/progress") for one in map(progress, range(50))]
    assert numbers(pace.passed(b"".join(odd)) + pace.held()) == [49]


def test_each_token_has_its_newest_and_there_are_not_endlessly_many() -> None:
    pace = Pace(PER_SECOND, Clock())
    out = b"".join(pace.passed(progress(number, token)) for number in range(20) for token in ("a", "1", 1))
    newest = {one["params"]["progressToken"]: one["params"]["progress"] for one in messages(out + pace.held())}
    assert newest == {"a": 19, "1": 19, 1: 19}
    many = b"".join(pace.passed(progress(1, f"t{number}")) for number in range(10 * MAX_HELD))
    assert len(numbers(many)) >= 9 * MAX_HELD


def test_a_large_report_does_not_wait() -> None:
    pace = Pace(1, Clock())
    large = progress(1, message="x" * MAX_HELD_BYTES)
    assert [pace.passed(large) for _ in range(3)] == [large] * 3


def test_log_messages_above_the_rate_are_counted_and_the_count_is_told() -> None:
    pace = Pace(PER_SECOND, Clock())
    out = b"".join(pace.passed(log(str(number))) for number in range(50)) + pace.passed(answer())
    told = messages(out)
    assert [one["params"]["data"] for one in told[:PER_SECOND]] == ["0", "1", "2", "3", "4"]
    assert told[PER_SECOND]["params"] == {
        "level": "error",
        "logger": "agentnet",
        "data": "45 log messages were left out: more than 5 notifications in a second.",
    }
    assert told[-1]["id"] == 1 and len(told) == PER_SECOND + 2


steps = st.lists(st.tuples(st.sampled_from(("progress", "log", "answer", "junk")), st.floats(0, 0.7)), max_size=60)


@given(steps)
def test_progress_stays_in_order_and_nothing_else_is_lost(
    given_steps: list[tuple[str, float]],
) -> None:
    clock = Clock()
    pace = Pace(PER_SECOND, clock)
    out, count, logs, others = b"", 0, 0, 0
    for kind, seconds in given_steps:
        clock.now += seconds
        count += kind == "progress"
        logs += kind == "log"
        others += kind in ("answer", "junk")
        made = {"progress": progress(count), "log": log("l"), "answer": answer(), "junk": event(b"notifications {")}
        out += pace.passed(made[kind])
    out += pace.held()
    heard = numbers(out.replace(b"notifications {", b"{}"))
    assert heard == sorted(set(heard)) and heard[-1:] == ([count] if count else [])
    assert out.count(b'"id":1') + out.count(b"notifications {") == others


def test_a_call_whose_client_left_bears_some_notifications_a_second_and_no_flood() -> None:
    clock = Clock()
    steady, flood = Unheard(20, clock), Unheard(20, clock)
    for _ in range(6000):  # five minutes
        clock.now += 0.05
        steady.count()
    with pytest.raises(NoiseError):
        for _ in range(MAX_UNHEARD + 1):
            flood.count()
