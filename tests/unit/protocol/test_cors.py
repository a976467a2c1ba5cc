"""What pages of other origins are told."""

import pytest

from gateway.protocol.cors import EXPOSED, Cors

APP = b"https://app.example.com"


def fields(lines: bytes) -> dict[bytes, bytes]:
    split = [line.partition(b": ") for line in lines.split(b"\r\n")[:-1]]
    found = {name: value for name, _, value in split}
    assert len(found) == len(split)
    assert lines == b"" or lines.endswith(b"\r\n")
    return found


@pytest.mark.parametrize(
    ("origins", "origin", "allowed", "vary"),
    [
        (("*",), APP, b"*", None),
        (("*",), b"null", b"*", None),
        (("*", "https://a"), APP, b"*", None),
        ((APP.decode(),), APP, APP, b"Origin"),
        ((APP.decode(), "https://b"), b"https://b", b"https://b", b"Origin"),
        ((APP.decode(),), b"https://app.example.com.evil", None, b"Origin"),
        ((APP.decode(),), b"http://app.example.com", None, b"Origin"),
        ((APP.decode(),), b"null", None, b"Origin"),
        ((APP.decode(),), b"https://evil, https://app.example.com", None, b"Origin"),
        ((), APP, None, None),
    ],
)
def test_who_may(origins: tuple[str, ...], origin: bytes, allowed: bytes | None, vary: bytes | None) -> None:
    cors = Cors(origins)
    answer, preflight = fields(cors.answer(origin)), fields(cors.preflight(origin))
    for told in (answer, preflight):
        assert told.get(b"access-control-allow-origin") == allowed
        assert told.get(b"vary") == vary
        assert b"access-control-allow-credentials" not in told
    assert (b"access-control-expose-headers" in answer) is (allowed is not None)
    assert (b"access-control-allow-headers" in preflight) is (allowed is not None)


def test_what_may_be_sent_and_read() -> None:
    told = fields(Cors(("*",)).preflight(APP))
    assert {b"POST", b"GET", b"DELETE"} <= set(told[b"access-control-allow-methods"].split(b", "))
    # The wildcard stands for every field but Authorization (Fetch standard section 4.9).
    assert {b"authorization", b"cf-aig-authorization", b"*"} <= set(told[b"access-control-allow-headers"].split(b", "))
    assert int(told[b"access-control-max-age"]) > 0
    assert {"cf-aig-log-id", "x-request-id", "retry-after", "*"} <= set(EXPOSED)
