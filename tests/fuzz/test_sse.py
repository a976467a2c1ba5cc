"""Any way to cut a stream gives the same events, and they are those of a plain reading of the standard."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.protocol.sse import BEYOND, EventSplitter
from gateway.protocol.telling import Telling

PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"data:",
        b"data: ",
        b"data",
        b"event: x",
        b"event: error",
        b":",
        b" ",
        b"{}",
        b"x",
        b"\xef\xbb\xbf",
        b"\xc3",
    ]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def chunks(stream: bytes, cuts: list[int]) -> list[bytes]:
    parts, at, turn = [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        parts.append(stream[at : at + size])
        at, turn = at + size, turn + 1
    return parts


class Beyond:
    def __init__(self) -> None:
        self.told = b""

    def feed(self, chunk: bytes) -> None:
        self.told += chunk

    def end(self) -> None:
        self.told += b"|"


def run(parts: list[bytes], limit: int) -> tuple[list[bytes], list[bytes], int, bytes, bool]:
    beyond = Beyond()
    splitter = EventSplitter(limit, beyond)
    events = []
    for part in parts:
        events += splitter.feed(part)
        assert len(splitter._held) <= limit + 8
    return events, splitter.finish(), splitter.oversized, beyond.told, splitter.failed


def by_the_standard(stream: bytes) -> list[bytes]:
    """WHATWG HTML section 9.2.6, line by line."""
    events, data = [], []
    lines = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:
        if not line and data:
            events.append(b"\n".join(data))
            data = []
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
    return events


@settings(max_examples=300, deadline=None)
@given(STREAMS, CUTS, st.integers(1, 40))
def test_any_cut_gives_the_same_events(stream: bytes, cuts: list[int], limit: int) -> None:
    assert run(chunks(stream, cuts), limit) == run([stream], limit)


@settings(max_examples=300, deadline=None)
@given(STREAMS, CUTS)
def test_events_are_the_standard_s(stream: bytes, cuts: list[int]) -> None:
    events, _, oversized, _, _ = run(chunks(stream, cuts), 10_000)
    assert events == by_the_standard(stream)
    assert oversized == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(1, 30))
def test_no_bytes_are_too_odd(parts: list[bytes], limit: int) -> None:
    assert run(parts, limit) == run([b"".join(parts)], limit)


WANTED = st.lists(PIECES | st.sampled_from([b'"usage"', b'"error":null', b"event:error"]), max_size=12).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(WANTED, WANTED, WANTED, CUTS, st.integers(5, 700), st.booleans())
@example(b"", b'\ndata:\n\n"usage"', b"\n\n", [1], 61, False)  # the last event that tells has no data
@example(b"", b'data:1\nevent:error\n\ndata:"usage"\n\n', b"", [1], 61, False)  # an error that is not told
@example(b"", b":\n\n\xef\xbb\xbfevent:error", b"", [1], 12, False)  # what looks like a mark within the stream
def test_any_cut_of_more_events_than_allowed_tells_the_same(
    opening: bytes, piece: bytes, ending: bytes, cuts: list[int], limit: int, meta: bool
) -> None:
    stream = opening + piece * 150 + ending

    def told(parts: list[bytes]) -> object:
        splitter = EventSplitter(limit, Beyond(), Telling(meta))
        events = [event for part in parts for event in splitter.feed(part)]
        short = [
            event for event in events if event is not BEYOND
        ]  # of the others those in which nothing is told may be left out
        return short, splitter.finish(), splitter.steps, splitter.failed

    whole = told([stream])
    assert told(chunks(stream, cuts)) == whole
    assert told(chunks(stream, [size * 37 for size in cuts])) == whole
