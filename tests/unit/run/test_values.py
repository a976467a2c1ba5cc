"""Single values of the configuration, good and bad."""

from collections.abc import Callable

import pytest

from gateway.run import values


@pytest.mark.parametrize(
    ("check", "given", "kept"),
    [
        (values.host, "AI.example.com", "ai.example.com"),
        (values.host, "*.example.com", "*.example.com"),
        (values.host, "*", "*"),
        (values.host, "::1", "::1"),
        (values.address, "[::1]:8789", "[::1]:8789"),
        (values.address_or_none, "", ""),
        (values.origin, "https://a.test/", "https://a.test"),
        (values.account_id, "0" * 32, "0" * 32),
        (values.listed, "a, b,", ["a", "b"]),
    ],
)
def test_good(check: Callable[[str], object], given: str, kept: object) -> None:
    assert check(given) == kept


@pytest.mark.parametrize(
    ("check", "given"),
    [
        (values.host, ""),
        (values.host, "a.test:80"),
        (values.host, "https://a.test"),
        (values.host, "a.*.test"),
        (values.host, "a b"),
        (values.address, "8789"),
        (values.address, "a:b"),
        (values.origin, "a.test"),
        (values.account_id, "x"),
    ],
)
def test_bad(check: Callable[[str], object], given: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        check(given)
