import gzip
import zlib
from itertools import count

import brotli
import pytest

from gateway.control.bodies import Unpacking
from gateway.model.records import LogBodies
from gateway.model.tokens import HIDDEN_TOKEN, mint_token
from gateway.protocol.inflate import zstd

LIMIT = 1024 * 1024
TEXT = b'{"answer":"' + b"forty-two " * 50 + b'"}'
PACKED = gzip.compress(TEXT)


def _bare_deflate(raw: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(raw) + packing.flush()


@pytest.mark.parametrize(
    ("raw", "encoding", "complete", "stored"),
    [
        (TEXT, "", True, (TEXT, True)),
        (TEXT, "identity", False, (TEXT, False)),
        (PACKED, "gzip", True, (TEXT, True)),
        (PACKED, " GZIP ", False, (TEXT, False)),
        (PACKED, "", True, (PACKED, True)),
        (PACKED + PACKED, "gzip", True, (TEXT + TEXT, True)),
        (brotli.compress(TEXT), "br", True, (TEXT, True)),
        (zstd.compress(TEXT), "zstd", True, (TEXT, True)),
        (brotli.compress(PACKED), "gzip, br", True, (TEXT, True)),
        (PACKED, "compress", True, (PACKED, True)),
        (zlib.compress(TEXT), "deflate", True, (TEXT, True)),
        (_bare_deflate(TEXT), "deflate", True, (TEXT, True)),
        (TEXT, "gzip", True, (TEXT, True)),
        (TEXT, "deflate", True, (TEXT, True)),
        (TEXT, "br", True, (TEXT, True)),
        (b"", "gzip", True, (b"", True)),
    ],
    ids=count(),
)
def test_what_can_be_unpacked_is(raw, encoding, complete, stored):
    one = Unpacking(LIMIT).kept(LogBodies("id", "a", "g", raw, b"", complete, True, request_encoding=encoding))
    assert one == LogBodies("id", "a", "g", stored[0], b"", stored[1], True)
    other = Unpacking(LIMIT).kept(LogBodies("id", "a", "g", b"", raw, False, complete, response_encoding=encoding))
    assert other == LogBodies("id", "a", "g", b"", stored[0], False, stored[1])


def test_a_cut_body_is_unpacked_as_far_as_it_goes():
    one = Unpacking(LIMIT).kept(LogBodies("id", "a", "g", b"", PACKED[:-12], True, True, response_encoding="gzip"))
    assert one.response
    assert TEXT.startswith(one.response)
    assert one.response_complete is False


def test_a_bomb_stays_small():
    bomb = gzip.compress(b"\0" * 50_000_000)
    one = Unpacking(LIMIT).kept(LogBodies("id", "a", "g", bomb, b"", True, True, request_encoding="gzip"))
    assert (len(one.request), one.request_complete) == (LIMIT, False)


def test_a_packed_token_is_hidden():
    secret = b"Bearer " + mint_token().encode()
    one = Unpacking(LIMIT).kept(LogBodies("id", "a", "g", gzip.compress(secret), secret, True, True, request_encoding="gzip"))
    assert one.request == one.response == b"Bearer " + HIDDEN_TOKEN


def test_no_body_takes_more_room_unpacked_than_plain():
    for packed in (gzip.compress(b"x" * 50_000), brotli.compress(b"x" * 50_000), zstd.compress(b"x" * 50_000)):
        encoding = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}.get(packed[:2], "br")
        one = Unpacking(1000).kept(LogBodies("id", "a", "g", packed, b"", True, True, request_encoding=encoding))
        assert (len(one.request), one.request_complete) == (1000, False)


def test_what_is_unpacked_at_once_is_bounded_and_the_rest_stays_packed():
    unpacking = Unpacking(1000, unpacked_bytes=2500)
    packed = gzip.compress(b"x" * 5000)
    kept = [unpacking.kept(LogBodies(str(n), "a", "g", b"", packed, True, True, response_encoding="gzip")) for n in range(5)]
    assert [len(one.response) for one in kept] == [1000, 1000, 500, len(packed), len(packed)]
