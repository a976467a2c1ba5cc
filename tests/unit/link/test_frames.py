"""The link's vocabulary: every frame survives the way, foreign input is a BadFrame and nothing else."""

import dataclasses
from ipaddress import ip_network
from typing import Any, get_args

import orjson
import pytest

from gateway.link import frames
from gateway.link.frames import (
    AskToken,
    BadFrame,
    Counters,
    Frame,
    Hello,
    Lease,
    Leased,
    OpenDefault,
    Opened,
    Patch,
    Ready,
    Recorded,
    Records,
    Revoke,
    Revoked,
    Snapshot,
    TokenAnswer,
    Tried,
    TryKey,
    Unauthenticated,
    Unavailable,
    Unsendable,
    decode,
    encode,
    encode_up,
)
from gateway.model.gateways import AccountEntry, CustomProvider, Gateway, GatewayEntry, ProviderKey
from gateway.model.records import LogBodies, LogRecord
from gateway.model.tokens import ANY_ACCOUNT, Permission, Principal

DIGEST = bytes(range(32))
PLAIN_GATEWAY = Gateway(account_id="a", id="g1", internal_id="i", created_at=1.5, modified_at=2.5)
FULL_GATEWAY = dataclasses.replace(
    PLAIN_GATEWAY,
    authentication=False,
    cache_ttl=None,
    spend_limits={"rules": [{"limit": 1.5}]},
    otel=[{"url": "https://otel.example", "headers": {"a": "b"}}],
    retry_backoff="linear",
)
ENTRY = GatewayEntry(gateway=FULL_GATEWAY, keys=(ProviderKey(provider="openai", alias="default", secret="sk-ü"),))
CUSTOM = CustomProvider(id="c", account_id="a", slug="own", base_url="https://own.example", enable=True, headers={"x-key": "v"})
ACCOUNT = AccountEntry(account_id="a", custom_providers=(CUSTOM,))
PRINCIPAL = Principal(
    token_id="t",
    grants={"a": {Permission.RUN: None, Permission.READ: frozenset({"g1", "g2"})}, ANY_ACCOUNT: {}},
    not_before=1.0,
    expires_on=2.0,
    ip_in=(ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")),
    ip_not_in=(ip_network("203.0.113.9/32"),),
)
SAMPLE = {"str": "text ü", "int": 7, "int | None": None, "float": 1.5, "bool": True, "str | None": None, "float | None": 0.5}
RECORD = LogRecord(**{name: SAMPLE[getattr(kind, "__name__", str(kind))] for name, kind in LogRecord.__annotations__.items()})

FRAMES: list[Frame] = [
    Hello(1, "edge-1"),
    Snapshot(3, (ACCOUNT, AccountEntry(account_id="b")), (ENTRY, GatewayEntry(gateway=PLAIN_GATEWAY))),
    Snapshot(0, (), ()),
    Patch(4, (ACCOUNT,), (ENTRY,), (("a", "gone"),)),
    Patch(5),
    Revoke(DIGEST),
    Ready("w1", 0),
    Revoked(DIGEST),
    Recorded(3),
    TryKey(9, "a", "g", "openai", "default"),
    Tried(9, "unreachable", 0, "dns"),
    Records(1, [tuple(RECORD), tuple(RECORD._replace(id="2", metadata='{"a":1}', first_byte_ms=3))], []),
    Records(2, [], []),
    Counters({"requests": 1, "a.b{c}": 2**40}),
    Unauthenticated([["a", "g", 2]], [["a", "g", "192.0.2.1", "t/1", "openai/chat", "00ff", 1]]),
    AskToken(1, {"": DIGEST}),
    TokenAnswer(1, PRINCIPAL),
    TokenAnswer(2, Principal(token_id="plain")),
    TokenAnswer(3, None),
    OpenDefault(4, "a"),
    Opened(4, True),
    Lease(5, "rate:g1", 10),
    Leased(5, 0),
    Unavailable(6),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frame_survives_the_way(frame: Frame) -> None:
    message = encode(frame)
    assert decode(message) == frame
    assert decode(message.decode()) == frame
    assert type(decode(message)) is type(frame)
    assert orjson.loads(message)[0] == type(frame).__name__


def test_every_kind_of_frame_is_tried_here() -> None:
    assert {type(frame) for frame in FRAMES} == set(get_args(Frame)) == set(frames._KINDS.values())


def test_a_principal_means_the_same_on_the_other_side() -> None:
    answer = decode(encode(TokenAnswer(1, PRINCIPAL)))
    assert isinstance(answer, TokenAnswer)
    assert answer.principal is not None
    assert answer.principal.may("a", Permission.READ, "g2")
    assert not answer.principal.may("a", Permission.READ, "g3")
    assert not answer.principal.accepts_address("203.0.113.9")


GATEWAY: dict[str, Any] = orjson.loads(orjson.dumps(PLAIN_GATEWAY))
GRANTED: dict[str, Any] = orjson.loads(encode(TokenAnswer(1, PRINCIPAL)))[2]
FOREIGN: list[Any] = [
    None, True, 1, 1.5, "Hello", [], {}, [[]], [1], [None], [["Hello"]], {"Hello": 1}, ["Nonsense"], ["hello", 1, "e"],
    ["Hello"], ["Hello", 1], ["Hello", 1, "e", 2], ["Drain", 1], ["Ready", "w"], ["Counters"],
    ["Revoke"], ["Revoke", 1], ["Revoke", "xyz"], ["Revoke", None], ["Revoked", ["00"]], ["AskToken", 1], ["AskToken", 1, "0"],
    ["Records"], ["Records", 1], ["Records", 1, [1]], ["Records", 1, [[]]], ["Records", 1, [{"id": 1}]],
    ["Records", 1, [["x"] * 99]],
    ["Snapshot", 1], ["Snapshot", 1, [], []][:3], ["Snapshot", 1, [1], []], ["Snapshot", 1, [{}], []], ["Snapshot",
    1, [], [{}]],
    ["Snapshot", 1, [], [[]]], ["Snapshot", 1, [], ["x"]], ["Snapshot", 1, [], [{"gateway": {}, "keys": []}]],
    ["Snapshot", 1, [], [{"gateway": GATEWAY | {"odd": 1}, "keys": []}]], ["Snapshot", 1, [],
    [{"gateway": GATEWAY, "keys": [{}]}]],
    ["Snapshot", 1, [], [{"gateway": GATEWAY, "keys": 1}]], ["Snapshot", 1, [{"account_id": "a"}], []],
    ["Patch", 1, [], []], ["Patch", 1, [], [], [1]], ["Patch", 1, [], [], [["a"]]], ["Patch", 1, [], [], ["abc"]],
    ["TokenAnswer", 1], ["TokenAnswer", 1, 1], ["TokenAnswer", 1, []], ["TokenAnswer", 1, {}],
    ["TokenAnswer", 1, GRANTED | {"grants": []}], ["TokenAnswer", 1, GRANTED | {"grants": {"a": []}}],
    ["TokenAnswer", 1, GRANTED | {"grants": {"a": {"p": 1}}}], ["TokenAnswer", 1, GRANTED | {"ip_in": ["x"]}],
    ["TokenAnswer", 1, GRANTED | {"ip_in": 1}], ["TokenAnswer", 1, GRANTED | {"ip_not_in": ["203.0.113.1/24"]}],
    *(["TokenAnswer", 1, GRANTED | {name: [network]}]
      for name in ("ip_in", "ip_not_in") for network in (True, 5, 2**40, 1.5, None, "", ["203.0.113.1", 24])),
]  # fmt: skip


@pytest.mark.parametrize("value", FOREIGN, ids=lambda value: str(value)[:40])
def test_foreign_values_are_bad_frames(value: Any) -> None:
    with pytest.raises(BadFrame):
        decode(orjson.dumps(value))


@pytest.mark.parametrize("message", [b"", b"[", b"\xff", b"\x00", "nonsense", "\ud800", b"[" * 100_000, b'["Drain"]x', b"NaN"])
def test_what_is_no_json_is_a_bad_frame(message: bytes | str) -> None:
    with pytest.raises(BadFrame):
        decode(message)


def test_a_bad_frame_does_not_repeat_its_input() -> None:
    with pytest.raises(BadFrame) as bad:
        decode(b'["Hello", "sk-private"]')
    assert "sk-private" not in str(bad.value)


def test_bodies_travel_whatever_their_bytes() -> None:
    raw = bytes(range(256))
    carried = ("1", "a", "g", raw.decode("latin-1"), "", True, False, "gzip", "")
    frame = decode(encode(Records(1, [tuple(RECORD)], [carried])))
    assert isinstance(frame, Records)
    assert frame.bodies == [LogBodies("1", "a", "g", raw, b"", True, False, "gzip", "")]


@pytest.mark.parametrize(
    "bodies", [[1], [["x"]], [["1", "a", "g", 5, "", True, True]], [["1", "a", "g", "\u20ac", "", True, True]]]
)
def test_bodies_that_are_none(bodies: list[Any]) -> None:
    with pytest.raises(BadFrame):
        decode(orjson.dumps(["Records", 1, [], bodies]))


@pytest.mark.parametrize("value", ["x" * frames.UP_MESSAGE_BYTES, "\ud800", 2**64])
def test_what_no_message_can_hold_is_unsendable(value: object) -> None:
    with pytest.raises(Unsendable):
        encode_up(Records(1, [(value,)]))
