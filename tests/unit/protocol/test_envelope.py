import orjson
import pytest

from gateway.model.faults import INVALID_TOKEN, NOT_FOUND
from gateway.protocol.envelope import PageInfo, Problem, failure, problem_of, rfc3339, rfc3339_or_none, success


def test_success() -> None:
    assert success("x") == b'{"result":"x","success":true,"errors":[],"messages":[]}'
    told = orjson.loads(success(None, messages=["fine"]))
    assert told["messages"] == [{"code": 10000, "message": "fine", "type": None}]


def test_result_info() -> None:
    info = PageInfo(2, 20, 1, 21)
    assert orjson.loads(success([1], info))["result_info"] == {"page": 2, "per_page": 20, "count": 1, "total_count": 21}


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (20, 1), (21, 2)])
def test_total_pages(total: int, pages: int) -> None:
    assert PageInfo(1, 20, 0, total, with_pages=True).shown()["total_pages"] == pages


def test_failure_is_byte_for_byte_that_of_the_specification() -> None:
    body = failure([problem_of(INVALID_TOKEN)])
    assert body == b'{"result":null,"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[]}'


def test_failure_lists_every_problem() -> None:
    errors = orjson.loads(failure([Problem(7001, "a", ("body", "x", 0)), problem_of(NOT_FOUND, "b")]))["errors"]
    assert errors == [{"code": 7001, "message": "a", "path": ["body", "x", "0"]}, {"code": 7002, "message": "b"}]


def test_times() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_790_000_000.25) == "2026-09-21T14:13:20.250Z"
    assert rfc3339_or_none(None) is None
    assert rfc3339_or_none(1) == "1970-01-01T00:00:01.000Z"
