"""Our marks are known by every worker of an installation and by nobody else."""

import pytest

from gateway.edge.loops import LoopMarks
from gateway.model.faults import LOOP, Refusal
from gateway.protocol.headers import RequestHead

HERE = LoopMarks(b"pepper")
ELSEWHERE = LoopMarks(b"other")


def head(*values: bytes) -> RequestHead:
    return RequestHead(tuple((b"CDN-Loop", value) for value in values), http_10=False, limit_bytes=9999)


def mark(marks: LoopMarks) -> bytes:
    return marks.line(head()).removeprefix(b"CDN-Loop: ").removesuffix(b"\r\n")


@pytest.mark.parametrize(
    "wrapped", ["%b", "cloudflare, %b", "%b, cloudflare", "%b; loops=1", "a;b=c,\t%b ;x=y,d", " %b ", ",,%b"]
)
def test_a_mark_of_any_worker_here_is_known(wrapped: str) -> None:
    for marks in (HERE, LoopMarks(b"pepper")):
        with pytest.raises(Refusal) as refused:
            HERE.line(head(wrapped.encode() % mark(marks)))
        assert refused.value.fault is LOOP
    with pytest.raises(Refusal):
        HERE.line(head(b"cloudflare", b"x", mark(HERE)))


def test_other_marks_are_passed_on() -> None:
    theirs = [
        b"cloudflare; loops=1",
        mark(ELSEWHERE),
        b"a" * 32,
        mark(HERE)[:-1],
        mark(HERE)[:-1] + b"g",
        b"",
        mark(HERE).upper(),
    ]
    assert HERE.line(head(*theirs)) == b"CDN-Loop: " + b", ".join([*theirs, mark(HERE)]) + b"\r\n"


def test_marks_say_nothing() -> None:
    seen = {mark(LoopMarks(b"pepper")) for _ in range(50)}
    assert len(seen) == 50
    assert {len(one) for one in seen} == {32}


def test_a_head_is_looked_at_once() -> None:
    known = head(b"cloudflare")
    assert HERE.line(known) is HERE.line(known)


def test_a_mark_made_before_a_rotation_is_ours() -> None:
    for marks, known in ((LoopMarks(b"new", b"pepper"), True), (LoopMarks(b"new"), False)):
        came = head(mark(HERE))
        if known:
            with pytest.raises(Refusal):
                marks.line(came)
        else:
            assert marks.line(came)
    with pytest.raises(Refusal):
        LoopMarks(b"new").line(head(mark(LoopMarks(b"new", b"pepper"))))
