"""Raw requests, each with what must become of it. `MARK` stands wherever the input must not come back in an answer or a log."""

from collections.abc import Iterable
from typing import NamedTuple

ACCOUNT = b"a" * 32
# A fixed token of the right form, so that the mutants of a seed are the same every day.
TOKEN = "agw_" + "0" * 43 + "3wpEYm"
MARK = b"canary-7f3a"

OPEN = b"/v1/" + ACCOUNT + b"/open/openai/"
ASKING = b"/v1/" + ACCOUNT + b"/g1/openai/"
BEARER = b"cf-aig-authorization: Bearer " + TOKEN.encode()
BAD_BEARER = b"cf-aig-authorization: Bearer agw_" + MARK
KEY = b"Authorization: Bearer sk-" + MARK
HOST = b"Host: gateway.test"
BODY = b'{"a":1}'
PROBE = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


class Vector(NamedTuple):
    name: str
    pieces: tuple[bytes, ...]
    """What is sent, one write after the other."""
    answers: tuple[int, ...]
    """Statuses in order, 100 among them."""
    closed: bool = False
    """The edge closes behind the last answer; else the connection goes on in step, which a probe shows."""
    served: tuple[tuple[bytes, bytes], ...] = ()
    """What reaches the provider, once each: target, body."""
    waiting: bool = False
    """The request is not whole: nothing more is answered, nothing whole reaches the provider."""

    @property
    def raw(self) -> bytes:
        return b"".join(self.pieces)


def head(*lines: bytes, line: bytes = b"POST " + OPEN + b"x HTTP/1.1", host: bytes = HOST, end: bytes = b"\r\n") -> bytes:
    fields = [host, KEY, *lines] if host else [KEY, *lines]
    return end.join([line, *fields, b"", b""])


def sized(body: bytes = BODY, *lines: bytes, name: bytes = b"x") -> bytes:
    """A good request of known length."""
    return head(b"Content-Length: %d" % len(body), *lines, line=b"POST " + OPEN + name + b" HTTP/1.1") + body


def chunked(coded: bytes, *lines: bytes) -> bytes:
    return head(b"Transfer-Encoding: chunked", *lines) + coded


SMUGGLED = head(line=b"GET " + OPEN + b"smuggled HTTP/1.1")


def refused(name: str, raw: bytes | tuple[bytes, ...], status: int = 400) -> Vector:
    return Vector(name, raw if isinstance(raw, tuple) else (raw,), (status,), closed=True)


def served(name: str, raw: bytes | tuple[bytes, ...], *bodies: bytes, closed: bool = False, path: bytes = b"/v1/x") -> Vector:
    """Each body reaches the provider, in this order; an answer each."""
    pieces = raw if isinstance(raw, tuple) else (raw,)
    return Vector(name, pieces, (200,) * len(bodies), closed, tuple((path, body) for body in bodies))


def waiting(name: str, raw: bytes | tuple[bytes, ...]) -> Vector:
    return Vector(name, raw if isinstance(raw, tuple) else (raw,), (), waiting=True)


def lengths() -> Iterable[Vector]:
    coded = b"7\r\n" + BODY + b"\r\n0\r\n\r\n"
    te, cl = b"Transfer-Encoding: chunked", b"Content-Length: 7"
    yield refused("cl-te", head(cl, te) + coded)
    yield refused("te-cl", head(te, cl) + coded)
    yield refused("te-cl-0", head(te, b"Content-Length: 0") + coded + SMUGGLED)
    yield refused("cl-te-other-case", head(cl, b"tRANSFER-eNCODING: CHUNKED") + coded)
    yield refused("cl-te-unknown", head(cl, b"Transfer-Encoding: xchunked") + BODY)
    yield refused("cl-te-identity", head(cl, b"Transfer-Encoding: identity") + BODY)
    yield refused("cl-te-empty", head(cl, b"Transfer-Encoding:") + BODY)
    yield refused("cl-twice-same", head(cl, cl) + BODY)
    yield refused("cl-twice-other", head(cl, b"Content-Length: 8") + BODY)
    yield refused("cl-twice-other-case", head(cl, b"content-length: 0") + BODY)
    wrong = {
        "list": b"7, 7",
        "list-other": b"7,8",
        "plus": b"+7",
        "minus": b"-7",
        "hexadecimal": b"0x7",
        "inner-space": b"1 7",
        "underscore": b"0_7",
        "empty": b"",
        "word": b"seven",
        "exponent": b"7e0",
        "dot": b"7.0",
        "semicolon": b"7;",
        "quoted": b'"7"',
        "overflow-64": b"18446744073709551616",
        "wraps-64": b"18446744073709551623",
        "max-64": b"18446744073709551615",
        "digits-30": b"0" * 22 + b"99999999",
        "nul": b"7\x00",
        "vertical-tab": b"\x0b7",
        "arabic": "٧".encode(),
        "full-width": "７".encode(),
        "superscript": "⁷".encode(),
    }
    for name, value in wrong.items():
        yield refused(f"cl-{name}", head(b"Content-Length: " + value) + BODY)
    yield refused("cl-folded", head(b"Content-Length:\r\n 7") + BODY)
    yield refused("cl-space-before-colon", head(b"Content-Length : 7") + BODY)
    yield refused("cl-behind-bare-cr", head(b"X: a\rContent-Length: 7") + BODY)
    yield refused("cl-behind-bare-lf", head(b"X: a\nContent-Length: 7") + BODY)
    yield refused("cl-too-large", head(b"Content-Length: 99999999") + BODY, 413)
    yield refused("cl-too-large-18-digits", head(b"Content-Length: " + b"9" * 18) + BODY, 413)
    yield served("cl-space-around", head(b"Content-Length: \t 7 \t") + BODY, BODY)
    yield served("cl-zeros", head(b"Content-Length: 007") + BODY, BODY)
    yield served("cl-none", head(), b"")
    yield served("cl-0", head(b"Content-Length: 0"), b"")
    yield served("cl-underscore-is-another-field", head(cl, b"Content_Length: 99") + BODY, BODY)
    yield served("cl-on-get", head(cl, line=b"GET " + OPEN + b"x HTTP/1.1") + BODY, BODY)
    yield served("cl-body-looks-like-a-request", sized(SMUGGLED), SMUGGLED)
    # What stands whole before a fault in the same read is answered (RFC 9112 section 9.6).
    yield Vector("cl-0-then-garbage", (head(b"Content-Length: 0") + BODY,), (200, 400), True, ((b"/v1/x", b""),))
    yield Vector(
        "cl-short-then-the-rest-is-garbage", (head(b"Content-Length: 3"), BODY), (200, 400), True, ((b"/v1/x", BODY[:3]),)
    )
    yield waiting("cl-longer-than-body", head(b"Content-Length: 8") + BODY)


