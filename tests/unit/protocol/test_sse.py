"""Splitting event streams: line ends of every kind, any cut, bounded memory."""

import pytest
from fakes.growth import grows_evenly

from gateway.protocol.sse import EventSplitter

LIMIT = 1000


def split(stream: bytes, size: int, *, limit: int = LIMIT, tails: bool = False) -> tuple[list[bytes], int]:
    splitter = EventSplitter(limit, tails=tails)
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
    (b"data: \xc3\xa4\xe2\x82\xac\n\n", ["ä€".encode()]),
    (b"data: [DONE]", [b"[DONE]"]),
    (b"data: [DONE]\n", [b"[DONE]"]),
    (b"data: [DONE]\r\n", [b"[DONE]"]),
]


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
def test_or_its_end_is_delivered(size: int) -> None:
    stream = b"data: a\r\n\r\ndata: " + b"x" * 500 + b"END\r\n\r\ndata: b\r\n\r\n"
    assert split(stream, size, limit=50, tails=True) == ([b"a", b"x" * 47 + b"END", b"b"], 1)


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
    assert grows_evenly(lambda stream: split(stream, size, limit=65536, tails=True), b"data: a", piece)
