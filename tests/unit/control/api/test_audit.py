import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.control.answers import Invalid
from gateway.control.api.audit import _query


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", ("query", "limit")),
        ("limit=1001", ("query", "limit")),
        ("limit=x", ("query", "limit")),
        ("cursor=%27", ("query", "cursor")),
        ("direction=up", ("query", "direction")),
        ("since=yesterday", ("query", "since")),
    ],
)
def test_what_is_no_filter_is_refused(query: str, path: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as error:
        _query(make_mocked_request("GET", f"/x?{query}"))
    assert [problem.path for problem in error.value.problems] == [path]


def test_the_filters() -> None:
    query = _query(
        make_mocked_request("GET", "/x?since=1970-01-02&before=1970-01-03T00:00:00Z&limit=7&action_type=roll&direction=asc")
    )
    assert (query.since, query.before, query.limit, query.descending) == (86400, 172800, 7, False)
    assert query.equal == {"action": "roll"}