def codings() -> Iterable[Vector]:
    coded = b"7\r\n" + BODY + b"\r\n0\r\n\r\n"
    wrong = {
        "gzip": b"gzip, chunked",
        "behind": b"chunked, gzip",
        "twice": b"chunked, chunked",
        "comma-before": b",chunked",
        "comma-behind": b"chunked,",
        "identity": b"identity",
        "list-identity": b"identity, chunked",
        "unknown": b"xchunked",
        "parameter": b"chunked;q=1",
        "quoted": b'"chunked"',
        "empty": b"",
        "vertical-tab": b"\x0bchunked",
        "vertical-tab-behind": b"chunked\x0b",
        "tab-behind": b"chunked\t",
        "nul": b"chunked\x00",
        "form-feed": b"\x0cchunked",
        "cow": b"cow",
        "words": b"chunked chunked",
        "kelvin": "chun\u212aed".encode(),
    }
    for name, value in wrong.items():
        yield refused(f"te-{name}", head(b"Transfer-Encoding: " + value) + coded)
    yield refused("te-two-lines", head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + coded)
    yield refused("te-two-lines-identity", head(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked") + coded)
    yield refused("te-space-before-colon", head(b"Transfer-Encoding : chunked") + coded)
    yield refused("te-folded", head(b"Transfer-Encoding:\r\n chunked") + coded)
    yield refused("te-behind-bare-cr", head(b"X: a\rTransfer-Encoding: chunked") + coded)
    yield refused("te-http-10", head(b"Transfer-Encoding: chunked", line=b"POST " + OPEN + b"x HTTP/1.0") + coded)
    yield served("te-case", head(b"tRaNsFeR-eNcOdInG: ChUnKeD") + coded, BODY)
    yield served("te-space-around", head(b"Transfer-Encoding:\t chunked") + coded, BODY)
    yield served("te-underscore-is-another-field", head(b"Content-Length: 7", b"Transfer_Encoding: chunked") + BODY, BODY)
    yield served("te-on-get", head(b"Transfer-Encoding: chunked", line=b"GET " + OPEN + b"x HTTP/1.1") + coded, BODY)


def chunks() -> Iterable[Vector]:
    last = b"0\r\n\r\n"
    wrong = {
        "size-plus": b"+7\r\n" + BODY + b"\r\n" + last,
        "size-minus": b"-7\r\n" + BODY + b"\r\n" + last,
        "size-0x": b"0x7\r\n" + BODY + b"\r\n" + last,
        "size-space-before": b" 7\r\n" + BODY + b"\r\n" + last,
        "size-underscore": b"0_7\r\n" + BODY + b"\r\n" + last,
        "size-word": b"g\r\n" + BODY + b"\r\n" + last,
        "size-empty": b"\r\n" + BODY + b"\r\n" + last,
        "size-overflow": b"10000000000000007\r\n" + BODY + b"\r\n" + last,
        "size-huge": b"f" * 17 + b"\r\n" + BODY,
        "size-lf": b"7\n" + BODY + b"\r\n" + last,
        "size-cr": b"7\r" + BODY + b"\r\n" + last,
        "size-space-behind": b"7 \r\n" + BODY + b"\r\n" + last,
        "size-tab-behind": b"7\t\r\n" + BODY + b"\r\n" + last,
        "data-long": b"6\r\n" + BODY + b"\r\n" + last,
        "data-without-end": b"7\r\n" + BODY + last,
        "data-lf": b"7\r\n" + BODY + b"\n" + last,
        "data-cr": b"7\r\n" + BODY + b"\r" + last,
        "ext-lf": b"7;a\n" + BODY + b"\r\n" + last,
        "ext-cr": b"7;a\rb\r\n" + BODY + b"\r\n" + last,
        "ext-nul": b"7;a\x00\r\n" + BODY + b"\r\n" + last,
        "ext-smuggle": b"7;\n" + SMUGGLED + BODY + b"\r\n" + last,
        "last-lf": b"7\r\n" + BODY + b"\r\n0\n\n",
        "last-mixed": b"7\r\n" + BODY + b"\r\n0\r\n\n" + SMUGGLED,
        "last-without-end": b"7\r\n" + BODY + b"\r\n0" + SMUGGLED,
        "trailer-no-colon": b"7\r\n" + BODY + b"\r\n0\r\n" + MARK + b"\r\n\r\n",
        "trailer-space": b"7\r\n" + BODY + b"\r\n0\r\nX : a\r\n\r\n",
        "trailer-folded": b"7\r\n" + BODY + b"\r\n0\r\nX: a\r\n b\r\n\r\n",
        "trailer-lf": b"7\r\n" + BODY + b"\r\n0\r\nX: a\n\r\n",
        "trailer-nul": b"7\r\n" + BODY + b"\r\n0\r\nX: a\x00\r\n\r\n",
        "trailer-length": b"7\r\n" + BODY + b"\r\n0\r\nContent-Length: 99\r\n\r\n",
        "trailer-coding": b"7\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    }
    for name, coded in wrong.items():
        yield refused(f"chunk-{name}", chunked(coded))
    trailers = b"7\r\n" + BODY + b"\r\n0\r\n"
    yield refused("chunk-trailer-field-too-long", chunked(trailers + b"X: " + b"y" * 70_000 + b"\r\n\r\n"), 431)
    yield refused("chunk-trailer-flood", chunked(trailers + b"X: y\r\n" * 300 + b"\r\n"), 431)
    good = {
        "ext": b"7;a=b\r\n" + BODY + b"\r\n" + last,
        "ext-quoted": b'7;a="b;c"\r\n' + BODY + b"\r\n" + last,
        "zeros": b"0007\r\n" + BODY + b"\r\n" + last,
        "bytewise": b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + last,
    }
    for name, coded in good.items():
        yield served(f"chunk-{name}", chunked(coded), BODY)
    # Served, but nothing on this connection is read any more: aiohttp's parser would give the last trailer to the next request.
    for name, end in {
        "last-ext": b"0;x\r\n\r\n",
        "last-zeros": b"000\r\n\r\n",
        "trailer": b"0\r\nX: y\r\n\r\n",
        "trailer-field-long": b"0\r\nX: " + b"y" * 7000 + b"\r\n\r\n",
        "trailer-host": b"0\r\nHost: other\r\n\r\n",
        "trailer-credential": b"0\r\nAuthorization: other\r\nCf-Aig-Authorization: x\r\n\r\n",
        "trailer-0": b"0\r\nX: 0\r\n\r\n",
        "trailer-name-0": b"0\r\n0: \r\n\r\n",
    }.items():
        coded = chunked(b"7\r\n" + BODY + b"\r\n" + end)
        yield served(f"chunk-{name}", coded, BODY, closed=True)
        if name != "trailer-host":  # there the parser sees two hosts, and refuses all of the read
            yield served(f"chunk-{name}-then-another", coded + SMUGGLED, BODY, closed=True)
        yield served(f"chunk-{name}-then-another-later", (coded[:-1], coded[-1:] + chunked(last)), BODY, closed=True)
    yield served("chunk-then-another", chunked(b"7\r\n" + BODY + b"\r\n" + last) + SMUGGLED, BODY, closed=True)
    many = b"z" * 5000
    yield served("chunk-many-small", chunked(b"1\r\nz\r\n" * 5000 + last), many)
    yield served("chunk-split-writes", (chunked(b"7\r"), b"\n{", BODY[1:] + b"\r", b"\n0\r\n", b"\r\n"), BODY)
    yield Vector(
        "chunk-then-garbage", (chunked(b"7\r\n" + BODY + b"\r\n" + last), b"\x00\x01"), (200, 400), True, ((b"/v1/x", BODY),)
    )
    yield waiting("chunk-no-last", chunked(b"7\r\n" + BODY + b"\r\n"))
    yield waiting("chunk-no-final-empty-line", chunked(b"7\r\n" + BODY + b"\r\n0\r\n"))
    yield waiting("chunk-short-data", chunked(b"8\r\n" + BODY))
    long = b";" + b"e" * 60_000
    yield refused("flood-one-extension-at-once", chunked(b"7;" + b"e" * 65_536 + b"\r\n" + BODY + b"\r\n" + last))
    yield refused("flood-one-extension-later", (chunked(b""), b"7;" + b"e" * 65_536, b"\r\n" + BODY + b"\r\n" + last))
    yield served("extension-of-4-kb", chunked(b"7;" + b"e" * 4096 + b"\r\n" + BODY + b"\r\n" + last), BODY)
    yield refused("flood-one-extension", (chunked(b"7"), *[long] * 12))
    yield refused("flood-extensions", (chunked(b""), *[(b"1;" + b"e" * 4000 + b"\r\nz\r\n") * 15] * 12))
    yield refused("flood-size-zeros", (chunked(b""), *[b"0" * 60_000] * 12))
    yield refused("flood-body-too-large", (chunked(b""), *[b"ffff\r\n" + b"z" * 65_535 + b"\r\n"] * 18), 413)


def duplicates() -> Iterable[Vector]:
    for name in (b"Authorization", b"X-Api-Key", b"Api-Key", b"X-Goog-Api-Key", b"Xi-Api-Key", b"Cf-Aig-Authorization"):
        line = name + b": Bearer " + MARK
        fields = [line] if name == b"Authorization" else [line, name.lower() + b": other"]
        yield refused(f"twice-{name.decode().lower()}", head(b"Content-Length: 7", *fields) + BODY)
    asking = b"POST " + ASKING + b"x HTTP/1.1"
    yield refused("token-good-bad", head(BEARER, BAD_BEARER, b"Content-Length: 7", line=asking) + BODY)
    yield refused("token-bad-good", head(BAD_BEARER, BEARER, b"Content-Length: 7", line=asking) + BODY)
    yield refused("token-good-good", head(BEARER, BEARER, b"Content-Length: 7", line=asking) + BODY)
    yield refused("host-twice", head(b"Host: other", b"Content-Length: 7") + BODY)
    yield refused("host-twice-same", head(HOST, b"Content-Length: 7") + BODY)
    yield refused("expect-twice", head(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 7"))
    yield refused("content-type-twice", head(b"Content-Type: a/b", b"Content-Type: c/d", b"Content-Length: 7") + BODY)
    yield served("other-field-twice", head(b"X-Other: 1", b"X-Other: 2", b"Content-Length: 7") + BODY, BODY)


def lines() -> Iterable[Vector]:
    """What separates, folds and spaces."""
    good = head(b"Content-Length: 7") + BODY
    yield refused("lf-everywhere", head(b"Content-Length: 7", end=b"\n") + BODY)
    yield refused("cr-everywhere", head(b"Content-Length: 7", end=b"\r") + BODY + b"\r\n\r\n")
    yield refused("lf-behind-request-line", good.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"))
    yield refused("cr-behind-request-line", good.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r"))
    yield refused("lf-at-the-end", good.replace(b"7\r\n\r\n", b"7\r\n\n"))
    yield refused("lf-behind-field", good.replace(b"gateway.test\r\n", b"gateway.test\n"))
    yield refused("cr-cr-lf", good.replace(b"gateway.test\r\n", b"gateway.test\r\r\n"))
    yield refused("bare-cr-in-value", head(b"X: a\rb", b"Content-Length: 7") + BODY)
    yield refused("fold", head(b"X: a\r\n b", b"Content-Length: 7") + BODY)
    yield refused("fold-tab", head(b"X: a\r\n\tb", b"Content-Length: 7") + BODY)
    yield refused("fold-hides-coding", head(b"X: a\r\n Transfer-Encoding: chunked", b"Content-Length: 7") + BODY)
    yield refused("fold-first", b"POST " + OPEN + b"x HTTP/1.1\r\n " + HOST + b"\r\nContent-Length: 7\r\n\r\n" + BODY)
    yield refused("line-of-spaces", head(b"   ", b"Content-Length: 7") + BODY)
    yield refused("space-before-colon", head(b"X : a", b"Content-Length: 7") + BODY)
    yield refused("tab-before-colon", head(b"X\t: a", b"Content-Length: 7") + BODY)
    yield refused("no-colon", head(MARK, b"Content-Length: 7") + BODY)
    yield refused("no-name", head(b": " + MARK, b"Content-Length: 7") + BODY)
    for name, byte in {
        "nul": b"\x00",
        "space": b" ",
        "utf8": b"\xc3\xa9",
        "paren": b"(",
        "slash": b"/",
        "at": b"@",
        "quote": b'"',
        "del": b"\x7f",
    }.items():
        yield refused(f"name-with-{name}", head(b"X" + byte + b"Y: " + MARK, b"Content-Length: 7") + BODY)
    for name, byte in {
        "nul": b"\x00",
        "soh": b"\x01",
        "vertical-tab": b"\x0b",
        "escape": b"\x1b",
        "del": b"\x7f",
    }.items():
        yield refused(f"value-with-{name}", head(b"X: a" + byte + MARK, b"Content-Length: 7") + BODY)
    # Bytes from 0x80 pass as they are (RFC 9110 section 5.5), whatever they would be as text.
    for name, byte in {
        "latin1": b"\xff",
        "c1-control": b"\x85",
        "overlong": b"\xc0\xaf",
        "cut-utf8": b"\xe2\x82",
        "surrogate": b"\xed\xa0\x80",
    }.items():
        yield served(f"value-with-{name}", head(b"X: a" + byte, b"Content-Length: 7") + BODY, BODY)
        yield served(f"value-of-{name}", head(b"X: " + byte, b"Content-Length: 7") + BODY, BODY)
    yield served("value-utf8", head("X: é€".encode(), b"Content-Length: 7") + BODY, BODY)
    yield served("value-tab", head(b"X: a\tb", b"Content-Length: 7") + BODY, BODY)
    yield served("value-empty", head(b"X:", b"Content-Length: 7") + BODY, BODY)
    yield served("empty-line-before", b"\r\n" + good, BODY)
    yield served("empty-lines-before", b"\r\n" * 5 + good, BODY)
    yield refused("space-before", b" " + good)
    yield refused("bare-cr-before", b"\r\r\n" + good)
    yield refused("cr-before", b"\r" + good)
    yield refused("empty-line-and-cr-before", b"\r\n\r" + good)
    yield refused("nul-before", b"\x00" + good)
    yield refused("tls-hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + MARK)
    yield refused("word", MARK + b"\r\n\r\n")
    yield waiting("half-a-line", b"POST " + OPEN)
    yield waiting("half-a-head", head(b"Content-Length: 7")[:-2])


def request_lines() -> Iterable[Vector]:
    for method in (b"TRACE", b"PROPFIND", b"PURGE", b"LINK", b"SEARCH", b"MKCOL", b"M-SEARCH", b"QUERY"):
        yield refused(f"method-{method.decode().lower()}", head(line=method + b" " + OPEN + b"x HTTP/1.1"), 405)
    for name, method in {
        "lower": b"get",
        "mixed": b"Post",
        "unknown": b"GETX",
        "none": b"",
        "nul": b"GE\x00T",
        "mark": MARK,
        "utf8": b"G\xc3\x89T",
    }.items():
        yield refused(f"method-{name}", head(line=method + b" " + OPEN + b"x HTTP/1.1"))
    yield refused("method-connect", head(line=b"CONNECT other:443 HTTP/1.1") + SMUGGLED, 405)
    yield refused("method-connect-path", head(line=b"CONNECT " + OPEN + b"x HTTP/1.1") + SMUGGLED, 405)
    yield refused("preface-http-2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    for name, version in {
        "09": b"HTTP/0.9",
        "20": b"HTTP/2.0",
        "2": b"HTTP/2",
        "30": b"HTTP/3.0",
        "110": b"HTTP/1.10",
        "011": b"HTTP/01.1",
        "lower": b"http/1.1",
        "space-behind": b"HTTP/1.1 ",
        "nul-behind": b"HTTP/1.1\x00",
        "none": b"",
        "comma": b"HTTP/1,1",
        "ice": b"ICE/1.1",
        "mark": MARK,
    }.items():
        yield refused(f"version-{name}", head(line=b"GET " + OPEN + b"x " + version))
    yield refused("line-tab", head(line=b"GET\t" + OPEN + b"x\tHTTP/1.1"))
    # White space in the first line is the sender's matter (RFC 9112 section 3): ours is written anew.
    yield served("line-two-spaces", head(line=b"GET  " + OPEN + b"x  HTTP/1.1"), b"")
    yield refused("line-without-target", head(line=b"GET HTTP/1.1"))
    yield refused("line-target-with-space", head(line=b"GET " + OPEN + b"x y HTTP/1.1"))
    yield served("http-10", head(b"Content-Length: 7", line=b"POST " + OPEN + b"x HTTP/1.0") + BODY, BODY, closed=True)
    yield served(
        "http-10-no-host", head(b"Content-Length: 7", line=b"POST " + OPEN + b"x HTTP/1.0", host=b"") + BODY, BODY, closed=True
    )
    yield served(
        "http-10-keep-alive",
        head(b"Content-Length: 7", b"Connection: keep-alive", line=b"POST " + OPEN + b"x HTTP/1.0") + BODY,
        BODY,
    )
    # What stands behind the last request of a connection is not read (RFC 9112 section 9.6).
    old = head(b"Content-Length: 7", line=b"POST " + OPEN + b"x HTTP/1.0") + BODY
    yield served("http-10-then-pipelined", old + sized(), BODY, closed=True)
    yield served("close-then-pipelined", sized(BODY, b"Connection: close") + SMUGGLED, BODY, closed=True)
    yield served("close-then-garbage", sized(BODY, b"Connection: close") + MARK + b"\x00", BODY, closed=True)
    yield served("close-then-later", (sized(BODY, b"Connection: close"), SMUGGLED), BODY, closed=True)
    for version in (b"HTTP/1.2", b"HTTP/1.9"):  # RFC 9110 section 2.5
        line = b"POST " + OPEN + b"x " + version
        yield served(f"version-{version[5:].decode()}", head(b"Content-Length: 7", line=line) + BODY, BODY)
    yield served("version-1.2-twice", (head(line=b"POST " + OPEN + b"x HTTP/1.2"),) * 3, b"", b"", b"")
    # OPTIONS for the server itself, and without a hop left (RFC 9110 sections 9.3.7 and 7.6.2): no content.
    yield Vector("options-asterisk", (head(line=b"OPTIONS * HTTP/1.1"),), (204,))
    yield Vector("options-no-hops", (head(b"Max-Forwards: 0", line=b"OPTIONS " + OPEN + b"x HTTP/1.1"),), (204,))
    yield Vector("options-no-hops-twice", (head(b"Max-Forwards: 0", line=b"OPTIONS " + OPEN + b"x HTTP/1.1"),) * 2, (204, 204))
    yield served("options-hops", head(b"Max-Forwards: 1", line=b"OPTIONS " + OPEN + b"x HTTP/1.1"), b"")
    yield served("hops-of-get", head(b"Max-Forwards: 0", line=b"GET " + OPEN + b"x HTTP/1.1"), b"")


def targets() -> Iterable[Vector]:
    for name, target in {
        "absolute-user": b"http://u@a" + OPEN + b"x",
        "absolute-bad-host": b"http://a,b" + OPEN + b"x",
        "absolute-port-over": b"http://a:99999" + OPEN + b"x",
        "absolute-fragment": b"http://a" + OPEN + b"x#y",
        "absolute-dots": b"http://a" + OPEN + b"../x",
        "absolute-other-scheme": b"ftp://a" + OPEN + b"x",
        "authority": b"gateway.test:80",
        "asterisk": b"*",
        "no-slash": OPEN[1:] + b"x",
        "scheme-only": b"file:///etc/passwd",
        "empty-authority": b"http:///x",
        "raw-utf8": OPEN + "é".encode(),
        "latin1": OPEN + b"\xe9",
        "del": OPEN + b"\x7f",
        "control": OPEN + b"\x01x",
    }.items():
        yield refused(f"target-{name}", head(line=b"GET " + target + b" HTTP/1.1"))
    # RFC 9112 section 3.2.2: for proxies meant, and to be taken by every server.
    for name, prefix in {"http": b"http://gateway.test", "https": b"HTTPS://a:443", "ipv6": b"http://[::1]"}.items():
        good = head(b"Content-Length: 7", line=b"POST " + prefix + OPEN + b"x HTTP/1.1") + BODY
        yield served(f"target-absolute-{name}", (good, good, sized(), good), BODY, BODY, BODY, BODY)
    absolute = head(line=b"GET http://" + MARK + b"/x HTTP/1.1")
    yield Vector("target-absolute-other", (absolute,), (404,))
    yield Vector("target-absolute-no-path", (head(line=b"GET http://a HTTP/1.1"),), (404,))
    yield refused("target-absolute-two-hosts", head(HOST, line=b"GET http://a" + OPEN + b"x HTTP/1.1"))
    for name, tail in {
        "dots": b"../x",
        "dot": b"./x",
        "dots-end": b"..",
        "dot-end": b"x/.",
        "dots-encoded": b"%2e%2e/x",
        "dots-half": b".%2e/x",
        "dots-capital": b"%2E%2E/x",
        "dots-slash-encoded": b"..%2fx",
        "dots-between-encoded": b"x%2f..%2fy",
        "dots-parameter": b"..;/x",
        "dots-parameter-end": b"x/..;a=b",
        "backslash": b"x\\y",
        "backslash-dots": b"..\\x",
        "backslash-encoded": b"x%5cy",
        "nul-encoded": b"x%00",
        "cr-encoded": b"x%0d",
        "lf-encoded": b"x%0a",
        "crlf-encoded": b"x%0d%0aHost:%20evil",
        "overlong-dot": b"%c0%ae%c0%ae/x",
        "overlong-slash": b"x%c0%afy",
        "overlong-3": b"x%e0%80%afy",
        "overlong-4": b"x%f0%80%80%afy",
        "escape-cut": b"x%",
        "escape-half": b"x%4",
        "escape-bad": b"x%zz",
        "fragment": b"x#y",
        "fragment-query": b"x?a#b",
        "unicode-escape": b"x%u002e",
    }.items():
        yield refused(f"path-{name}", head(line=b"GET " + OPEN + tail + b" HTTP/1.1"))
    yield refused("path-dots-before-gateway", head(line=b"GET /v1/" + ACCOUNT + b"/g1/../open/openai/x HTTP/1.1"))
    long = b"y" * 9000
    yield served("path-long", head(line=b"GET " + OPEN + long + b" HTTP/1.1"), b"", path=b"/v1/" + long)
    yield refused("path-too-long", head(line=b"GET " + OPEN + b"y" * 70_000 + b" HTTP/1.1"), 414)
    yield served("path-encoded-slash", head(line=b"GET " + OPEN + b"a%2Fb%3a HTTP/1.1"), b"", path=b"/v1/a%2Fb%3a")
    yield served("path-double-slash", head(line=b"GET " + OPEN + b"a//b/ HTTP/1.1"), b"", path=b"/v1/a//b/")
    for name, tail in {"": b"/a", "-host": b"/" + MARK + b"/x", "-alone": b"/", "-query": b"/?a", "-three": b"//a"}.items():
        # Any gateway server could answer these too, so the connection goes on.
        yield Vector(f"path-double-slash-first{name}", (head(line=b"GET " + OPEN + tail + b" HTTP/1.1"),), (400,))
    yield served("path-many-dots", head(line=b"GET " + OPEN + b".../a..b HTTP/1.1"), b"", path=b"/v1/.../a..b")
    yield served(
        "query-raw",
        head(line=b"GET " + OPEN + b"x?a=%0d%0a&b=..%2f../..&&c HTTP/1.1"),
        b"",
        path=b"/v1/x?a=%0d%0a&b=..%2f../..&&c",
    )
    for name, target, status in (
        ("unknown", b"/" + MARK, 404),
        ("double-slash-first", b"//" + MARK + b"/x", 404),
        ("root", b"/", 404),
    ):
        yield Vector(f"target-{name}", (head(line=b"GET " + target + b" HTTP/1.1"),), (status,))
    yield Vector("target-no-gateway", (head(line=b"GET /v1/" + ACCOUNT + b"/" + MARK + b"/openai/x HTTP/1.1"),), (400,))
    yield Vector("target-no-provider", (head(line=b"GET /v1/" + ACCOUNT + b"/open/" + MARK + b"/x HTTP/1.1"),), (400,))


def hosts() -> Iterable[Vector]:
    for name, value in {
        "empty": b"",
        "path": b"a/b",
        "userinfo": b"u@a",
        "space": b"a b",
        "port-word": b"a:x",
        "port-minus": b"a:-1",
        "port-long": b"a:123456",
        "port-over": b"a:70000",
        "two": b"a, b",
        "fragment": b"a#b",
        "query": b"a?b",
        "backslash": b"a\\b",
        "quote": b'"a"',
        "utf8": "é.de".encode(),
        "bracket-open": b"[::1",
        "bracket-word": b"[zz]",
        "bracket-port": b"[::1]x",
        "percent": b"a%00",
        "url": b"http://a",
        "colons": b"a:1:2",
        "angle": b"<a>",
    }.items():
        yield refused(f"host-{name}", head(b"Content-Length: 7", host=b"Host: " + value) + BODY)
    yield refused("host-none", head(b"Content-Length: 7", host=b"") + BODY)
    for name, value in {
        "ipv6": b"[::1]:8080",
        "ipv4": b"127.0.0.1",
        "port": b"a:65535",
        "port-empty": b"a:",
        "ipv6-port-empty": b"[::1]:",
        "underscore": b"a_b",
        "foreign": b"metadata.internal",
    }.items():
        yield served(f"host-{name}", head(b"Content-Length: 7", host=b"Host: " + value) + BODY, BODY)


def sizes() -> Iterable[Vector]:
    yield served("head-field-long", head(b"X: " + b"y" * 9000), b"")
    yield refused("head-field-too-long", head(b"X: " + b"y" * 70_000), 431)
    yield refused("head-name-too-long", head(b"x" * 70_000 + b": y"), 431)
    yield refused("head-too-many-fields", head(*[b"X: y"] * 200), 431)
    yield refused("head-too-large", head(*[b"X: " + b"y" * 900] * 100), 431)
    yield refused(
        "head-too-large-in-pieces",
        (b"GET " + OPEN + b"x HTTP/1.1\r\n" + HOST + b"\r\n", *[b"X: " + b"y" * 8000 + b"\r\n"] * 10, b"\r\n"),
        431,
    )
    yield served("head-large", head(*[b"X: " + b"y" * 500] * 100, b"Content-Length: 7") + BODY, BODY)
    yield waiting("head-never-ends", (b"GET " + OPEN + b"x HTTP/1.1\r\n", *[b"X: y\r\n"] * 50))
    yield refused("empty-lines-without-end", b"\r\n" * 40_000 + b"x\r\n\r\n")


def expectations() -> Iterable[Vector]:
    asking = b"POST " + ASKING + b"x HTTP/1.1"
    expect, cl = b"Expect: 100-continue", b"Content-Length: 7"
    target = (b"/v1/x", BODY)
    yield Vector("expect-admitted", (head(BEARER, expect, cl, line=asking), BODY), (100, 200), served=(target,))
    yield Vector("expect-open", (head(expect, cl), BODY), (100, 200), served=(target,))
    yield Vector("expect-case", (head(b"EXPECT: 100-Continue", cl), BODY), (100, 200), served=(target,))
    yield Vector(
        "expect-chunked",
        (head(expect, b"Transfer-Encoding: chunked"), b"7\r\n" + BODY + b"\r\n0\r\n\r\n"),
        (100, 200),
        served=(target,),
    )
    yield Vector("expect-body-there", (head(expect, cl) + BODY,), (200,), served=(target,))
    yield Vector("expect-no-body", (head(expect, b"Content-Length: 0"),), (200,), served=((b"/v1/x", b""),))
    yield Vector("expect-http-10", (head(expect, cl, line=b"POST " + OPEN + b"x HTTP/1.0"), BODY), (200,), True, (target,))
    yield Vector(
        "expect-twice-in-a-row", (sized(BODY, expect), head(cl, expect), BODY), (200, 100, 200), served=(target, target)
    )
    yield refused("expect-no-token", head(expect, cl, line=asking), 401)
    yield refused("expect-bad-token", head(BAD_BEARER, expect, cl, line=asking), 401)
    yield refused("expect-token-in-the-wrong-slot", head(b"X-Token: " + TOKEN.encode(), expect, cl, line=asking), 401)
    yield refused("expect-no-token-body-follows", (head(expect, cl, line=asking), BODY), 401)
    yield refused("expect-too-large", head(BEARER, expect, b"Content-Length: 99999999", line=asking), 413)
    yield refused(
        "expect-unknown-provider", head(BEARER, expect, cl, line=b"POST /v1/" + ACCOUNT + b"/g1/" + MARK + b"/x HTTP/1.1")
    )
    yield refused(
        "expect-unknown-gateway", head(BEARER, expect, cl, line=b"POST /v1/" + ACCOUNT + b"/" + MARK + b"/openai/x HTTP/1.1")
    )
    yield refused("expect-unknown-route", head(BEARER, expect, cl, line=b"POST /" + MARK + b" HTTP/1.1"), 404)
    yield refused("expect-health", head(expect, cl, line=b"POST /livez HTTP/1.1"), 404)
    for name, value in {
        "other": b"200-ok",
        "mark": MARK,
        "list": b"100-continue, x",
        "list-twice": b"100-continue, 100-continue",
        "parameter": b"100-continue;q=1",
        "word-before": b"y 100-continue",
        "empty": b"",
        "half": b"100",
    }.items():
        yield refused(f"expect-{name}", head(BEARER, b"Expect: " + value, cl, line=asking), 417)
    yield refused("expect-unclean", head(b"Expect: \x0b100-continue", cl))
    yield refused("expect-folded", head(b"Expect:\r\n 100-continue", cl))
    yield refused("no-token-body-to-come", head(cl, line=asking), 401)
    yield refused("no-token-chunks-to-come", head(b"Transfer-Encoding: chunked", line=asking), 401)
    yield refused("bad-token-half-a-body", head(BAD_BEARER, b"Content-Length: 99", line=asking) + SMUGGLED[:60], 401)
    yield Vector("bad-token-whole-body", (head(BAD_BEARER, cl, line=asking) + BODY,), (401,))
    yield Vector("good-token", (head(BEARER, cl, line=asking) + BODY,), (200,), served=(target,))


def pipelines() -> Iterable[Vector]:
    """Many on one connection; most of these repeat a head, which the edge recognises by its bytes."""
    x, y = b"/v1/x", b"/v1/y"
    long = b"z" * 3000
    yield served("pipeline-two", sized() + sized(b"other"), BODY, b"other")
    yield served("pipeline-twenty", b"".join(sized(b"%d" % n) for n in range(20)), *(b"%d" % n for n in range(20)))
    yield served("pipeline-sixty", b"".join(sized(b"%d" % n) for n in range(60)), *(b"%d" % n for n in range(60)))
    yield Vector("pipeline-then-garbage", (sized() + MARK + b"\r\n\r\n",), (200, 400), True, ((x, BODY),))
    three = sized() + sized(b"o", name=b"y") + SMUGGLED
    whole = ((x, BODY), (y, b"o"), (b"/v1/smuggled", b""))
    behind = {
        "garbage": MARK + b"\r\n\r\n",
        "nul": b"\x00",
        "two-hosts": head(HOST),
        "no-host": head(host=b""),
        "bad-chunk": chunked(b"zz\r\n"),
        "bad-length": head(b"Content-Length: x"),
        "folded": head(b"X: a\r\n b"),
    }
    for name, fault in behind.items():
        yield Vector(f"pipeline-of-three-then-{name}", (three + fault,), (200, 200, 200, 400), True, whole)
        yield Vector(f"repeat-then-{name}", (sized(), sized() + fault), (200, 200, 400), True, ((x, BODY), (x, BODY)))
    coded = chunked(b"7\r\n" + BODY + b"\r\n0\r\n\r\n")
    yield served("pipeline-chunked-then-garbage", coded + MARK + b"\r\n\r\n", BODY, closed=True)
    tricky = sized(b"a\r\n\r\nb\r\n\r\n")
    yield Vector("pipeline-body-like-heads-then-garbage", (tricky + b"\x00",), (200, 400), True, ((x, b"a\r\n\r\nb\r\n\r\n"),))
    yield Vector("pipeline-good-and-later-garbage", (sized(), MARK + b"\r\n\r\n"), (200, 400), True, ((x, BODY),))
    yield served("repeat", (sized(), sized()), BODY, BODY)
    yield served(
        "repeat-lengths",
        (sized(), sized(b""), sized(long), sized(b"1"), sized(b"12345678901")),
        BODY,
        b"",
        long,
        b"1",
        b"12345678901",
    )
    yield served("repeat-body-later", (sized(), sized(long)[:-2000], long[:2000]), BODY, long)
    yield served("repeat-head-then-body", (sized(), head(b"Content-Length: 7"), BODY, sized()), BODY, BODY, BODY)
    yield served("repeat-split-in-head", (sized(), sized()[:40], sized()[40:], sized()), BODY, BODY, BODY)
    yield served("repeat-two-at-once", (sized(), sized() + sized(b"2"), sized(b"3")), BODY, BODY, b"2", b"3")
    yield served("repeat-body-is-a-request", (sized(), sized(SMUGGLED), sized(sized())), BODY, SMUGGLED, sized())
    yield waiting("repeat-never-whole", sized(b"12345")[:-1])._replace(
        pieces=(sized(), sized(b"12345")[:-1]), answers=(200,), served=((x, BODY),)
    )
    yield Vector("repeat-garbage-behind", (sized(), sized() + b"\x00"), (200, 200, 400), True, ((x, BODY), (x, BODY)))
    yield Vector("repeat-garbage-later", (sized(), sized(), b"\x00"), (200, 200, 400), True, ((x, BODY), (x, BODY)))
    yield Vector(
        "repeat-and-another",
        (sized(), sized() + sized(b"o", name=b"y"), sized(b"o", name=b"y"), sized()),
        (200,) * 5,
        served=((x, BODY), (x, BODY), (y, b"o"), (y, b"o"), (x, BODY)),
    )
    short = head(b"Content-Length: 3")
    yield Vector("repeat-length-too-short", (sized(), short + BODY), (200, 200, 400), True, ((x, BODY), (x, BODY[:3])))
    yield Vector(
        "repeat-smuggles-behind-a-short-length",
        (sized(), head(b"Content-Length: 0") + sized(b"o", name=b"y")),
        (200,) * 3,
        served=((x, BODY), (x, b""), (y, b"o")),
    )
    for name, value in {
        "plus": b"+7",
        "list": b"7,7",
        "word": b"x",
        "empty": b"",
        "long": b"0" * 30 + b"7",
        "hexadecimal": b"0x7",
        "arabic": "٧".encode(),
    }.items():
        yield Vector(
            f"repeat-length-{name}", (sized(), head(b"Content-Length: " + value) + BODY), (200, 400), True, ((x, BODY),)
        )
    yield served("repeat-length-zeros", (sized(), head(b"Content-Length: 0007") + BODY, sized()), BODY, BODY, BODY)
    yield served("repeat-length-spaces", (sized(), head(b"Content-Length:   7 ") + BODY, sized()), BODY, BODY, BODY)
    yield Vector("repeat-with-coding", (sized(), sized(BODY, b"Transfer-Encoding: chunked")), (200, 400), True, ((x, BODY),))
    yield Vector("repeat-with-second-length", (sized(), sized(BODY, b"Content-Length: 0")), (200, 400), True, ((x, BODY),))
    yield served("repeat-chunked", (chunked(b"7\r\n" + BODY + b"\r\n0\r\n\r\n"),) * 3, BODY, BODY, BODY)
    yield served("repeat-chunked-between", (sized(), chunked(b"1\r\nq\r\n0\r\n\r\n"), sized(), sized()), BODY, b"q", BODY, BODY)
    yield served("repeat-empty-lines", (sized(), b"\r\n", sized(), b"\r\n\r\n" + sized(), sized()), BODY, BODY, BODY, BODY)
    old = head(b"Content-Length: 7", b"Connection: keep-alive", line=b"POST " + OPEN + b"x HTTP/1.0") + BODY
    yield served("repeat-http-10", (old, old, sized(), old), BODY, BODY, BODY, BODY)
    yield served("repeat-close", (sized(), sized(BODY, b"Connection: close"), sized()), BODY, BODY, closed=True)
    yield served("repeat-get", (SMUGGLED, SMUGGLED, SMUGGLED), b"", b"", b"", path=b"/v1/smuggled")
    got = (b"/v1/smuggled", b"")
    yield Vector("repeat-get-with-bytes-behind", (SMUGGLED, SMUGGLED + b"x\r\n\r\n"), (200, 200, 400), True, (got, got))
    bad = head(BAD_BEARER, b"Content-Length: 7", line=b"POST " + ASKING + b"x HTTP/1.1") + BODY
    good = head(BEARER, b"Content-Length: 7", line=b"POST " + ASKING + b"x HTTP/1.1") + BODY
    yield Vector("repeat-refused", (bad, bad, good, bad, good), (401, 401, 200, 401, 200), served=((x, BODY), (x, BODY)))
    yield Vector("repeat-refused-body-to-come", (good, good[:-3]), (200,), served=((x, BODY),), waiting=True)
    yield Vector(
        "repeat-bad-path-closes",
        (sized(), head(line=b"GET " + OPEN + b"../y HTTP/1.1") + sized()),
        (200, 400),
        True,
        ((x, BODY),),
    )
    yield refused(
        "second-body-broken",
        (
            b"",
            head(b"Transfer-Encoding: chunked", BAD_BEARER, line=b"POST " + ASKING + b"x HTTP/1.1") + b"1\r\nz\r\n",
            b"zz\r\n",
        ),
        401,
    )


def upgrades() -> Iterable[Vector]:
    ws = (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Sec-WebSocket-Version: 13",
    )
    get = b"GET " + OPEN + b"x HTTP/1.1"
    yield served(
        "upgrade-h2c",
        head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", b"Content-Length: 7") + BODY,
        BODY,
        closed=True,
    )
    yield served(
        "upgrade-h2c-smuggles",
        head(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        SMUGGLED,
        closed=True,
    )
    for name, offer in (("unknown", MARK), ("list", b"h2c, websocket")):
        raw = head(b"Connection: Upgrade", b"Upgrade: " + offer, b"Content-Length: 7") + BODY
        yield served(f"upgrade-{name}", raw, BODY, closed=True)
    yield refused("websocket", head(*ws, line=get), 426)
    yield refused("websocket-frames", head(*ws, line=get) + b"\x81\x05hello" + SMUGGLED, 426)
    yield refused("websocket-request-behind", head(*ws, line=get) + sized(), 426)
    yield refused("websocket-body", head(*ws, b"Content-Length: 7") + BODY + SMUGGLED, 426)
    yield refused("websocket-asking", head(*ws, line=b"GET " + ASKING + b"x HTTP/1.1"), 426)
    yield refused("websocket-unknown-route", head(*ws, line=b"GET /" + MARK + b" HTTP/1.1"), 426)
    yield refused("websocket-old", head(*ws, b"Sec-WebSocket-Key1: x", line=get))
    yield refused("websocket-and-h2c", head(*ws, b"Upgrade: h2c", line=get) + SMUGGLED, 426)
    yield refused("websocket-health", head(*ws, line=b"GET /livez HTTP/1.1") + SMUGGLED, 426)
    for name, path in {
        "rest": b"/client/v4/accounts/" + ACCOUNT + b"/ai/v1/responses",
        "run": b"/client/v4/accounts/" + ACCOUNT + b"/ai/run",
        "management": b"/client/v4/accounts/" + ACCOUNT + b"/ai-gateway/gateways",
        "compat": b"/v1/" + ACCOUNT + b"/open/compat/chat/completions",
        "universal": b"/v1/" + ACCOUNT + b"/open",
        "dashboard": b"/dashboard/",
        "bad-token": b"/v1/" + ACCOUNT + b"/g1/openai/responses",
    }.items():
        yield refused(f"websocket-{name}", head(*ws, line=b"GET " + path + b" HTTP/1.1"), 426)
    # Before HTTP/1.1 there was nothing to upgrade to (RFC 9110 section 7.8).
    yield served("websocket-http-10", head(*ws, line=b"GET " + OPEN + b"x HTTP/1.0"), b"", closed=True)


def vectors() -> tuple[Vector, ...]:
    groups = (
        lengths,
        codings,
        chunks,
        duplicates,
        lines,
        request_lines,
        targets,
        hosts,
        sizes,
        expectations,
        pipelines,
        upgrades,
    )
    return tuple(vector for group in groups for vector in group())


VECTORS = vectors()
