"""Origins of web pages, as browsers write them in the Origin field (RFC 6454 section 6.2)."""

import re
from typing import Any, Final

_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}


def web_origin(text: str) -> str:
    """In lowercase, without a port that goes without saying; `*` as it is. ValueError for what is neither."""
    text = text.strip().lower()
    if text == "*":
        return text
    if not _ORIGIN.fullmatch(text):
        raise ValueError("must be * or origins like https://app.example.com")
    return text.removesuffix(_DEFAULT_PORTS.get(text.partition(":")[0], ""))


def none_by_name(value: Any) -> Any:
    """`none` for an empty list: in the environment an empty value is no value."""
    return () if value == "none" else value
