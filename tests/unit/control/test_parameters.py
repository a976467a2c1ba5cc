"""Marks on handlers, and values of parameters; over the wire: tests/contract/cloudflare/management/test_parameters.py."""

from types import SimpleNamespace

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.control.answers import Invalid
from gateway.control.parameters import boolean_of, choice_of, refuse_unknown, takes


class _Handlers:
    @takes("a", "b")
    def marked(self) -> None: ...

    def plain(self) -> None: ...


def _asked(query: str, handler: object) -> object:
    query_of = make_mocked_request("GET", f"/?{query}").query
    return SimpleNamespace(query=query_of, match_info=SimpleNamespace(handler=handler))


@pytest.mark.parametrize(
    ("query", "handler", "refused"),
    [
        ("", _Handlers().plain, []),
        ("a=1", _Handlers().plain, [("query", "a")]),
        ("a=1&b=2&a=3", _Handlers().marked, []),
        ("c=1&a=1&d", _Handlers().marked, [("query", "c"), ("query", "d")]),
        ("x%20y=1", _Handlers().marked, [("query",)]),
    ],
)
def test_only_what_a_handler_takes(query: str, handler: object, refused: list[tuple[str, ...]]) -> None:
    request = _asked(query, handler)
    if not refused:
        refuse_unknown(request)  # type: ignore[arg-type]
        return
    with pytest.raises(Invalid) as caught:
        refuse_unknown(request)  # type: ignore[arg-type]
    assert [problem.path for problem in caught.value.problems] == refused


def test_choices_and_booleans() -> None:
    request = make_mocked_request("GET", "/?order=up&on=TRUE&off=0&odd=yes")
    assert choice_of(request, "order", ("down", "up")) == "up"
    assert choice_of(request, "other", ("down", "up")) == "down"
    assert (boolean_of(request, "on"), boolean_of(request, "off"), boolean_of(request, "absent")) == (True, False, None)
    for wrong in (lambda: choice_of(request, "order", ("down",)), lambda: boolean_of(request, "odd")):
        with pytest.raises(Invalid):
            wrong()
