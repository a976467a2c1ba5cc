"""The value of the Date field (RFC 9110 section 6.6.1)."""

from email.utils import formatdate
from functools import lru_cache


def http_date(wall_s: float) -> bytes:
    return _of_second(int(wall_s))


@lru_cache(maxsize=2)
def _of_second(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
