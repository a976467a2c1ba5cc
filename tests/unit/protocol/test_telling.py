"""Words that tell of tokens or an error in raw stream bytes: all that count, and few that do not."""

import pytest

from gateway.protocol.telling import Telling


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'data: {"usage":{}}', True),
        (b'data: {"usage" : {}}', True),
        (b'data: {"usageMetadata":{}}', True),
        (b'data: {"usage"\ndata: :{}}', True),
        (b'data: {"error":{}}', True),
        (b'data: {"errors":[]}', True),
        (b"event: error\n", True),
        (b"id: 1\r\nevent:error\r\n", True),
        (b'data: {"usage":null}', False),
        (b'data: {"usage": null,"error" :null}', False),
        (b'data: {"usage":null,"x":{"usage":{}}}', True),
        (b'data: {"text":"\\"usage\\":{}"}', False),
        (b'data: {"usages":1}', False),
        (b'data: {"text":"error"}', True),
        (b'data: {"text":"an error"}', False),
        (b"", False),
    ],
)
def test_what_may_tell(data: bytes, told: bool) -> None:
    telling = Telling(meta=False)
    telling.opened = True
    assert telling.may_tell(data, 0, len(data)) is told
    assert (telling.first(bytearray(data), 0, len(data)) >= 0) is told
    assert (telling.last(bytearray(data), 0, len(data)) >= 0) is told


@pytest.mark.parametrize("data", [b'{"meta":{}}', b'{"finish_reason":"ERROR_TOXIC"}'])
def test_words_of_one_dialect(data: bytes) -> None:
    assert Telling(meta=True).may_tell(data, 0, len(data))
    assert not Telling(meta=False).may_tell(data, 0, len(data))


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b"data: x", 0),
        (b"\xef\xbb\xbfdata: x", 3),
        (b": data\ndata", 7),
        (b"id: 1\rdata:", 6),
        (b'"usage" data', -1),
        (b"event: error\n", 0),
    ],
)
def test_before_the_first_event_any_data_is_wanted(data: bytes, at: int) -> None:
    assert Telling(meta=False).first(bytearray(data), 0, len(data)) == at
    assert Telling(meta=False).last(bytearray(data), 0, len(data)) == at


def test_first_last_and_the_bounds() -> None:
    telling = Telling(meta=False)
    telling.opened = True
    data = bytearray(b'"usage" event: error "error" "usage":null')
    assert telling.first(data, 0, len(data)) == 0
    assert telling.first(data, 1, len(data)) == 8
    assert telling.last(data, 0, len(data)) == 21
    assert telling.last(data, 0, 21) == 8
    assert telling.first(data, 22, len(data)) == -1
