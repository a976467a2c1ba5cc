"""Log records on their way to control: in order, bounded, and kept until they are confirmed."""

from fakes.link import FakeLink

from gateway.edge.outgoing import BATCH_BYTES, BATCH_ROWS, Outgoing
from gateway.link.frames import Records, Unsendable, UpFrame


def _sent(link: FakeLink) -> list[tuple[int, list[str]]]:
    """The batches since the last look: number, and the first value of each row."""
    batches = [(frame.number, [row[0] for row in frame.rows]) for frame in link.sent if isinstance(frame, Records)]
    link.sent.clear()
    return batches


def test_rows_leave_once_in_order() -> None:
    link, outgoing = FakeLink(), Outgoing(1000)
    for name in "abc":
        assert not outgoing.put((name,), 10)
    outgoing.flush(link)
    outgoing.put(("d",), 10)
    outgoing.flush(link)
    outgoing.flush(link)
    assert _sent(link) == [(1, ["a", "b", "c"]), (2, ["d"])]


def test_a_full_batch_says_so() -> None:
    outgoing = Outgoing(100_000_000)
    assert [outgoing.put((number,), 1) for number in range(BATCH_ROWS)].index(True) == BATCH_ROWS - 1
    assert outgoing.put(("large",), BATCH_BYTES)


def test_what_is_confirmed_makes_room() -> None:
    link, outgoing = FakeLink(), Outgoing(25)
    outgoing.put(("a",), 10)
    outgoing.flush(link)
    outgoing.put(("b",), 10)
    outgoing.put(("too much",), 10)
    assert (outgoing.held_bytes, outgoing.dropped) == (20, 1)
    outgoing.confirmed(1)
    outgoing.confirmed(1)
    outgoing.confirmed(99)
    assert outgoing.held_bytes == 10
    outgoing.put(("c",), 10)
    outgoing.flush(link)
    assert _sent(link) == [(1, ["a"]), (2, ["b", "c"])]


def test_what_was_not_confirmed_goes_again_on_a_new_connection() -> None:
    link, outgoing = FakeLink(), Outgoing(1000)
    for name in "abc":
        outgoing.put((name,), 1)
        outgoing.flush(link)
    outgoing.confirmed(2)
    _sent(link)
    link.cut()
    outgoing.put(("d",), 1)
    outgoing.flush(link)
    assert _sent(link) == []
    link.rejoin()
    outgoing.flush(link)
    assert _sent(link) == [(1, ["a"]), (3, ["c"]), (4, ["d"])]
    outgoing.flush(link)
    assert _sent(link) == []


def test_a_new_connection_with_nothing_left_to_say() -> None:
    link, outgoing = FakeLink(), Outgoing(1000)
    outgoing.put(("a",), 1)
    outgoing.flush(link)
    outgoing.confirmed(1)
    _sent(link)
    link.rejoin()
    outgoing.flush(link)
    assert _sent(link) == []
    outgoing.put(("b",), 1)
    outgoing.flush(link)
    assert _sent(link) == [(2, ["b"])]


def test_a_link_that_takes_no_more_gets_the_rest_later() -> None:
    link, outgoing = FakeLink(), Outgoing(100_000)
    taking, take = link.send, [True, False]
    link.send = lambda frame: take.pop(0) and taking(frame)  # type: ignore[method-assign]
    for number in range(2 * BATCH_ROWS):
        outgoing.put((number,), 1)
    outgoing.flush(link)
    assert [number for number, _ in _sent(link)] == [1]
    link.send = taking  # type: ignore[method-assign]
    outgoing.flush(link)
    assert [number for number, _ in _sent(link)] == [2]


def test_bodies_go_with_their_batch() -> None:
    link, outgoing = FakeLink(), Outgoing(1000)
    outgoing.put(("a",), 10, ("a", "body"))
    outgoing.put(("b",), 10)
    outgoing.flush(link)
    outgoing.put(("c",), 10)
    outgoing.flush(link)
    assert [frame.bodies for frame in link.sent if isinstance(frame, Records)] == [[("a", "body")], []]


class ShortLink(FakeLink):
    """Carries no more than two rows at once, and none that is called "never"."""

    def send(self, frame: UpFrame) -> bool:
        assert isinstance(frame, Records)
        if len(frame.rows) > 2 or any(row[0] == "never" for row in frame.rows):
            raise Unsendable("too long")
        return super().send(frame)


def test_a_batch_that_no_message_can_hold_goes_row_by_row_and_what_can_never_go_is_dropped_and_counted() -> None:
    link, outgoing = ShortLink(), Outgoing(1000)
    for name in ("a", "never", "b", "c"):
        outgoing.put((name,), 10, bodies=(name, "body"))
    outgoing.flush(link)
    outgoing.put(("d",), 10)
    outgoing.flush(link)
    frames = [frame for frame in link.sent if isinstance(frame, Records)]
    assert [[row[0] for row in frame.rows] for frame in frames] == [["a"], ["b"], ["c"], ["d"]]
    assert [[each[0] for each in frame.bodies] for frame in frames] == [["a"], ["b"], ["c"], []]
    assert (outgoing.dropped, outgoing.waiting, outgoing.held_bytes) == (1, 4, 40)
    for frame in frames:
        outgoing.confirmed(frame.number)
    assert (outgoing.waiting, outgoing.held_bytes) == (0, 0)
    link.sent.clear()
    link.cut()
    link.rejoin()
    outgoing.flush(link)
    assert link.sent == []


def test_a_row_that_would_make_a_batch_too_large_begins_another() -> None:
    link, outgoing = FakeLink(), Outgoing(100_000_000)
    outgoing.put(("a",), BATCH_BYTES - 1)
    outgoing.put(("b",), 2)
    outgoing.flush(link)
    assert _sent(link) == [(1, ["a"]), (2, ["b"])]
