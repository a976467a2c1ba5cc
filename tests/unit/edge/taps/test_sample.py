import random

import pytest

from gateway.edge.taps import sample
from gateway.edge.taps.sample import PIECES, Sample
from gateway.model.tokens import HIDDEN_TOKEN, mint_token


def _sampled(limit_bytes, chunks):
    tap = Sample(limit_bytes)
    for chunk in chunks:
        tap.feed(chunk)
    return tap.close()


@pytest.mark.parametrize(
    ("limit_bytes", "chunks", "kept", "complete"),
    [
        (5, [], b"", True),
        (5, [b""], b"", True),
        (5, [b"abc"], b"abc", True),
        (5, [b"abc", b"de"], b"abcde", True),
        (5, [b"abc", b"def"], b"abcde", False),
        (5, [b"abcde", b"f", b"g"], b"abcde", False),
        (5, [b"abcde", b""], b"abcde", True),
        (0, [b"a"], b"", False),
        (0, [], b"", True),
        (9, [b"\0\xff", b"\0"], b"\0\xff\0", True),
        (9, [bytearray(b"ab"), memoryview(b"cd")], b"abcd", True),
    ],
)
def test_the_beginning_is_kept(limit_bytes, chunks, kept, complete):
    assert _sampled(limit_bytes, chunks) == (kept, complete)


def test_any_chunking_gives_the_same():
    draw = random.Random(3)
    body = draw.randbytes(4000)
    for limit_bytes in (0, 1, 1999, 4000, 5000):
        for most in (1, 7, 4000):
            chunks, rest = [], body
            while rest:
                size = draw.randint(1, most)
                chunks.append(rest[:size])
                rest = rest[size:]
            assert _sampled(limit_bytes, chunks) == (body[:limit_bytes], limit_bytes >= 4000)


def test_chunks_are_kept_by_reference_and_single_bytes_are_joined():
    tap, chunk = Sample(1 << 20), b"x" * 1000
    tap.feed(chunk)
    assert tap._loose[0] is chunk
    for _ in range(10 * PIECES):
        tap.feed(b"y")
    assert len(tap._loose) < PIECES
    assert len(tap._joined) == 10


def test_a_long_chunk_is_let_go():
    tap = Sample(10)
    tap.feed(b"z" * 1_000_000)
    assert [len(piece) for piece in tap._loose] == [10]


def test_what_a_reader_changes_later_is_not_in_the_sample():
    tap, buffer = Sample(10), bytearray(b"before")
    tap.feed(buffer)
    buffer[:] = b"after!"
    assert tap.close() == (b"before", True)


@pytest.mark.parametrize("size", [1, 3, 20, 1000])
def test_tokens_are_hidden_however_they_are_cut(size):
    body = b'{"key":"' + mint_token().encode() + b'","and":"' + mint_token().encode() + b'"}'
    kept, complete = _sampled(1000, [body[start : start + size] for start in range(0, len(body), size)])
    assert (kept, complete) == (b'{"key":"' + HIDDEN_TOKEN + b'","and":"' + HIDDEN_TOKEN + b'"}', True)


def test_the_beginning_of_a_token_is_hidden_too():
    kept, complete = _sampled(30, [b"key=" + mint_token().encode()])
    assert (kept, complete) == (b"key=" + HIDDEN_TOKEN, False)


def test_nothing_is_raised(monkeypatch, caplog):
    tap = Sample(10)
    tap.feed(b"good")
    tap.feed(None)  # type: ignore[arg-type]
    tap.feed(b"more")
    assert tap.close() == (b"", False)
    monkeypatch.setattr(sample, "hide_tokens", lambda _raw: 1 / 0)
    assert _sampled(10, [b"a"]) == (b"", False)
    assert [record.message for record in caplog.records] == [
        "body sample gave up: TypeError",
        "body sample gave up: ZeroDivisionError",
    ]


def test_a_closed_sample_is_empty():
    tap = Sample(10)
    tap.feed(b"abc")
    tap.close()
    tap.feed(b"late")
    assert tap.close()[0] == b""
