"""Chunked bodies under any chunking of the network: same payload, and a passed frame decodes to the same."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upstream.framing import BadFraming, Chunked, Counted, framing_for

_PLAIN_TEXT = st.text("abc =\"'\t", max_size=20).map(str.encode)
_CHUNK = st.tuples(
    st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from([b"\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"x" * 300])),
    st.integers(0, 4),
    st.booleans(),
    st.one_of(st.just(b""), st.just(b""), _PLAIN_TEXT.map(lambda text: b";" + text)),
)
_TRAILERS = st.lists(st.tuples(st.text("abcx-", min_size=1, max_size=8), _PLAIN_TEXT), max_size=2)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Wire bytes and payload."""
    wire = payload = b""
    for content, zeros, upper, extension in draw(st.lists(_CHUNK, max_size=6)):
        size = b"%X" % len(content) if upper else b"%x" % len(content)
        wire += b"0" * zeros + size + extension + b"\r\n" + content + b"\r\n"
        payload += content
    wire += b"0\r\n" + b"".join(name.encode() + b": " + value + b"\r\n" for name, value in draw(_TRAILERS)) + b"\r\n"
    return wire, payload


def cut(wire: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted({place % (len(wire) + 1) for place in places}), len(wire)]
    return [wire[start:stop] for start, stop in itertools.pairwise(at) if start < stop]


def decoded(frames: bytes) -> bytes:
    """An independent, simple reading of whole chunks."""
    payload = b""
    while frames:
        size, _, rest = frames.partition(b"\r\n")
        length = int(size, 16)
        payload += rest[:length]
        assert rest[length : length + 2] == b"\r\n"
        frames = rest[length + 2 :]
    return payload


@settings(max_examples=300, deadline=None)
@given(chunked_bodies(), st.lists(st.integers(0, 4000), max_size=12))
def test_any_chunking_gives_the_same_payload(body: tuple[bytes, bytes], places: list[int]) -> None:
    wire, payload = body
    framing = Chunked()
    got = b""
    for piece in cut(wire, places):
        assert not framing.done
        part = framing.feed(piece)
        got += part
        if framing.frame is not None:
            assert framing.frame == piece
            assert decoded(piece) == part
    assert got == payload
    assert (framing.done, framing.clean) == (True, True)


@settings(max_examples=200, deadline=None)
@given(chunked_bodies(), st.integers(0, 4000), st.lists(st.integers(0, 4000), max_size=6))
def test_a_cut_body_is_never_whole(body: tuple[bytes, bytes], end: int, places: list[int]) -> None:
    wire, payload = body
    framing = Chunked()
    short = wire[: end % len(wire)]
    assert payload.startswith(b"".join(map(framing.feed, cut(short, places))))
    assert not framing.end()


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.text("0123456789abcdefx;\r\n \t", max_size=60).map(str.encode)),
    st.lists(st.integers(0, 200), max_size=4),
)
def test_foreign_bytes_are_refused_alike_in_any_chunking(data: bytes, places: list[int]) -> None:
    def read(pieces: list[bytes]) -> tuple[bytes, bool] | None:
        framing = Chunked()
        try:
            return b"".join(map(framing.feed, pieces)), framing.done
        except BadFraming:
            return None

    whole, pieces = read([data]), read(cut(data, places))
    # A piece may end before the fault shows; once it shows, no chunking hides it.
    if whole is not None and pieces is not None:
        assert whole == pieces
    else:
        assert whole is pieces is None


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=100), st.integers(0, 120), st.lists(st.integers(0, 100), max_size=5))
def test_a_counted_body_never_gives_more_than_its_length(data: bytes, length: int, places: list[int]) -> None:
    framing = Counted(length or 1)
    got = b"".join(map(framing.feed, cut(data, places)))
    assert got == data[: length or 1]
    assert framing.done is (len(data) >= (length or 1))
    assert framing.clean is (len(data) <= (length or 1))


_FIELD = st.tuples(
    st.sampled_from([b"content-length", b"transfer-encoding", b"x-other"]),
    st.one_of(st.sampled_from([b"5", b"0", b"chunked", b"gzip, chunked", b"5, 5"]), st.binary(max_size=6)),
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["GET", "HEAD", "POST"]), st.integers(200, 599), st.lists(_FIELD, max_size=3))
def test_a_framing_is_chosen_or_refused(method: str, status: int, fields: list[tuple[bytes, bytes]]) -> None:
    try:
        framing, length = framing_for(method, status, tuple(fields))
    except BadFraming:
        return
    kinds = {name.lower() for name, _ in fields} - {b"x-other"}
    assert len(kinds) <= 1
    assert length is None or length >= 0
    assert isinstance(framing, Chunked) is (b"transfer-encoding" in kinds and method != "HEAD" and status not in (204, 304))
