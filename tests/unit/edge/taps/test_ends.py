"""The two ends of a body, however it is cut into pieces."""

import pytest

from gateway.edge.taps.ends import HEAD_BYTES, TAIL_BYTES, Ends


@pytest.mark.parametrize("size", [0, 1, 100, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + TAIL_BYTES + 5, 300_000])
@pytest.mark.parametrize("piece", [1000, 7777, 65_536, 1_000_000])
def test_both_ends_are_kept_and_no_more(size: int, piece: int) -> None:
    body = bytes(number * 7 % 251 for number in range(size))
    ends = Ends()
    for start in range(0, size, piece):
        ends.feed(body[start : start + piece])
    assert ends.head == body[:HEAD_BYTES]
    assert ends.tail == body[HEAD_BYTES:][-TAIL_BYTES:]
