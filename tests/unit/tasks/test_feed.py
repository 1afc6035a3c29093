"""Followers see what the log will say, wherever they begin: checked against every interleaving hypothesis finds."""

import asyncio
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest
from a2a.types.a2a_pb2 import Artifact, Part, StreamResponse, TaskArtifactUpdateEvent
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentnet.errors import InvalidInputError
from agentnet.tasks.feed import Feed
from agentnet.tasks.follower import BUFFERED_EVENTS
from agentnet.tasks.log import LOG_PAGE, FeedItem, LogEvent
from agentnet.tasks.position import WHOLE, Position
from tests.patience import PATIENCE_SECONDS

TASK = uuid4()


def _text(text: str, *, append: bool = True) -> StreamResponse:
    artifact = Artifact(artifact_id="a", parts=[Part(text=text)])
    return StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=artifact, append=append))


def _words(event: StreamResponse) -> str:
    if event.HasField("task"):
        return "again: "
    return event.artifact_update.artifact.parts[0].text


class _Log:
    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self.reads = 0

    async def read(self, _task_id: UUID, seq: int, limit: int) -> list[LogEvent]:
        self.reads += 1
        await asyncio.sleep(0)
        return [stored for stored in self.events if stored.seq > seq][:limit]


async def _collect(feed: Feed, after: Position, until: str) -> list[str]:
    seen: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(feed.follow(after)) as items:
        async for item in items:
            assert item is not None
            seen.append(_words(item.event))
            if "".join(seen).endswith(until):
                return seen
    raise AssertionError("the feed ended")


@pytest.mark.anyio
async def test_a_follower_of_a_local_run_needs_no_look_into_the_log() -> None:
    log = _Log()
    feed = Feed(TASK, log.read)
    generation = feed.attach(1)
    follower = asyncio.create_task(_collect(feed, Position(1, 1, WHOLE, 1), "!"))
    await asyncio.sleep(0)
    for seq, word in enumerate(("a", "b", "!"), start=2):
        feed.publish(FeedItem(Position(seq, 1, WHOLE, seq), _text(word)), generation)
    assert await follower == ["a", "b", "!"]
    assert log.reads == 0


@pytest.mark.anyio
async def test_a_client_that_saw_half_of_an_open_event_gets_the_other_half() -> None:
    log = _Log()
    log.events = [LogEvent(2, 1, _text("hello world!"))]
    feed = Feed(TASK, log.read)
    assert await _collect(feed, Position(2, 1, 6, 1), "!") == ["world!"]


@pytest.mark.anyio
async def test_an_event_that_another_replica_wrote_anew_is_sent_whole() -> None:
    log = _Log()
    log.events = [LogEvent(2, 2, _text("other words!", append=False))]
    feed = Feed(TASK, log.read)
    assert await _collect(feed, Position(2, 1, 6, 1), "!") == ["again: ", "other words!"]


@pytest.mark.anyio
async def test_a_follower_behind_the_buffer_is_served_from_the_log() -> None:
    log = _Log()
    feed = Feed(TASK, log.read)
    generation = feed.attach(0)
    for seq in range(1, 1001):
        event = _text("!" if seq == 1000 else ".")
        log.events.append(LogEvent(seq, 1, event))
        feed.publish(FeedItem(Position(seq, 1, WHOLE, seq), event), generation)
    seen = await _collect(feed, Position(0, 1, WHOLE, 0), "!")
    assert len(seen) == 1000


@pytest.mark.anyio
async def test_many_followers_of_a_task_elsewhere_share_one_read_of_the_log() -> None:
    log = _Log()
    log.events = [LogEvent(1, 1, _text("a"))]
    feed = Feed(TASK, log.read)
    followers = [asyncio.create_task(_collect(feed, Position(1, 1, WHOLE, 1), "!")) for _ in range(50)]
    for _ in range(20):
        await asyncio.sleep(0)
    before = log.reads
    log.events.append(LogEvent(2, 1, _text("!")))
    feed.wake()
    assert await asyncio.gather(*followers) == [["!"]] * 50
    assert log.reads - before <= 2


@pytest.mark.anyio
async def test_a_slow_follower_misses_no_piece_of_an_event_that_grew_out_of_the_buffer() -> None:
    log = _Log()
    feed = Feed(TASK, log.read)
    generation = feed.attach(0)
    pieces = ["abcde"[number % 5] for number in range(3 * BUFFERED_EVENTS)]
    async with aclosing(feed.follow(Position(0, 1, WHOLE, 0))) as items:
        for end, piece in enumerate(pieces, start=1):
            feed.publish(FeedItem(Position(1, 1, end, 0), _text(piece)), generation)
            if end == 1:
                first = await anext(items)
        log.events.append(LogEvent(1, 1, _text("".join(pieces))))
        feed.publish(FeedItem(Position(2, 1, WHOLE, 1), _text("!")), generation)
        log.events.append(LogEvent(2, 1, _text("!")))
        got = _words(first.event) if first else ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not got.endswith("!"):
                item = await anext(items)
                got += _words(item.event) if item else ""
    assert got == "".join(pieces) + "!"


