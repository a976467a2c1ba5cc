"""Which rows a page is, for any numbers that the API lets through."""

import pytest

from gateway.model.page import Page

MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("page", "per_page", "limit", "offset"),
    [
        (1, 20, 20, 0),
        (3, 20, 20, 40),
        (0, 20, 20, 0),
        (-1, 20, 20, 0),
        (2, 0, 0, 0),
        (2, -5, 0, 0),
        (MOST, MOST, MOST, MOST),
        (2, 2**70, MOST, MOST),
    ],
)
def test_a_page_is_a_limit_and_an_offset_that_a_database_can_count(page: int, per_page: int, limit: int, offset: int) -> None:
    wanted = Page(page=page, per_page=per_page)
    assert (wanted.limit, wanted.offset) == (limit, offset)
