"""The head of an answer: what crosses, what is known of it, and what is no head at all."""

import pytest

from gateway.protocol.inert import INERT
from gateway.protocol.response_head import BadHead, ResponseHead

Fields = tuple[tuple[bytes, bytes], ...]


def crossing(fields: Fields) -> bytes:
    """What crosses of a provider's fields, less the policy that always stands behind them."""
    lines = response_head(fields).lines
    assert lines.endswith(INERT)
    return lines.removesuffix(INERT)


def response_head(fields: Fields, *, own: bool = False, start: bytes = b"HTTP/1.1 200 OK") -> ResponseHead:
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    return ResponseHead(start + b"\r\n" + lines + b"\r\n", own=own)


def cases(name: bytes) -> list[bytes]:
    return [name, name.upper(), name.title()]


ANSWER_DROPPED = [
    (b"connection", b"keep-alive"),
    (b"connection", b"close"),
    (b"keep-alive", b"timeout=5"),
    (b"proxy-authenticate", b"Basic"),
    (b"te", b"trailers"),
    (b"trailer", b"x-sum"),
    (b"transfer-encoding", b"chunked"),
    (b"upgrade", b"h2"),
    (b"content-length", b"5"),
    (b"cf-aig-log-id", b"forged"),
    (b"cf-aig-cache-status", b"HIT"),
]


@pytest.mark.parametrize(("name", "value"), ANSWER_DROPPED, ids=lambda part: part.decode())
def test_a_providers_hop_and_our_names_do_not_cross_back(name: bytes, value: bytes) -> None:
    for spelled in cases(name):
        fields = ((b"X-Before", b"1"), (spelled, value), (b"x-after", b"2"))
        assert crossing(fields) == b"X-Before: 1\r\nx-after: 2\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"Content-Type", b"text/event-stream; charset=utf-8"),
        (b"x-request-id", b"req_1"),
        (b"openai-processing-ms", b"12"),
        (b"anthropic-ratelimit-requests-remaining", b"9"),
        (b"Retry-After", b"3"),
        (b"x-ratelimit-limit-requests", b"60"),
        (b"x-should-retry", b"true"),
        (b"content-encoding", b"gzip"),
        (b"www-authenticate", b"Bearer"),
        (b"cf-ray", b"1-XXX"),
        (b"date", b"Mon, 23 Nov 2026 00:00:00 GMT"),
    ],
    ids=lambda part: part.decode(),
)
def test_the_providers_own_fields_cross_back(name: bytes, value: bytes) -> None:
    assert crossing(((name, value),)) == name + b": " + value + b"\r\n"


@pytest.mark.parametrize("connection", [[b"x-hop"], [b"close, X-Hop"], [b"close", b"x-hop"], [b"x-other", b"x-hop"]])
@pytest.mark.parametrize("first", [True, False])
def test_what_an_answers_connection_names_does_not_cross_back(connection: list[bytes], first: bool) -> None:
    named = [(b"Connection", value) for value in connection]
    others = [(b"X-Hop", b"1"), (b"content-type", b"text/plain"), (b"x-stays", b"2")]
    fields = tuple(named + others if first else others + named)
    found = response_head(fields)
    assert crossing(fields) == b"content-type: text/plain\r\nx-stays: 2\r\n"
    assert found.content_type == b"text/plain"


def test_the_relay_learns_what_it_wants_to_know() -> None:
    found = response_head(
        ((b"Content-Type", b"application/json"), (b"Content-Encoding", b"br"), (b"Cache-Control", b"no-store"))
    )
    assert (found.content_type, found.encoding, found.cache_control) == (b"application/json", b"br", True)
    empty = response_head(())
    assert (crossing(()), empty.content_type, empty.encoding, empty.cache_control) == (b"", b"", b"", False)


def test_framing_fields_are_kept_apart_even_if_connection_names_them() -> None:
    fields = ((b"Connection", b"content-length, x-hop"), (b"X-Hop", b"1"), (b"Content-Length", b"5"))
    found = response_head(fields)
    assert (crossing(fields), found.framing) == (b"", ((b"content-length", b"5"),))


def test_repeated_answer_fields_stay_repeated() -> None:
    fields = ((b"vary", b"a"), (b"Vary", b"b"))
    assert crossing(fields) == b"vary: a\r\nVary: b\r\n"


STEERING = [
    (b"Set-Cookie", b"__Host-gateway-session=x; Path=/; Secure"),
    (b"Clear-Site-Data", b'"*"'),
    (b"Strict-Transport-Security", b"max-age=31536000"),
    (b"Public-Key-Pins", b"pin-sha256=x"),
    (b"Public-Key-Pins-Report-Only", b"pin-sha256=x"),
    (b"Expect-CT", b"enforce"),
    (b"Alt-Svc", b'h3=":443"'),
    (b"Service-Worker-Allowed", b"/"),
    (b"Refresh", b"0; url=/dashboard"),
    (b"SourceMap", b"/v1/x"),
    (b"X-SourceMap", b"/v1/x"),
    (b"Link", b"</x>; rel=preload; as=script"),
    (b"NEL", b"{}"),
    (b"Report-To", b"{}"),
    (b"Reporting-Endpoints", b'x="https://x.test"'),
    (b"Content-Security-Policy", b"script-src *"),
    (b"Content-Security-Policy-Report-Only", b"default-src 'none'; report-uri https://x.test"),
    (b"X-Content-Type-Options", b"sniff"),
    (b"X-Frame-Options", b"ALLOWALL"),
    (b"Origin-Agent-Cluster", b"?1"),
    (b"Origin-Trial", b"token"),
    (b"Permissions-Policy", b"camera=*"),
    (b"Referrer-Policy", b"unsafe-url"),
    (b"Document-Policy", b"x"),
    (b"Cross-Origin-Opener-Policy", b"unsafe-none"),
    (b"Cross-Origin-Embedder-Policy-Report-Only", b"require-corp"),
    (b"Cross-Origin-Resource-Policy", b"cross-origin"),
    (b"Access-Control-Allow-Origin", b"https://x.test"),
    (b"Access-Control-Allow-Credentials", b"true"),
    (b"Access-Control-Allow-Private-Network", b"true"),
    (b"Timing-Allow-Origin", b"*"),
    (b"Accept-CH", b"Sec-CH-UA-Model"),
    (b"Critical-CH", b"Sec-CH-UA-Model"),
    (b"Speculation-Rules", b'"/v1/x"'),
    (b"Use-As-Dictionary", b'match="/dashboard/*"'),
    (b"Set-Login", b"logged-out"),
    (b"Attribution-Reporting-Register-Source", b"{}"),
    (b"Shared-Storage-Write", b"clear"),
    (b"Sec-Session-Registration", b'(ES256);path="/x"'),
    (b"WWW-Authenticate", b'Basic realm="sign in"'),
    (b"WWW-Authenticate", b'Bearer, basic realm="sign in"'),
    (b"WWW-Authenticate", b"Negotiate"),
    (b"WWW-Authenticate", b'Digest realm="x", nonce="y"'),
]


