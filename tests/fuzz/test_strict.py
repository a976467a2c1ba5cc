"""Any request line: refused, or free of everything that two readers could understand differently."""

from urllib.parse import unquote_to_bytes

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.model.faults import BAD_PATH, MALFORMED, METHOD_NOT_ALLOWED, Fault, Refusal
from gateway.protocol.strict import examine_line

_PIECES = [
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "\\",
    "%00",
    "%0d",
    "%",
    "%4",
    "%zz",
    "a",
    "v1",
    ";",
    "?",
    "#",
    "@",
    "ü",
    " ",
    "%c0%ae",
    "%e0%80%af",
]
_TARGET = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=8).map("".join).map(lambda text: "/" + text),
    st.text(max_size=20),
    st.text("/.%2eEfF5cC?a", max_size=16).map(lambda text: "/" + text),
)


def outcome(method: str, target: str, version: tuple[int, int]) -> Fault | None:
    try:
        examine_line(method, target, version)
    except Refusal as refusal:
        return refusal.fault
    return None


@settings(max_examples=500, deadline=None)
@given(_TARGET)
@example("/a/..%2f..%2fb")
@example("/%2e%2e;/x")
def test_an_accepted_target_climbs_nowhere(target: str) -> None:
    if (fault := outcome("GET", target, (1, 1))) is not None:
        assert fault in (MALFORMED, BAD_PATH)
        return
    assert target.startswith("/")
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target
    assert "#" not in target
    path = unquote_to_bytes(target.partition("?")[0])
    assert not {b"\x00"[0], b"\r"[0], b"\n"[0], b"\\"[0]} & set(path)
    for segment in path.split(b"/"):
        assert segment.partition(b";")[0] not in (b".", b"..")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=8), st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_a_method_or_version_is_known_or_refused(method: str, version: tuple[int, int]) -> None:
    if (fault := outcome(method, "/", version)) is not None:
        assert fault is (METHOD_NOT_ALLOWED if version in ((1, 0), (1, 1)) else MALFORMED)
        return
    assert method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
