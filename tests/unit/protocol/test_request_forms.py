import pytest

from gateway.model.faults import MALFORMED, Refusal
from gateway.protocol.request_forms import as_http_11, begins_with_bare_cr, forwards, origin_form, pieces, with_host


@pytest.mark.parametrize(
    ("target", "path", "authority"),
    [
        ("http://a/x", "/x", b"a"),
        ("http://a", "/", b"a"),
        ("http://a?b=c", "/?b=c", b"a"),
        ("HTTPS://A.example:8443/x?y=http://z/#", "", b""),
        ("HTTPS://A.example:8443/x?y=http://z/", "/x?y=http://z/", b"A.example:8443"),
        ("http://[::1]:80//x", "//x", b"[::1]:80"),
        ("http://user@a/x", "", b""),
        ("http:///x", "", b""),
        ("ftp://a/x", "", b""),
        ("a/x", "", b""),
        ("*", "", b""),
        ("", "", b""),
        ("http://é/x", "", b""),
        ("http://a/é", "", b""),
        ("http://a/ x", "", b""),
        ("http://a\\b/x", "", b""),
    ],
)
def test_absolute_targets(target: str, path: str, authority: bytes) -> None:
    if path and "#" not in target:
        assert origin_form(target) == (path, authority)
    elif "#" in target:
        assert "#" in origin_form(target)[0], "for `examine_line` to refuse"
    else:
        with pytest.raises(Refusal) as refused:
            origin_form(target)
        assert refused.value.fault is MALFORMED


def test_the_targets_authority_is_the_host() -> None:
    fields = ((b"HOST", b"other"), (b"X", b"other"))
    assert with_host(fields, b"a") == ((b"HOST", b"a"), (b"X", b"other"))


@pytest.mark.parametrize(
    ("value", "left", "further"),
    [(b"0", b"-1", False), (b"1", b"0", True), (b"10", b"9", True), (b"x", b"x", True), (b"", b"", True), (b"-1", b"-1", True)],
)
def test_hops(value: bytes, left: bytes, further: bool) -> None:
    fields = ((b"Host", b"a"), (b"Max-Forwards", value))
    assert forwards(fields) == (((b"Host", b"a"), (b"Max-Forwards", left)), further)
    assert forwards(fields[:1]) == (fields[:1], True)


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (b"GET / HTTP/1.9\r\n", b"GET / HTTP/1.1\r\n"),
        (b"GET / HTTP/1.0\r\n", b"GET / HTTP/1.0\r\n"),
        (b"GET / HTTP/1.10\r\n", b"GET / HTTP/1.10\r\n"),
        (b"GET / HTTP/2.0\r\n", b"GET / HTTP/2.0\r\n"),
        (b"GET /\r\n HTTP/1.2\r\n", b"GET /\r\n HTTP/1.2\r\n"),
    ],
)
def test_later_versions(data: bytes, read: bytes) -> None:
    assert as_http_11(data) == read


@pytest.mark.parametrize("data", [b"\r\r\nGET", b"\rGET", b"\r\n\rGET", b"\n\r\r\n", b"\r\n\r\n\rG"])
def test_a_bare_cr(data: bytes) -> None:
    assert begins_with_bare_cr(data)


@pytest.mark.parametrize("data", [b"", b"G\rET", b"\r\nGET", b"\r\n\r\nGET", b"\nGET", b"\r", b"\r\n\r"])
def test_no_bare_cr(data: bytes) -> None:
    assert not begins_with_bare_cr(data)


@pytest.mark.parametrize("data", [b"a\r\n\r\nb", b"a\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"a", b"a\r\n\r\n" * 100])
def test_pieces_are_the_data(data: bytes) -> None:
    cut = pieces(data)
    assert b"".join(cut) == data
    assert all(piece.find(b"\r\n\r\n") in (-1, len(piece) - 4) for piece in cut[:64])
    assert len(cut) <= 65
