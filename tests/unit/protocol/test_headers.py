"""What a request's head may say, what is noted of it, and what crosses either way."""

import pytest

from gateway.model.faults import EXPECTATION_FAILED, HEADERS_TOO_LARGE, MALFORMED, Fault, Refusal
from gateway.protocol.headers import CREDENTIAL_FIELDS, RequestHead, is_read
from gateway.providers.registry import PROVIDERS

LIMIT = 65_536


def head(*fields: tuple[bytes, bytes], http_10: bool = False, limit_bytes: int = LIMIT) -> RequestHead:
    return RequestHead(tuple(fields), http_10=http_10, limit_bytes=limit_bytes)


def crossing(*fields: tuple[bytes, bytes], without: frozenset[bytes] = frozenset()) -> list[bytes]:
    block = head(*fields).crossing(without)
    assert block == b"" or block.endswith(b"\r\n")
    return block.split(b"\r\n")[:-1]


def refused(*fields: tuple[bytes, bytes], http_10: bool = False) -> Fault:
    with pytest.raises(Refusal) as refusal:
        head(*fields, http_10=http_10)
    return refusal.value.fault


def cases(name: bytes) -> list[bytes]:
    return [name, name.upper(), name.title()]


# --- what does not cross to the provider ----------------------------------------------------------

DROPPED = [
    # this hop's (RFC 9110 section 7.6.1)
    (b"connection", b"keep-alive"),
    (b"keep-alive", b"timeout=5"),
    (b"proxy-authenticate", b"Basic"),
    (b"proxy-authorization", b"Basic eA=="),
    (b"proxy-connection", b"keep-alive"),
    (b"te", b"trailers"),
    (b"trailer", b"x-sum"),
    (b"transfer-encoding", b"chunked"),
    (b"upgrade", b"h2c"),
    (b"http2-settings", b"AAMAAABkAAQ"),
    (b"host", b"gateway.example"),
    (b"content-length", b"12"),
    (b"expect", b"100-continue"),
    # other proxies' and other services'
    (b"cookie", b"session=1"),
    (b"forwarded", b"for=1.2.3.4"),
    (b"x-forwarded-for", b"1.2.3.4"),
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-anything", b"1"),
    (b"x-real-ip", b"1.2.3.4"),
    (b"x-original-url", b"/admin"),
    (b"x-rewrite-url", b"/admin"),
    (b"x-gateway-client", b"1.2.3.4"),
    (b"x-auth-email", b"a@example.com"),
    (b"x-auth-key", b"legacy-key"),
    (b"x-fal-target-url", b"https://fal.run/x"),
    # this gateway's (specification section 3.1)
    (b"cf-aig-authorization", b"Bearer t"),
    (b"cf-aig-skip-cache", b"true"),
    (b"cf-aig-metadata", b"{}"),
    (b"cf-aig-not-known-yet", b"1"),
    (b"cf-cache-ttl", b"60"),
    (b"cf-skip-cache", b"true"),
    (b"cf-access-jwt-assertion", b"jwt"),
    (b"cf-connecting-ip", b"1.2.3.4"),
    (b"cf-ray", b"1-XXX"),
]


@pytest.mark.parametrize(("name", "value"), DROPPED, ids=lambda part: part.decode())
def test_what_concerns_only_us_does_not_cross(name: bytes, value: bytes) -> None:
    for spelled in cases(name):
        assert crossing((b"accept", b"*/*"), (spelled, value), (b"x-after", b"1")) == [b"accept: */*", b"x-after: 1"]


