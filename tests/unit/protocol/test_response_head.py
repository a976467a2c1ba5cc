"""The head of an answer: what crosses, what is known of it, and what is no head at all."""

import pytest

from gateway.protocol.response_head import BadHead, ResponseHead

Fields = tuple[tuple[bytes, bytes], ...]


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
    (b"alt-svc", b'h3=":443"'),
    (b"cf-aig-log-id", b"forged"),
    (b"cf-aig-cache-status", b"HIT"),
]


@pytest.mark.parametrize(("name", "value"), ANSWER_DROPPED, ids=lambda part: part.decode())
def test_a_providers_hop_and_our_names_do_not_cross_back(name: bytes, value: bytes) -> None:
    for spelled in cases(name):
        fields = ((b"X-Before", b"1"), (spelled, value), (b"x-after", b"2"))
        assert response_head(fields).lines == b"X-Before: 1\r\nx-after: 2\r\n"


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
    assert response_head(((name, value),)).lines == name + b": " + value + b"\r\n"


@pytest.mark.parametrize("connection", [[b"x-hop"], [b"close, X-Hop"], [b"close", b"x-hop"], [b"x-other", b"x-hop"]])
@pytest.mark.parametrize("first", [True, False])
def test_what_an_answers_connection_names_does_not_cross_back(connection: list[bytes], first: bool) -> None:
    named = [(b"Connection", value) for value in connection]
    others = [(b"X-Hop", b"1"), (b"content-type", b"text/plain"), (b"x-stays", b"2")]
    found = response_head(tuple(named + others if first else others + named))
    assert found.lines == b"content-type: text/plain\r\nx-stays: 2\r\n"
    assert found.content_type == b"text/plain"


def test_the_relay_learns_what_it_wants_to_know() -> None:
    found = response_head(
        ((b"Content-Type", b"application/json"), (b"Content-Encoding", b"br"), (b"Cache-Control", b"no-store"))
    )
    assert (found.content_type, found.encoding, found.cache_control) == (b"application/json", b"br", True)
    empty = response_head(())
    assert (empty.lines, empty.content_type, empty.encoding, empty.cache_control) == (b"", b"", b"", False)


def test_framing_fields_are_kept_apart_even_if_connection_names_them() -> None:
    fields = ((b"Connection", b"content-length, x-hop"), (b"X-Hop", b"1"), (b"Content-Length", b"5"))
    found = response_head(fields)
    assert (found.lines, found.framing) == (b"", ((b"content-length", b"5"),))


def test_repeated_answer_fields_stay_repeated() -> None:
    fields = ((b"link", b"<a>"), (b"Link", b"<b>"))
    assert response_head(fields).lines == b"link: <a>\r\nLink: <b>\r\n"


@pytest.mark.parametrize("name", [b"Set-Cookie", b"Strict-Transport-Security", b"Clear-Site-Data", b"Public-Key-Pins"])
def test_only_control_may_speak_of_our_origin(name: bytes) -> None:
    fields = ((name, b"x"),)
    assert response_head(fields).lines == b""
    assert response_head(fields, own=True).lines == name + b": x\r\n"


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
    assert (head.status, head.reason) == (status, reason)


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
    assert ResponseHead(block).lines == block.partition(b"\r\n")[2][:-2]


def test_many_spellings_do_not_fill_memory() -> None:
    for number in range(5000):
        assert response_head(((b"x-%d" % number, b"1"), (b"Content-Length", b"2"))).lines == b"x-%d: 1\r\n" % number
