"""Request lines: what passes, and what is refused with which fault."""

import pytest

from gateway.model.faults import BAD_PATH, MALFORMED, METHOD_NOT_ALLOWED, Fault, Refusal
from gateway.protocol.strict import METHODS, examine_line

PATH = "/v1/a/g/openai/chat/completions"


def outcome(method: str, target: str, version: tuple[int, int] = (1, 1)) -> Fault | None:
    try:
        examine_line(method, target, version)
    except Refusal as refusal:
        return refusal.fault
    return None


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_known_methods_pass(method: str) -> None:
    assert outcome(method, PATH) is None
    assert method in METHODS


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "Post", "", "QUERY", "PRI", "GET ", "PURGE"])
def test_other_methods_are_refused(method: str) -> None:
    assert outcome(method, PATH) is METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("version", "fault"),
    [((1, 1), None), ((1, 0), None), ((0, 9), MALFORMED), ((2, 0), MALFORMED), ((1, 2), MALFORMED), ((3, 0), MALFORMED)],
)
def test_versions(version: tuple[int, int], fault: Fault | None) -> None:
    assert outcome("GET", PATH, version) is fault


@pytest.mark.parametrize(
    "target",
    [
        "/",
        PATH,
        PATH + "?beta=true",
        "/client/v4/accounts/a/ai/run/@cf%2Fmeta%2Fllama-3.1-8b-instruct",
        "/v1/a/g/openai//chat//completions",
        "//",
        "/v1/a/g/p/a%20b%C3%BC",
        "/v1/a/g/p/models/gemini-2.0:generateContent",
        "/v1/a/g/p/...",
        "/v1/a/g/p/.../x",
        "/v1/a/g/p/.hidden",
        "/v1/a/g/p/a..b",
        "/v1/a/g/p/x.",
        "/v1/a/g/p/x..",
        "/v1/a/g/p/..x",
        "/v1/a/g/p/%2e%2e%2e",
        "/v1/a/g/p/%252e%252e",
        "/v1/a/g/p/~user!$&'()*+,;=:@",
        "/v1/a/g/p?x=../..",
        "/v1/a/g/p?x=%00",
        "/v1/a/g/p?x=%zz&y=%",
        "/v1/a/g/p?a=b\\c",
        "/v1/a/g/p?",
        "/v1/a/g/p/%e0%a0%80",
        "/v1/a/g/p/%F0%90%80%80",
        "/v1/a/g/p/%e4%bd%a0",
        "/" + "x" * 8000,
    ],
)
def test_targets_that_pass(target: str) -> None:
    assert outcome("POST", target) is None


@pytest.mark.parametrize(
    "target",
    ["", "*", "v1/a/g", "http://evil.example/", "https://evil.example/v1", "evil.example:443", "?x=1", "/a b", "/a\tb", "/a\n",
     "/a\r\nx: y", "/a\x00", "/a\x7f", "/ü", "/a\udcff", " /a", "/a ", "/a?\x01", "/a?ü"],
)  # fmt: skip
def test_targets_not_in_plain_origin_form_are_malformed(target: str) -> None:
    assert outcome("GET", target) is MALFORMED


DOTS = [".", "..", "%2e", "%2E", "%2e%2e", "%2E.", ".%2e", ".%2E"]


@pytest.mark.parametrize("dots", DOTS)
@pytest.mark.parametrize(
    "around",
    ["/{}", "/{}/", "/v1/{}/x", "/v1/a/g/p/{}", "/v1/a/g/p/{}?q=1", "/a%2f{}%2Fb", "/a%2F{}",
     "/a/{};x=1/b", "/a/{};", "/a/{}%2fb"]
)  # fmt: skip
def test_dot_segments_are_refused_however_they_are_spelled(dots: str, around: str) -> None:
    assert outcome("GET", around.format(dots)) is BAD_PATH


@pytest.mark.parametrize(
    "target",
    ["/a%00", "/a%00b", "/%00", "/a\\b", "/a\\..\\b", "/a%5cb", "/a%5C..%5Cb", "/a%0a", "/a%0Db", "/a%0d%0ax:%20y",
     "/%c0%ae%c0%ae/", "/%C0%AF", "/%c1%9c", "/%e0%80%af", "/%E0%9F%BF", "/%f0%80%80%af", "/%F0%8F%BF%BF",
     "/a%", "/a%2", "/a%zz", "/a%2gb", "/a%%32e", "/a%u002e"],
)  # fmt: skip
def test_poison_is_refused(target: str) -> None:
    assert outcome("GET", target) is BAD_PATH


@pytest.mark.parametrize("target", ["/a#b", "/a?x#y", "/#", "/a?#"])
def test_a_fragment_is_refused_anywhere(target: str) -> None:
    assert outcome("GET", target) is BAD_PATH


def test_the_version_is_looked_at_first_and_the_path_last() -> None:
    assert outcome("TRACE", "/../", (2, 0)) is MALFORMED
    assert outcome("TRACE", "/../") is METHOD_NOT_ALLOWED
