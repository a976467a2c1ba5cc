"""Splitting event streams: line ends of every kind, any cut, bounded memory."""

import pytest
from fakes.growth import grows_evenly

from gateway.protocol.sse import BEYOND, EventSplitter, like_events
from gateway.protocol.telling import Telling

LIMIT = 1000


class Beyond:
    """Keeps what it is fed of each event that is over the limit."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self._open = b""

    def feed(self, chunk: bytes) -> None:
        self._open += chunk

    def end(self) -> None:
        self.events.append(self._open)
        self._open = b""


def split(stream: bytes, size: int, *, limit: int = LIMIT, beyond: Beyond | None = None) -> tuple[list[bytes], int]:
    splitter = EventSplitter(limit, beyond)
    events = [event for at in range(0, len(stream), size) for event in splitter.feed(stream[at : at + size])]
    return events + splitter.finish(), splitter.oversized


STREAMS = [
    (b"", []),
    (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    (b"data: a\n\r\ndata: b\r\n\n", [b"a", b"b"]),
    (b"data: a\r\r\ndata: b\n\n", [b"a", b"b"]),
    (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    (b'event: x\ndata: {"a":1}\nid: 7\n\n', [b'{"a":1}']),
    (b"data: one\ndata: two\n\n", [b"one\ntwo"]),
    (b"data: one\r\ndata: two\r\n\r\n", [b"one\ntwo"]),
    (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
    (b"data\n\ndata:\n\n", [b"", b""]),
    (b": comment\n\nevent: ping\n\ndatabase: x\n\n", []),
    (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    (b"\n\n\n\xef\xbb\xbfdata: a\n\ndata: b\n\n", [b"b"]),
    (b"data: \xc3\xa4\xe2\x82\xac\n\n", ["ä€".encode()]),
    (b"data: [DONE]", [b"[DONE]"]),
    (b"data: [DONE]\n", [b"[DONE]"]),
    (b"data: [DONE]\r\n", [b"[DONE]"]),
]


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
@pytest.mark.stand_ins  # a method of a compiled class is replaced
def test_blank_lines_are_passed_over_many_at_a_time(ending: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    close = EventSplitter._close

    def counting(self: EventSplitter, begin: int, end: int, events: list[bytes]) -> None:
        closed.append(end)
        close(self, begin, end, events)

    monkeypatch.setattr(EventSplitter, "_close", counting)
    assert split(b"data: a" + ending * 100_000 + b"data: b" + ending * 2, 65_536) == ([b"a", b"b"], 0)
    assert len(closed) < 20


@pytest.mark.parametrize(("stream", "events"), STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_events_do_not_depend_on_the_cut(stream: bytes, events: list[bytes], size: int) -> None:
    assert split(stream, size) == (events, 0)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_an_event_over_the_limit_is_counted_and_left_out(size: int, end: bytes) -> None:
    stream = b"data: a" + end + b"data: " + b"x" * 500 + end + b"data: b" + end
    assert split(stream, size, limit=100) == ([b"a", b"b"], 1)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_or_goes_beyond_in_pieces(size: int, end: bytes) -> None:
    long = b"event: x\ndata: " + b"x" * 500 + b"END"
    beyond = Beyond()
    stream = b"data: a" + end + long + end + b"data: b" + end + long + b"2" + end + b"event: " + b"y" * 500 + end
    assert split(stream, size, limit=50, beyond=beyond) == ([b"a", BEYOND, b"b", BEYOND], 3), "the last has no data"
    assert beyond.events == [b"x" * 500 + b"END", b"x" * 500 + b"END2"]


@pytest.mark.parametrize(
    ("start", "like"),
    [
        (b"data: {}", True),
        (b"data:{}", True),
        (b"event: a", True),
        (b": hello", True),
        (b"id: 1", True),
        (b"retry: 3", True),
        (b"\xef\xbb\xbfdata:", True),
        (b"\r\n\n\ndata:", True),
        (b"", None),
        (b"d", None),
        (b"\n\nretr", None),
        (b"\xef\xbb", None),
        (b"{", False),
        (b"[1", False),
        (b" data:", False),
        (b"database", False),
        (b"<html>", False),
        (b"\n" * 65, False),
    ],
)
def test_what_begins_like_events(start: bytes, like: bool | None) -> None:
    assert like_events(start) is like


@pytest.mark.parametrize(
    ("stream", "failed"),
    [
        (b"event: error\ndata: x\n\n", True),
        (b"data: x\r\nevent:error\r\n\r\n", True),
        (b"data: event: error\n\n", False),
        (b"event: x\ndata: error\n\n", False),
    ],
)
def test_an_event_called_error_is_noticed(stream: bytes, failed: bool) -> None:
    splitter = EventSplitter(LIMIT)
    splitter.feed(stream)
    assert splitter.failed is failed


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_event_of_just_the_limit_is_whole(size: int) -> None:
    assert split(b"data: 1234\n\n", size, limit=10) == ([b"1234"], 0)
    assert split(b"data: 12345\n\n", size, limit=10) == ([], 1)


def test_an_endless_event_is_not_hoarded() -> None:
    splitter = EventSplitter(100)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
        assert len(splitter._held) <= 110
    assert splitter.feed(b"\n\ndata: a\n\n") == [b"a"]


def test_clean_means_between_two_events() -> None:
    splitter = EventSplitter(LIMIT)
    assert splitter.clean
    for chunk, clean in [(b"data: a", False), (b"\n", False), (b"\n", True), (b"data: b\r\n\r", False), (b"\n", True)]:
        splitter.feed(chunk)
        assert splitter.clean is clean


@pytest.mark.parametrize(
    "piece", [b"\r\n", b"\r", b"\n", b"\r\r\n", b"data", b"data\r", b"data: x\n", b"data: x\r\n\r\n", b"\n\r\n"]
)
@pytest.mark.parametrize("size", [100, 1_000_000])
@pytest.mark.timeout(60)
def test_time_grows_with_the_stream_and_no_faster(piece: bytes, size: int) -> None:
    assert grows_evenly(lambda stream: split(stream, size, limit=65536, beyond=Beyond()), b"data: a", piece)


def told(stream: bytes, size: int, limit: int = 65536) -> tuple[list[bytes], list[bytes], int]:
    """Of a stream's wanted events those told as it passes, those told at its end, and how many steps it took."""
    splitter = EventSplitter(limit, Beyond(), Telling(meta=False))
    events = [event for at in range(0, len(stream), size) for event in splitter.feed(stream[at : at + size])]
    return events, splitter.finish(), splitter.steps


