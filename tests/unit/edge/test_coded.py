"""A coded body is read as what was coded: the same however it arrives, bounded, and never in one long turn of the loop."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.coded import FREE_BYTES, RATIO, CodedReader
from gateway.model.faults import BAD_BODY, BODY_TOO_LARGE, Fault, Refusal
from gateway.protocol.inflate import PIECE_BYTES, decoding, zstd

CODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": lambda body: gzip.compress(body, 1),
    b"deflate": zlib.compress,
    b"br": lambda body: brotli.compress(body, quality=4),
    b"zstd": zstd.compress,
}
LIMIT = 1 << 20


def coded(encoding: bytes, plain: bytes) -> bytes:
    for name in encoding.split(b","):
        plain = CODERS[name](plain)
    return plain


async def read(encoding: bytes, pieces: list[bytes], limit_bytes: int = LIMIT) -> bytes | Fault:
    """All of it, or why not; the first piece is held already."""
    undone = decoding(encoding, limit_bytes)
    assert undone is not None
    arriving = iter([*pieces[1:], b""])

    async def more() -> bytes:
        return next(arriving)

    reader = CodedReader(pieces[0], more, undone)
    assert reader.is_eof()
    plain = b""
    try:
        while piece := await reader.readany():
            plain += piece
    except Refusal as refusal:
        return refusal.fault
    return plain


def split(body: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({min(one, len(body)) for one in at})
    return [body[begin:end] for begin, end in zip([0, *marks], [*marks, len(body)], strict=True) if begin < end or not begin]


ENCODINGS = st.lists(st.sampled_from(sorted(CODERS)), min_size=1, max_size=3).map(b",".join)
DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda body: body,
    lambda body: body[:-1],
    lambda body: body[: len(body) // 2],
    lambda body: body + b"behind",
    lambda body: b"\xff" + body,
]


@settings(max_examples=150, deadline=None)
@given(ENCODINGS, st.binary(max_size=400), st.sampled_from(DAMAGES), st.lists(st.integers(0, 600), max_size=8))
def test_every_split_gives_the_same(encoding: bytes, plain: bytes, damage: Callable[[bytes], bytes], at: list[int]) -> None:
    body = damage(coded(encoding, plain))
    whole = asyncio.run(read(encoding, [body]))
    assert asyncio.run(read(encoding, split(body, at))) == whole
    assert asyncio.run(read(encoding, [b"", *(body[n : n + 1] for n in range(len(body)))])) == whole
    if damage is DAMAGES[0]:
        assert whole == plain


@pytest.mark.parametrize("encoding", CODERS)
@pytest.mark.parametrize("body", [b"", b"{", b'{"model":"openai/gpt"}'])
async def test_what_is_plain_is_refused(encoding: bytes, body: bytes) -> None:
    assert await read(encoding, [body]) is BAD_BODY


@pytest.mark.parametrize("encoding", [*CODERS, b"gzip,gzip", b"br,zstd", b"zstd,gzip,br"])
async def test_no_more_than_the_limit(encoding: bytes) -> None:
    assert await read(encoding, [coded(encoding, bytes(LIMIT))]) == bytes(LIMIT)
    assert await read(encoding, [coded(encoding, bytes(LIMIT + 1))]) is BODY_TOO_LARGE
    assert await read(encoding, [coded(encoding, bytes(1 << 25))]) is BODY_TOO_LARGE


@pytest.mark.slow
@pytest.mark.parametrize("encoding", CODERS)
async def test_what_expands_too_far_is_a_bomb(encoding: bytes) -> None:
    most = 16 * FREE_BYTES
    assert await read(encoding, [coded(encoding, bytes(FREE_BYTES))], most) == bytes(FREE_BYTES)
    assert await read(encoding, [coded(encoding, bytes(2 * FREE_BYTES))], most) is BODY_TOO_LARGE
    text = b"".join(b"%d is %d words on. " % (n * 7919 % 10_007, n) for n in range(300_000))
    assert len(text) > FREE_BYTES
    assert RATIO * len(coded(encoding, text)) > len(text)
    assert await read(encoding, [coded(encoding, text)], most) == text


@pytest.mark.parametrize("encoding", [b"gzip", b"zstd"])
async def test_empty_members_cost_what_full_ones_do(encoding: bytes) -> None:
    code = CODERS[encoding]
    assert await read(encoding, [code(b"") * 5 + code(b"x")]) == b"x"
    assert await read(encoding, [code(b"") * 5000 + code(b"x")]) is BODY_TOO_LARGE


SKIPPED = b"\x50\x2a\x4d\x18" + (900_000).to_bytes(4, "little") + bytes(900_000)
"""A frame that leaves nothing (RFC 8878 section 3.1.2)."""


@pytest.mark.parametrize(
    ("encoding", "body"),
    [*((name, coded(name, bytes(LIMIT))) for name in CODERS), (b"zstd,gzip", gzip.compress(SKIPPED + zstd.compress(b"x")))],
    ids=[*(name.decode() for name in CODERS), "work that leaves nothing"],
)
async def test_the_loop_has_a_turn_for_every_piece(encoding: bytes, body: bytes) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    assert isinstance(await read(encoding, [body]), bytes)
    beside.cancel()
    assert turns >= 900_000 // (2 * PIECE_BYTES)