@pytest.mark.anyio
async def test_what_a_dead_run_had_not_stored_is_taken_back() -> None:
    log = _Log()
    log.events = [LogEvent(1, 1, _text("a"))]
    feed = Feed(TASK, log.read)
    generation = feed.attach(1)
    follower = asyncio.create_task(_collect(feed, Position(1, 1, WHOLE, 1), "!"))
    await asyncio.sleep(0)
    feed.publish(FeedItem(Position(2, 1, 3, 1), _text("bad")), generation)
    await asyncio.sleep(0)
    feed.reset(generation)
    log.events.append(LogEvent(2, 2, _text("good!", append=False)))
    feed.wake()
    assert await follower == ["bad", "again: ", "good!"]


@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(st.text("xyz", min_size=1, max_size=6), min_size=1, max_size=12),
    start=st.integers(0, 12),
    offset=st.integers(0, 6),
    stored=st.integers(0, 12),
    local=st.booleans(),
)
def test_nothing_is_lost_and_nothing_comes_twice(
    texts: list[str], start: int, offset: int, stored: int, local: bool
) -> None:
    """Events 1..n hold `texts`; a client that saw up to `start` and `offset` characters more gets exactly the rest."""

    async def scenario() -> None:
        log = _Log()
        feed = Feed(TASK, log.read)
        n = len(texts)
        durable = min(stored, n) if local else n
        log.events = [LogEvent(seq, 1, _text(text)) for seq, text in enumerate(texts[:durable], start=1)]
        if local:
            generation = feed.attach(0)
            for seq, text in enumerate(texts, start=1):
                for end in range(1, len(text) + 1):
                    position = Position(seq, 1, end, min(durable, seq - 1))
                    feed.publish(FeedItem(position, _text(text[end - 1])), generation)
        seen = min(start, n)
        after = Position(seen, 1, WHOLE, min(seen, durable))
        rest = "".join(texts[seen:])
        if seen < n and offset:
            cut = min(offset, len(texts[seen]))
            after, rest = Position(seen + 1, 1, cut, min(seen, durable)), rest[cut:]
        got = ""
        async with aclosing(feed.follow(after)) as items:
            while len(got) < len(rest):
                async with asyncio.timeout(2):
                    item = await anext(items)
                    assert item is not None
                    got += _words(item.event)
        assert got == rest

    asyncio.run(scenario())


@example(steps=["x", "y", "z", -2, "lost", -4])
@example(steps=["x", 1, "y", "z", "x", -3, "lost", -1, "z", -4, "taken over", "y"])
@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.text("xyz", min_size=1, max_size=3),  # what the run shows next
            st.integers(1, 4),  # so many events are stored
            st.sampled_from(["lost", "taken over"]),  # the lease of the run
            st.integers(-4, -1),  # the follower has so many turns of the loop
        ),
        min_size=8,
        max_size=40,
    )
)
def test_a_follower_ends_with_what_the_log_says_whichever_runs_lose_their_leases(steps: list[str | int]) -> None:
    async def scenario() -> None:
        log, shown, epoch = _Log(), list[str](), 1
        log.events = [LogEvent(1, 1, _text("."))]
        feed = Feed(TASK, log.read)
        generation = feed.attach(1)
        seen = "."

        async def follow() -> None:
            nonlocal seen
            async with aclosing(feed.follow(Position(1, 1, WHOLE, 1))) as items:
                while not seen.endswith("!"):
                    item = await anext(items)
                    await asyncio.sleep(0)  # things may happen while it stands amid the buffer
                    if item is not None and item.event.HasField("task"):
                        seen = item.event.task.artifacts[0].parts[0].text
                    elif item is not None:
                        seen += _words(item.event)

        def show(text: str) -> None:
            shown.append(text)
            durable = len(log.events)
            feed.publish(FeedItem(Position(durable + len(shown), epoch, WHOLE, durable), _text(text)), generation)

        def store(count: int) -> None:
            for text in shown[:count]:
                log.events.append(LogEvent(len(log.events) + 1, epoch, _text(text)))
            del shown[:count]

        following = asyncio.create_task(follow())
        await asyncio.sleep(0)
        for step in [*steps, "taken over", "!", 1]:
            if step in ("lost", "taken over"):
                shown.clear()
                epoch += 1
                if step == "lost":
                    feed.reset(generation)
                generation = feed.attach(len(log.events))
            elif isinstance(step, str):
                show(step)
            elif step > 0:
                store(step)
            else:
                for _ in range(-step):
                    await asyncio.sleep(0)
        feed.detach(generation)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await following
        assert seen == "".join(_words(stored.event) for stored in log.events)

    asyncio.run(scenario())