@pytest.mark.parametrize(("name", "value"), STEERING, ids=lambda part: part.decode())
def test_only_control_may_steer_browsers_for_our_origin(name: bytes, value: bytes) -> None:
    for spelled in cases(name):
        assert crossing(((spelled, value),)) == b""
    if name != b"WWW-Authenticate":
        assert response_head(((name, value),), own=True).lines == name + b": " + value + b"\r\n"


def test_controls_answers_have_their_own_policies() -> None:
    assert response_head((), own=True).lines == b""


@pytest.mark.parametrize("named", [b"content-security-policy", b"X-Content-Type-Options, Content-Security-Policy"])
def test_no_connection_field_takes_the_policy_off(named: bytes) -> None:
    assert response_head(((b"Connection", named),)).lines == INERT


@pytest.mark.parametrize(
    ("start", "connection", "http_10", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK", None, False, True),
        (b"HTTP/1.1 200 OK", b"keep-alive", False, True),
        (b"HTTP/1.1 200 OK", b"x, Close", False, False),
        (b"HTTP/1.0 200 OK", None, True, False),
        (b"HTTP/1.0 200 OK", b"Keep-Alive", True, True),
        (b"HTTP/1.0 200 OK", b"close", True, False),
    ],
)
def test_whether_the_connection_lives_on(start: bytes, connection: bytes | None, http_10: bool, keep_alive: bool) -> None:
    head = response_head(() if connection is None else ((b"Connection", connection),), start=start)
    assert (head.http_10, head.keep_alive) == (http_10, keep_alive)


@pytest.mark.parametrize(
    ("start", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, b"OK"),
        (b"HTTP/1.1 200 ", 200, b""),
        (b"HTTP/1.1 204", 204, b""),
        (b"HTTP/1.1 529 Site is \xfcberloaded", 529, b"Site is \xfcberloaded"),
    ],
)
def test_status_lines(start: bytes, status: int, reason: bytes) -> None:
    head = response_head((), start=start)
    assert (head.status, head.status_line) == (status, b"HTTP/1.1 %d %b\r\n" % (status, reason))


@pytest.mark.parametrize(
    "start",
    [
        b"", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 X", b"HTTP/1.1 600 X",
        b"HTTP/2.0 200 OK", b"HTTP/1.2 200 OK", b"http/1.1 200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK", b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\x7fK", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\nK",
        b"garbage",
    ],
)  # fmt: skip
def test_what_is_no_status_line(start: bytes) -> None:
    with pytest.raises(BadHead):
        response_head((), start=start)


@pytest.mark.parametrize(
    "line",
    [
        b"no colon", b": no name", b"name : space", b" folded: line", b"\tfolded", b"na me: x", b"na(me: x", b"n\xe4me: x",
        b"a: b\0c", b"a: b\x1fc", b"a: b\x7fc", b"a: b\rc: d", b"a: b\nc: d", b"", b"n" * 257 + b": x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("behind", [b"", b"x-next: 1\r\n"])
def test_what_is_no_field(line: bytes, behind: bytes) -> None:
    with pytest.raises(BadHead):
        ResponseHead(b"HTTP/1.1 200 OK\r\nx-first: 1\r\n" + line + b"\r\n" + behind + b"\r\n")


def test_a_bad_name_is_not_remembered_as_a_good_one() -> None:
    for _ in range(2):
        with pytest.raises(BadHead):
            response_head(((b"a b", b"x"),))


@pytest.mark.parametrize("name", [b"x-remembered", b"Content-Type", b"keep-alive", b"Set-Cookie", b"content-length"])
def test_a_name_alone_is_no_field_though_it_was_seen_before(name: bytes) -> None:
    response_head(((name, b"1"),))
    with pytest.raises(BadHead):
        ResponseHead(b"HTTP/1.1 200 OK\r\nx-first: 1\r\n" + name + b"\r\n\r\n")


def test_lines_cross_as_the_bytes_they_came_in() -> None:
    block = b"HTTP/1.1 200 OK\r\nX-A:  b \t\r\nx-empty:\r\nX-Name: gr\xc3\xbc\xdf\r\n\r\n"
    assert ResponseHead(block).lines == block.partition(b"\r\n")[2][:-2] + INERT


def test_many_spellings_do_not_fill_memory() -> None:
    for number in range(5000):
        assert response_head(((b"x-%d" % number, b"1"), (b"Content-Length", b"2"))).lines == b"x-%d: 1\r\n" % number + INERT
