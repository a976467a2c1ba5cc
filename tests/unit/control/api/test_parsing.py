"""Bodies and queries: what is taken, what is refused, and that the input is never repeated."""

from typing import Any, cast

import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import ValidationError

from gateway.control.answers import Invalid
from gateway.control.api.moments import FirstMoment, LastMoment
from gateway.control.api.parsing import (
    Body,
    Name,
    Text,
    Whole,
    info_of,
    page_of,
    problems_of,
    read_body,
    search_of,
)
from gateway.model.page import Page


class Sample(Body):
    count: Whole = 0
    name: Name = "n"
    text: Text = ""
    at: FirstMoment | None = None
    until: LastMoment | None = None


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("count", 60, 60),
        ("count", 60.0, 60),
        ("text", "a\nb", "a\nb"),
        ("at", None, None),
        ("at", "2026-09-21T14:13:20Z", 1_790_000_000.0),
        ("at", "2026-09-21T16:13:20.5+02:00", 1_790_000_000.5),
        ("at", "2026-09-21T14:13:20", 1_790_000_000.0),
        ("until", "2026-09-21t14:13:20z", 1_790_000_000.0),
        ("at", "2026-09-21", 1_789_948_800.0),
        ("until", "2026-09-21", 1_790_035_200.0),
    ],
)
def test_values_taken(field: str, value: object, taken: object) -> None:
    assert getattr(Sample.model_validate({field: value}), field) == taken


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", "60"),
        ("count", True),
        ("count", 60.5),
        ("count", float("inf")),
        ("name", ""),
        ("name", "x" * 121),
        ("name", "canary\x00"),
        ("name", "canary\x1b[0m"),
        ("name", 5),
        ("text", "canary\x00"),
        ("at", "canary"),
        ("at", 1_790_000_000),
        ("at", "99999-01-01T00:00:00Z"),
        ("at", "0001-01-01T00:00:00+23:59"),
    ],
)
def test_values_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({field: value})
    (problem,) = problems_of(caught.value)
    assert (problem.code, problem.path) == (7001, ("body", field))
    assert "canary" not in problem.message
    assert not problem.message.startswith("Value error")


def test_given_are_the_fields_of_the_request() -> None:
    assert Sample.model_validate({"count": 1}).given() == {"count": 1}


class _Shown(Body):
    read_only = frozenset({"id", "created_at"})
    count: Whole = 0
    inner: Sample | None = None


def test_what_answers_show_may_come_back_and_changes_nothing() -> None:
    assert _Shown.model_validate({"id": "x", "created_at": 5, "count": 1}).given() == {"count": 1}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"cuont": 1}, ("body", "cuont")),
        ({"inner": {"request.ip": 1}}, ("body", "inner", "request.ip")),
        ({"inner": {"id": 1}}, ("body", "inner", "id")),
        ({"a b": 1}, ("body",)),
        ({"": 1}, ("body",)),
        ({"x" * 65: 1}, ("body",)),
        ({"inner": {"agw_0123456789abcdef": 1}}, ("body", "inner")),
    ],
)
def test_a_field_nobody_would_act_on(body: object, path: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        _Shown.model_validate(body)
    (problem,) = problems_of(caught.value)
    assert problem.path == path
    assert problem.message in ("Unknown field", "Holds an unknown field")


class _Request:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


async def test_a_body_is_read() -> None:
    assert (await read_body(cast(Any, _Request(b'{"count": 3}')), Sample)).count == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'{"count": NaN}', b'{"name": "\xff"}', b'{"name": "\\ud800"}'])
async def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        await read_body(cast(Any, _Request(body)), Sample)
    assert [problem.path for problem in caught.value.problems] == [("body",)]


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", Page(page=1, per_page=20)),
        ("page=3&per_page=50", Page(page=3, per_page=50)),
        ("page=07", Page(page=7, per_page=20)),
        ("other=1", Page(page=1, per_page=20)),
    ],
)
def test_pages(query: str, page: Page) -> None:
    assert page_of(make_mocked_request("GET", f"/?{query}"), most=50) == page


@pytest.mark.parametrize(
    "query", ["page=0", "per_page=51", "page=-1", "page=%D9%A1", "page=99999999999", "page=1.0", "page=+1"]
)
def test_pages_refused(query: str) -> None:
    with pytest.raises(Invalid) as caught:
        page_of(make_mocked_request("GET", f"/?{query}"), most=50)
    assert [problem.path for problem in caught.value.problems] == [("query", query.partition("=")[0])]


def test_both_bad_bounds_are_told() -> None:
    with pytest.raises(Invalid) as caught:
        page_of(make_mocked_request("GET", "/?page=0&per_page=0"))
    assert len(caught.value.problems) == 2


def test_search() -> None:
    assert search_of(make_mocked_request("GET", "/?search=a%25b")) == "a%b"
    assert search_of(make_mocked_request("GET", "/")) == ""
    for bad in ("x" * 257, "%00"):
        with pytest.raises(Invalid):
            search_of(make_mocked_request("GET", f"/?search={bad}"))


def test_page_info() -> None:
    info = info_of(Page(page=2, per_page=5), ["x"], 6, with_pages=True)
    assert info.shown() == {"page": 2, "per_page": 5, "count": 1, "total_count": 6, "total_pages": 2}
