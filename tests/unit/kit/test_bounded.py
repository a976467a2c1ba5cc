"""The bounded queue: a ceiling in bytes, losses counted, order kept."""

from gateway.kit.bounded import BoundedQueue


def test_items_leave_in_order_and_give_their_bytes_back() -> None:
    queue: BoundedQueue[str] = BoundedQueue(10)
    assert [queue.put(name, 3) for name in "abc"] == [True, True, True]
    assert (len(queue), queue.held_bytes) == (3, 9)
    assert queue.take(2) == ["a", "b"]
    assert (len(queue), queue.held_bytes) == (1, 3)
    assert queue.take(99) == ["c"]
    assert queue.take(1) == []
    assert queue.held_bytes == 0


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    queue: BoundedQueue[int] = BoundedQueue(10)
    assert queue.put(1, 6)
    assert not queue.put(2, 5)
    assert queue.put(3, 4)
    assert not queue.put(4, 1)
    assert queue.dropped == 2
    assert queue.held_bytes == 10
    assert queue.take(9) == [1, 3]
    assert queue.put(5, 10)
    assert queue.dropped == 2


def test_an_item_larger_than_the_queue_never_enters() -> None:
    queue: BoundedQueue[int] = BoundedQueue(10)
    assert not queue.put(1, 11)
    assert (len(queue), queue.dropped) == (0, 1)


def test_taking_nothing_takes_nothing() -> None:
    queue: BoundedQueue[int] = BoundedQueue(10)
    queue.put(1, 1)
    assert queue.take(0) == []
    assert len(queue) == 1