@pytest.mark.parametrize("size", [1, 7, 100, 1_000_000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n\n"])
def test_only_the_first_and_what_may_tell_is_told(size: int, end: bytes) -> None:
    events = [b": hi", b"id: 1", b"data: a", b"data: b", b'event: x\ndata: "usage"', b"data: c", b"event: error\ndata: d", b"x"]
    stream = b"\xef\xbb\xbf" + b"".join(event + end for event in events) + b"data: e"
    assert told(stream, size) == ([b"a", b'"usage"', b"d"], [b"e"], 3)


@pytest.mark.parametrize("size", [1, 19, 1000, 1_000_000])
def test_of_more_events_than_their_bytes_allow_the_last_is_told_at_the_end(size: int) -> None:
    stream = b"".join(b'data: {"usage":%d}\n\n' % number for number in range(3_000))
    events, end, steps = told(stream, size)
    assert steps == len(events) <= 64 + len(stream) // 512 + 1
    assert events[:64] == [b'{"usage":%d}' % number for number in range(64)]
    assert end in ([b'{"usage":2999}'], [])
    assert (events + end)[-1] == b'{"usage":2999}'
    assert (events, end, steps) == told(stream, 512)


@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
def test_what_is_told_later_leaves_nothing_waiting(size: int) -> None:
    crowd = b"".join(b'data: {"usage":%d}\n\n' % number for number in range(100))
    silence = b"data: x\n\n" * 2_000
    assert told(crowd + silence + b'data: "usage"\n\n', size)[0][-1] == b'"usage"'
    assert told(crowd + silence + b'data: "usage"\n\n', size)[1] == []
    assert told(crowd + silence, size)[1] == [b'{"usage":99}']


HOSTILE = [b'data:{"usage":1}', b'data:"error"', b"event:error", b"event:error\ndata", b'data\r:"usage"', b"data", b"x",
           b'\n:"usage"', b"database"]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("size", [100, 1_000_000])
@pytest.mark.stand_ins  # a method of a compiled class is replaced
def test_events_are_closed_as_far_as_their_bytes_allow(piece: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is told and two that wait for each share of bytes, and one that waits at the end of each chunk."""
    closed: list[int] = []
    close = EventSplitter._close

    def counting(self: EventSplitter, begin: int, end: int, events: list[bytes]) -> None:
        closed.append(end)
        close(self, begin, end, events)

    monkeypatch.setattr(EventSplitter, "_close", counting)
    for end in (b"\n\n", b"\r\r", b"\r\n\r\n"):
        stream = (piece + end) * (200_000 // len(piece + end))
        closed.clear()
        told(stream, size)
        assert len(closed) <= 64 + 3 * (len(stream) // 512 + 1) + len(stream) // size + 1
