"""The sink of a response: one write where one will do, framed for the client, shown to the tap."""

import pytest

from gateway.edge.delivery import Delivery
from gateway.model.targets import Dialect


class Transport:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closing


class Downstream:
    def __init__(self) -> None:
        self.transport: Transport | None = Transport()
        self.writing_paused = False
        self.waited: list[float] = []

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    async def drained(self, timeout_s: float) -> None:
        self.waited.append(timeout_s)


class Tap:
    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self.seen.append(chunk)


def delivery(downstream: Downstream, *, chunked: bool = True, tap: Tap | None = None, streamed: bool = False) -> Delivery:
    return Delivery(downstream, b"HEAD\r\n\r\n", tap, 7.0, chunked=chunked, streamed=streamed)  # type: ignore[arg-type]


def written(downstream: Downstream) -> list[bytes]:
    assert downstream.transport is not None
    return downstream.transport.writes


@pytest.mark.parametrize(
    ("chunked", "pieces", "writes"),
    [
        (False, [(b"hello", None, True)], [b"HEAD\r\n\r\nhello"]),
        (False, [(b"hel", None, False), (b"lo", None, True)], [b"HEAD\r\n\r\nhel", b"lo"]),
        (False, [(b"", None, True)], [b"HEAD\r\n\r\n"]),
        (False, [(b"", None, False), (b"x", None, False), (b"", None, True)], [b"HEAD\r\n\r\n", b"x"]),
        (True, [(b"hello", None, True)], [b"HEAD\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]),
        (True, [(b"hel", None, False), (b"", None, True)], [b"HEAD\r\n\r\n3\r\nhel\r\n", b"0\r\n\r\n"]),
        (True, [(b"hel", b"3\r\nhel\r\n", False)], [b"HEAD\r\n\r\n3\r\nhel\r\n"]),
        (True, [(b"hel", b"3\r\nhel\r\n0\r\n\r\n", True)], [b"HEAD\r\n\r\n3\r\nhel\r\n0\r\n\r\n"]),
        (False, [(b"hel", b"3\r\nhel\r\n", False)], [b"HEAD\r\n\r\nhel"]),
        (True, [(b"", None, False)], [b"HEAD\r\n\r\n"]),
    ],
)
def test_framing(chunked: bool, pieces: list[tuple[bytes, bytes | None, bool]], writes: list[bytes]) -> None:
    downstream = Downstream()
    sink = delivery(downstream, chunked=chunked)
    for piece in pieces:
        assert sink.take(*piece) is False
    assert written(downstream) == writes
    assert sink.sent_bytes == sum(len(payload) for payload, _, _ in pieces)


def test_the_envelope_goes_around_the_body_once() -> None:
    downstream = Downstream()
    sink = delivery(downstream)
    sink.wrap(b'{"result":', b"}")
    sink.take(b"[1,", b"3\r\n[1,\r\n", False)
    sink.take(b"2]", None, False)
    sink.take(b"", None, True)
    assert written(downstream) == [b'HEAD\r\n\r\nd\r\n{"result":[1,\r\n', b"2\r\n2]\r\n", b"1\r\n}\r\n0\r\n\r\n"]


@pytest.mark.stand_ins
def test_the_tap_sees_payload_only() -> None:
    tap = Tap()
    sink = delivery(Downstream(), tap=tap)
    sink.take(b"hel", b"3\r\nhel\r\n", False)
    sink.take(b"", None, True)
    assert tap.seen == [b"hel"]


async def test_a_full_client_is_said_and_waited_for() -> None:
    downstream = Downstream()
    downstream.writing_paused = True
    sink = delivery(downstream)
    assert sink.take(b"x", None, False) is True
    await sink.drained()
    assert downstream.waited == [7.0]


@pytest.mark.parametrize("gone", ["lost", "closing"])
def test_a_client_that_is_gone_takes_nothing(gone: str) -> None:
    downstream = Downstream()
    downstream.writing_paused = True
    if gone == "lost":
        downstream.transport = None
    else:
        assert downstream.transport is not None
        downstream.transport.closing = True
    assert delivery(downstream).take(b"x", None, False) is False


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n"])
def test_events_are_counted_however_they_are_cut(blank: bytes) -> None:
    stream = (
        b": ping" + blank + b"event: a\ndata: {}".replace(b"\n", blank[: len(blank) // 2]) + blank + b"data: [DONE]" + blank
    )
    for size in range(1, len(stream) + 1):
        sink = delivery(Downstream(), streamed=True)
        for at in range(0, len(stream), size):
            sink.take(stream[at : at + size], None, False)
        assert sink.events == 3, size
    sink = delivery(Downstream())
    sink.take(stream, None, True)
    assert sink.events == 0


@pytest.mark.parametrize(
    ("chunked", "streamed", "sent", "told"),
    [
        (True, True, b"data: {}\n\n", True),
        (True, True, b"", True),
        (True, True, b"data: {}\n\ndata: {", False),
        (False, True, b"data: {}\n\n", False),
        (True, False, b"data: {}\n\n", False),
    ],
)
def test_a_stream_cut_short_says_so_where_there_is_room(chunked: bool, streamed: bool, sent: bytes, told: bool) -> None:
    downstream = Downstream()
    sink = delivery(downstream, chunked=chunked, streamed=streamed)
    sink.take(sent, None, False)
    before = len(written(downstream))
    sink.cut_short(Dialect.OPENAI, "chat/completions")
    said = b"".join(written(downstream)[before:])
    size, _, event = said.partition(b"\r\n")
    assert bool(said) is told
    if told:
        assert event.startswith(b'data: {"error":')
        assert event.endswith(b"\n\n\r\n")
        assert int(size, 16) == len(event) - 2
        assert sink.sent_bytes == len(sent) + len(event) - 2


def test_one_event_in_sixteen_is_timed() -> None:
    told: list[float] = []
    downstream = Downstream()
    sink = delivery(downstream, chunked=False, streamed=True)
    sink.time(told.append)
    for number in range(33):
        sink.take(b"data: %d\n\n" % number, None, False)
    assert len(told) == 3
    assert min(told) > 0
    assert len(written(downstream)) == 33