def test_a_position_survives_its_way_through_a_client() -> None:
    position = Position(12, 3, 40, 11)
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize("text", ["", "1", "1.2.3", "a.b.c.d", "1.1.1.9", "-1.0.-1.0", "1.1.-5.1", "9" * 5000])
def test_a_wrong_event_id_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInputError, match="not an event id"):
        Position.parse(text)


@pytest.mark.anyio
async def test_a_signal_that_comes_while_the_log_is_read_is_not_lost() -> None:
    words = ["a", "b", "c", "!"]
    events: list[LogEvent] = []

    async def read(_task_id: UUID, seq: int, limit: int) -> list[LogEvent]:
        found = [stored for stored in events if stored.seq > seq][:limit]
        if len(events) < len(words):  # stored, and told of, after the database has answered
            events.append(LogEvent(len(events) + 1, 1, _text(words[len(events)])))
            feed.wake()
        await asyncio.sleep(0)
        return found

    feed = Feed(TASK, read)
    async with asyncio.timeout(2):  # less than the time after which a follower looks without a signal
        assert await _collect(feed, Position(0), "!") == words


@pytest.mark.anyio
async def test_a_run_whose_lease_was_lost_is_heard_no_more_once_another_runs_here() -> None:
    log = _Log()
    feed = Feed(TASK, log.read)
    lost = feed.attach(1)
    follower = asyncio.create_task(_collect(feed, Position(1, 1, WHOLE, 1), "!"))
    await asyncio.sleep(0)
    feed.publish(FeedItem(Position(2, 1, WHOLE, 1), _text("never stored ")), lost)
    await asyncio.sleep(0)
    generation = feed.attach(1)
    feed.publish(FeedItem(Position(2, 2, WHOLE, 1), _text("a")), generation)
    feed.publish(FeedItem(Position(3, 1, WHOLE, 1), _text("also never")), lost)
    feed.reset(lost)
    feed.detach(lost)
    assert feed.is_local
    feed.publish(FeedItem(Position(3, 2, WHOLE, 2), _text("!")), generation)
    assert await follower == ["never stored ", "again: ", "a", "!"]


@pytest.mark.anyio
@pytest.mark.parametrize("runs_on", [True, False])
async def test_a_follower_amid_the_buffer_goes_on_from_the_log_when_the_run_loses_its_lease(runs_on: bool) -> None:
    """Whether nobody has the task yet, or another run of it begins here."""
    log = _Log()
    log.events = [LogEvent(1, 1, _text("a")), LogEvent(2, 1, _text("b"))]
    feed = Feed(TASK, log.read)
    lost = feed.attach(1)
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(feed.follow(Position(1, 1, WHOLE, 1))) as items:
        for seq, word in enumerate(("b", "never stored", "nor was this"), start=2):
            feed.publish(FeedItem(Position(seq, 1, WHOLE, min(seq - 1, 2)), _text(word)), lost)
        seen = [await anext(items), await anext(items)]
        if runs_on:
            generation = feed.attach(2)
            feed.publish(FeedItem(Position(3, 2, WHOLE, 2), _text("!")), generation)
        else:
            feed.reset(lost)
        log.events.append(LogEvent(3, 2, _text("!")))
        seen += [await anext(items), await anext(items)]
    assert [_words(item.event) for item in seen if item] == ["b", "never stored", "again: ", "!"]


@pytest.mark.anyio
async def test_what_was_taken_back_is_read_from_the_log_page_by_page_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agentnet.tasks.feed.POLL_SECONDS", 2 * PATIENCE_SECONDS)  # no follower looks by itself
    log = _Log()
    log.events = [LogEvent(1, 1, _text("a"))]
    feed = Feed(TASK, log.read)
    lost = feed.attach(1)
    async with aclosing(feed.follow(Position(1, 1, WHOLE, 1))) as items:
        feed.publish(FeedItem(Position(2, 1, WHOLE, 1), _text("b")), lost)
        await anext(items)
        count = 2 * LOG_PAGE + 1
        log.events += [LogEvent(seq, 2, _text("!" if seq == count else ".")) for seq in range(2, count + 1)]
        feed.reset(lost)
        seen = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not seen.endswith("!"):
                item = await anext(items)
                seen += _words(item.event) if item else ""
    assert seen == "again: " + "." * (count - 2) + "!"


@pytest.mark.anyio
async def test_a_client_that_saw_what_was_never_stored_gets_the_task_anew_on_its_return() -> None:
    log = _Log()
    log.events = [LogEvent(1, 1, _text("a")), LogEvent(2, 1, _text("b")), LogEvent(3, 2, _text("!"))]
    feed = Feed(TASK, log.read)
    async with aclosing(feed.follow(Position(3, 1, 4, 2))) as items:
        again, last = await anext(items), await anext(items)
    assert again is not None
    assert last is not None
    assert again.event.task.artifacts[0].parts[0].text == "ab"
    assert again.position == Position(2, 0, WHOLE, 2)
    assert _words(last.event) == "!"