CROSSING = [
    (b"Authorization", b"Bearer sk-x"),
    (b"x-api-key", b"sk-x"),
    (b"api-key", b"sk-x"),
    (b"X-Goog-Api-Key", b"key"),
    (b"anthropic-version", b"2023-06-01"),
    (b"Accept", b"text/event-stream"),
    (b"accept-encoding", b"gzip, br"),
    (b"content-type", b"multipart/form-data; boundary=x"),
    (b"Content-Encoding", b"gzip"),
    (b"user-agent", b"OpenAI/Python 2.0"),
    (b"OpenAI-Organization", b"org"),
    (b"x-stainless-retry-count", b"0"),
    (b"cfx", b"not cf-"),
    (b"x-forwardedfor", b"1"),
    (b"idempotency-key", b"k"),
    (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    (b"x-empty", b""),
    (b"x-utf8", "grüße".encode()),
    (b"x-tab", b"a\tb"),
]


@pytest.mark.parametrize(("name", "value"), CROSSING, ids=lambda part: part.decode())
def test_the_rest_crosses_as_it_came(name: bytes, value: bytes) -> None:
    assert crossing((name, value)) == [name + b": " + value]


def test_order_case_and_repetition_are_kept() -> None:
    fields = [(b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3"), (b"Accept", b"a"), (b"accept", b"b")]
    assert crossing(*fields) == [b"X-B: 1", b"x-a: 2", b"X-B: 3", b"Accept: a", b"accept: b"]


@pytest.mark.parametrize(
    "connection",
    [
        [b"x-hop"],
        [b"X-Hop"],
        [b"keep-alive, x-hop"],
        [b"close ,\tx-hop ,"],
        [b"x-other", b"x-hop"],
    ],
)
def test_what_connection_names_does_not_cross(connection: list[bytes]) -> None:
    fields = [(b"Connection", value) for value in connection]
    assert crossing((b"X-Hop", b"1"), *fields, (b"x-stays", b"2"), (b"x-hop", b"3")) == [b"x-stays: 2"]


def test_connection_cannot_bring_back_what_is_dropped() -> None:
    assert crossing((b"connection", b""), (b"cookie", b"a=b"), (b"", b"")) == []


def test_named_fields_are_left_out_on_demand() -> None:
    fields = [(b"Authorization", b"Bearer agw_x"), (b"X-Api-Key", b"k"), (b"accept", b"*/*")]
    one = head(*fields)
    assert one.crossing(frozenset({b"authorization"})) == b"X-Api-Key: k\r\naccept: */*\r\n"
    assert one.crossing(frozenset({b"authorization", b"x-api-key"})) == b"accept: */*\r\n"
    assert one.crossing() == b"Authorization: Bearer agw_x\r\nX-Api-Key: k\r\naccept: */*\r\n"


def test_blocks_are_made_once_for_each_set() -> None:
    one = head((b"accept", b"*/*"), (b"authorization", b"k"))
    assert one.crossing() is one.crossing(frozenset())
    assert one.crossing(frozenset({b"authorization"})) is one.crossing(frozenset({b"authorization"}))
    assert one.crossing() != one.crossing(frozenset({b"authorization"}))


def test_the_memo_belongs_to_one_head() -> None:
    one, other = head(), head()
    one.memo["plan"] = 1
    assert other.memo == {}


# --- what must not come twice, and what must not come at all ----------------------------------------

ONCE = sorted(CREDENTIAL_FIELDS | {b"cf-aig-authorization", b"expect", b"host", b"content-length", b"transfer-encoding"})
VALUES = {b"expect": b"100-continue", b"content-length": b"5", b"transfer-encoding": b"chunked"}


@pytest.mark.parametrize("name", ONCE, ids=bytes.decode)
def test_credentials_and_framing_come_once(name: bytes) -> None:
    value = VALUES.get(name, b"x")
    assert head((name, value)).value(name) == value
    for first in cases(name):
        for second in cases(name):
            assert refused((first, value), (b"accept", b"*/*"), (second, value)) is MALFORMED


@pytest.mark.parametrize("byte", [*range(0x09), *range(0x0A, 0x20), 0x7F])
def test_control_characters_are_refused(byte: int) -> None:
    for value in (bytes([byte]), b"a" + bytes([byte]), b"a" + bytes([byte]) + b"b"):
        assert refused((b"x-any", value)) is MALFORMED


@pytest.mark.parametrize("value", [b"\xff", b"a\x80b", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe4"])
def test_bytes_from_0x80_pass_as_they_are(value: bytes) -> None:
    """RFC 9110 section 5.5: opaque data, whatever they would be as text."""
    assert b"x-any: %b\r\n" % value in head((b"x-any", value)).crossing()


@pytest.mark.parametrize(
    "host",
    [b"example.com", b"EXAMPLE.com", b"example.com:", b"example.com:8787",
     b"127.0.0.1", b"127.0.0.1:80", b"[::1]", b"[2001:db8::1]:65535",
     b"localhost", b"under_score", b"a-b.c~d", b"x" * 255],
)  # fmt: skip
def test_hosts_by_the_grammar_pass(host: bytes) -> None:
    assert head((b"Host", host)).value(b"host") == host


@pytest.mark.parametrize(
    "host",
    [b"", b"a b", b"a/b", b"a?b", b"a#b", b"user@a", b"a:b", b"a:123456", b"a:65536", b"a:-1", b"a:80:80", b"a,b",
     b"a;b", b"[::1", b"::1", b"[::1]x", b"[::g]", b"[]", b"a\\b", b"a%2fb", b"a\tb", b"http://a", b"<a>", "ä.example".encode(),
     b"x" * 256],
)  # fmt: skip
def test_other_hosts_are_refused(host: bytes) -> None:
    assert refused((b"host", host)) is MALFORMED


# --- framing (RFC 9112 section 6) -------------------------------------------------------------------


@pytest.mark.parametrize(("value", "length"), [(b"0", 0), (b"5", 5), (b"007", 7), (b"9" * 18, 10**18 - 1)])
def test_a_length_is_digits(value: bytes, length: int) -> None:
    assert head((b"Content-Length", value)).content_length == length


@pytest.mark.parametrize(
    "value",
    [b"", b"-1", b"+5", b"5 ", b" 5", b"5,5", b"5, 5", b"0x5", b"5.0", b"1_0", b"5\t", b"five", b"9" * 19, "٥".encode()],
)
def test_other_lengths_are_refused(value: bytes) -> None:
    assert refused((b"content-length", value)) is MALFORMED


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"CHUNKED"])
def test_chunked_is_the_one_transfer_coding(value: bytes) -> None:
    one = head((b"Transfer-Encoding", value))
    assert one.chunked
    assert one.content_length is None


@pytest.mark.parametrize(
    "value",
    [b"", b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked,", b",chunked", b"identity", b"xchunked", b"chunked;a=b",
     b"chunked x", b'"chunked"', b"chunked\x0b", b" chunked", b"chunked\t", "chunkеd".encode()],
)  # fmt: skip
def test_other_transfer_codings_are_refused(value: bytes) -> None:
    assert refused((b"transfer-encoding", value)) is MALFORMED


def test_two_framings_are_refused_in_any_order() -> None:
    length, coding = (b"content-length", b"5"), (b"transfer-encoding", b"chunked")
    assert refused(length, coding) is MALFORMED
    assert refused(coding, length) is MALFORMED
    assert refused(coding, (b"content-length", b"0")) is MALFORMED


def test_http_10_has_no_chunks() -> None:
    assert refused((b"transfer-encoding", b"chunked"), http_10=True) is MALFORMED
    assert head((b"content-length", b"5"), http_10=True).content_length == 5


def test_without_framing_there_is_no_body() -> None:
    one = head((b"host", b"a"))
    assert (one.chunked, one.content_length, one.expects_continue, one.upgrade) == (False, None, False, b"")


@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue"])
def test_expect_continue_is_noted_where_it_means_something(value: bytes) -> None:
    assert head((b"Expect", value)).expects_continue
    assert not head((b"Expect", value), http_10=True).expects_continue


@pytest.mark.parametrize("value", [b"", b"200-ok", b"100-continue, x", b"100-continue;q=1", b"y 100-continue", b"100"])
def test_other_expectations_fail(value: bytes) -> None:
    assert refused((b"expect", value)) is EXPECTATION_FAILED


def test_upgrade_is_noted_in_lowercase() -> None:
    assert head((b"Upgrade", b"WebSocket")).upgrade == b"websocket"


def test_the_first_upgrade_counts_as_for_the_parser() -> None:
    assert head((b"Upgrade", b"websocket"), (b"upgrade", b"h2c")).upgrade == b"websocket"


# --- size ---------------------------------------------------------------------------------------------


def test_the_fields_together_have_a_limit() -> None:
    fields = [(b"x-%03d" % number, b"v" * 89) for number in range(10)]  # 98 bytes each, as lines
    assert head(*fields, limit_bytes=980)
    with pytest.raises(Refusal) as refusal:
        head(*fields, limit_bytes=979)
    assert refusal.value.fault is HEADERS_TOO_LARGE


# --- what is noted --------------------------------------------------------------------------------------


def test_credentials_are_noted_by_lowercase_name() -> None:
    one = head(
        (b"Authorization", b"Bearer a"),
        (b"X-API-KEY", b"b"),
        (b"Api-Key", b"c"),
        (b"x-goog-api-key", b"d"),
        (b"XI-Api-Key", b"e"),
    )
    assert one.credentials == {
        b"authorization": b"Bearer a", b"x-api-key": b"b", b"api-key": b"c", b"x-goog-api-key": b"d", b"xi-api-key": b"e",
    }  # fmt: skip
    assert one.control == {}


def test_control_fields_are_noted_and_the_first_counts() -> None:
    one = head(
        (b"CF-AIG-Skip-Cache", b"true"),
        (b"cf-aig-skip-cache", b"false"),
        (b"Cf-Cache-Ttl", b"60"),
        (b"X-Fal-Target-Url", b"https://fal.run/a"),
        (b"cf-aig-authorization", b"Bearer t"),
        (b"accept", b"*/*"),
    )
    assert one.control == {
        b"cf-aig-skip-cache": b"true",
        b"cf-cache-ttl": b"60",
        b"x-fal-target-url": b"https://fal.run/a",
        b"cf-aig-authorization": b"Bearer t",
    }
    assert one.credentials == {}


def test_a_value_is_found_by_lowercase_name_and_the_first_counts() -> None:
    one = head((b"User-Agent", b"one"), (b"user-agent", b"two"))
    assert one.value(b"user-agent") == b"one"
    assert one.value(b"accept") == b""


# --- what a browser wants with the answer -----------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "page_load"),
    [
        ([], False),
        ([(b"sec-fetch-mode", b"cors")], False),  # all that Node's fetch says
        ([(b"Sec-Fetch-Dest", b"empty"), (b"Sec-Fetch-Mode", b"cors"), (b"Sec-Fetch-Site", b"cross-site")], False),
        ([(b"Sec-Fetch-Dest", b"EMPTY")], False),
        ([(b"Sec-Fetch-Dest", b"image"), (b"Sec-Fetch-Mode", b"no-cors")], False),
        ([(b"Sec-Fetch-Dest", b"audio")], False),
        ([(b"Sec-Fetch-Dest", b"video")], False),
        ([(b"Sec-Fetch-Dest", b"websocket"), (b"Sec-Fetch-Mode", b"websocket")], False),
        *(
            ([(b"Sec-Fetch-Dest", dest)], True)
            for dest in (
                b"document", b"Document", b"iframe", b"frame", b"fencedframe", b"embed", b"object", b"script", b"worker",
                b"sharedworker", b"serviceworker", b"audioworklet", b"paintworklet", b"style", b"xslt", b"manifest", b"font",
                b"json", b"speculationrules", b"of-tomorrow", b"",
            )
        ),
        ([(b"Sec-Fetch-Mode", b"navigate")], True),
        ([(b"Sec-Fetch-Mode", b"Navigate"), (b"Sec-Fetch-Dest", b"empty")], True),
        ([(b"Sec-Fetch-Dest", b"document"), (b"Sec-Fetch-Dest", b"empty")], True),
        ([(b"Service-Worker", b"script")], True),
        ([(b"Upgrade-Insecure-Requests", b"1")], True),
    ],
)  # fmt: skip
def test_pages_and_scripts_are_told_from_data(fields: list[tuple[bytes, bytes]], page_load: bool) -> None:
    found = head(*fields)
    assert found.page_load is page_load
    assert [name for name, _ in fields if not is_read(name.lower()) and name != b"Sec-Fetch-Site"] == []


@pytest.mark.parametrize(
    ("lines", "coding"),
    [([], b""), ([b"gzip"], b"gzip"), ([b"gzip", b"br, zstd"], b"gzip,br, zstd"), ([b"", b"br"], b"br")],
)
def test_content_codings_on_several_lines_are_one_list(lines: list[bytes], coding: bytes) -> None:
    """RFC 9110 section 5.3."""
    fields = tuple((name, line) for name, line in zip((b"Content-Encoding", b"content-encoding"), lines, strict=False))
    assert RequestHead(fields, http_10=False, limit_bytes=9999).coding == coding


def test_what_providers_get_besides_is_looked_for_in_requests() -> None:
    """Else a known head would say for another request whether it has one of its own."""
    added = {name.lower().encode() for row in PROVIDERS for name in row.extra_headers}
    assert added
    assert [name for name in added if not is_read(name)] == []
