"""What is told of requests without a valid token, and how little of it there can be."""

from typing import Any

from fakes.edge import ACCOUNT, gateway
from fakes.exchange import exchange as filled

from gateway.edge.identity import Reader
from gateway.edge.settings import compile_plan
from gateway.edge.unauthenticated import MOST_CALLERS, UnauthenticatedCounts
from gateway.kit.secret import key_id, keyed_digest
from gateway.link.frames import Unauthenticated
from gateway.model.routes import Route, Surface
from gateway.model.tokens import mint_token
from gateway.model.unauthenticated import Caller
from gateway.protocol.headers import RequestHead

ROUTE = Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "openai", "v1/chat/completions?key=secret")
PLAN = compile_plan(gateway("g", authentication=False), {})


def exchange(*fields: tuple[bytes, bytes], address: str = "192.0.2.1") -> Any:
    head = RequestHead(((b"User-Agent", b"t/1"), *fields), http_10=False, limit_bytes=99_999)
    return filled(head=head, route=ROUTE, plan=PLAN, address=address)


def test_callers_are_told_apart_by_who_they_are_and_what_they_brought() -> None:
    counts, token = UnauthenticatedCounts(Reader(b"pepper")), mint_token()
    for fields in ((), (), ((b"cf-aig-authorization", b"Bearer nonsense"),), ((b"cf-aig-authorization", token.encode()),)):
        counts.passed(exchange(*fields))
    counts.passed(exchange(address="192.0.2.2"))
    frame = counts.take()
    assert frame is not None
    common = ["t/1", "openai/v1/chat/completions"]
    assert [list(row[2:]) for row in frame.passed] == [
        ["192.0.2.1", *common, "", 3],
        ["192.0.2.1", *common, keyed_digest(b"pepper", token.encode()).hex(), 1],
        ["192.0.2.2", *common, "", 1],
    ]
    assert token not in str(frame)
    assert "secret" not in str(frame), "queries may hold keys"
    assert counts.take() is None


def test_a_crowd_is_counted_but_not_told_apart() -> None:
    counts = UnauthenticatedCounts(Reader(b""))
    for number in range(3 * MOST_CALLERS):
        counts.passed(exchange(address=str(number)))
    frame = counts.take()
    assert frame is not None
    assert len(frame.passed) == MOST_CALLERS + 1
    assert frame.passed[-1] == (ACCOUNT, "g", "", "", "", "", 2 * MOST_CALLERS)


def test_long_texts_are_cut() -> None:
    counts = UnauthenticatedCounts(Reader(b""))
    made = exchange()
    made.head = RequestHead(((b"User-Agent", b"\xc3\xa4" * 5000),), http_10=False, limit_bytes=99_999)
    counts.passed(made)
    frame = counts.take()
    assert frame is not None
    assert frame.passed[0][3] == "ä" * 200


def test_what_could_not_be_sent_is_part_of_the_next() -> None:
    counts = UnauthenticatedCounts(Reader(b""))
    counts.refused(ACCOUNT, "g")
    counts.passed(exchange())
    frame = counts.take()
    assert frame is not None
    counts.refused(ACCOUNT, "g")
    counts.give_back(frame)
    again = counts.take()
    assert again == Unauthenticated([(ACCOUNT, "g", 2)], frame.passed)


def test_callers_with_one_head_are_told_apart_by_their_addresses() -> None:
    counts = UnauthenticatedCounts(Reader(b"pepper"))
    first = exchange(address="192.0.2.1")
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        counts.passed(filled(head=first.head, route=ROUTE, plan=PLAN, address=address))
    told = counts.take()
    assert told is not None
    assert sorted((row[2], row[-1]) for row in told.passed) == [("192.0.2.1", 2), ("192.0.2.2", 1)]


def test_with_several_peppers_a_token_is_told_by_each() -> None:
    counts, token = UnauthenticatedCounts(Reader(b"new", b"old")), mint_token()
    counts.passed(exchange((b"cf-aig-authorization", token.encode())))
    counts.passed(exchange())
    frame = counts.take()
    assert frame is not None
    with_token, without = (Caller._make(row[:-1]) for row in frame.passed)
    assert with_token.digests() == {key_id(pepper): keyed_digest(pepper, token.encode()) for pepper in (b"new", b"old")}
    assert without.digests() == {}
