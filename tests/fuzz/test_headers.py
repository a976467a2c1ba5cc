"""Any fields: a head is read or refused, and what must not cross never does."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.faults import Refusal
from gateway.protocol.foreign_fields import HOP_BY_HOP
from gateway.protocol.headers import RequestHead
from gateway.protocol.inert import INERT, steers_browser
from gateway.protocol.response_head import BadHead, ResponseHead

_UNCLEAN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_KNOWN = [
    b"host", b"connection", b"transfer-encoding", b"content-length", b"te", b"upgrade", b"cookie", b"x-forwarded-for",
    b"expect",
    b"cf-aig-authorization", b"cf-aig-metadata", b"authorization", b"x-api-key", b"accept", b"x-hop", b"forwarded", b"cf-ray",
]  # fmt: skip
_CASES = st.sampled_from([bytes.lower, bytes.upper, bytes.title])
_NAME = st.one_of(
    st.builds(lambda name, spell: spell(name), st.sampled_from(_KNOWN), _CASES),
    st.text("abcXYZ-_09", min_size=1, max_size=12).map(str.encode),
)
_VALUE = st.one_of(
    st.sampled_from([b"chunked", b"5", b"close, X-Hop", b"x-hop", b"100-continue", b"Bearer x", b"example.com", b"", b"a, b"]),
    st.text("abc ,;=\t", max_size=20).map(str.encode),
    st.binary(max_size=8),
)
FIELDS = st.lists(st.tuples(_NAME, _VALUE), max_size=8).map(tuple)


@settings(max_examples=400, deadline=None)
@given(FIELDS, st.booleans())
def test_a_head_is_read_or_refused(fields: tuple[tuple[bytes, bytes], ...], http_10: bool) -> None:
    try:
        head = RequestHead(fields, http_10=http_10, limit_bytes=65_536)
    except Refusal:
        return
    assert not (head.chunked and head.content_length is not None)
    block = head.crossing()
    lines = block.split(b"\r\n")[:-1] if block else []
    named = {token.strip().lower() for name, value in fields if name.lower() == b"connection" for token in value.split(b",")}
    kept = [(name, value) for name, value in fields if name + b": " + value in lines]
    assert len(lines) <= len(fields)
    assert [name + b": " + value for name, value in kept] == lines, "order and bytes are kept, nothing is added"
    for name, _ in kept:
        key = name.lower()
        assert key not in HOP_BY_HOP | named | {b"host", b"content-length", b"expect", b"cookie", b"forwarded"}
        assert not key.startswith((b"cf-", b"x-forwarded-"))
    assert block.count(b"\n") == block.count(b"\r") == len(lines)


@settings(max_examples=300, deadline=None)
@given(FIELDS)
def test_an_answers_hop_never_crosses(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    block = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"
    clean = all(_UNCLEAN.search(value) is None for _, value in fields)
    try:
        head = ResponseHead(block)
    except BadHead:
        assert not clean
        return
    assert clean
    named = {token.strip().lower() for name, value in fields if name.lower() == b"connection" for token in value.split(b",")}
    dropped = HOP_BY_HOP | named | {b"content-length"}
    expected = [
        b"%b: %b\r\n" % (name, value)
        for name, value in fields
        if name.lower() not in dropped and not name.lower().startswith(b"cf-aig-") and not steers_browser(name.lower())
    ]
    assert head.lines == b"".join(expected) + INERT
