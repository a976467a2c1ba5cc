"""How much of what comes from outside may enter a record, a sum or a message between the planes: one table.

A text is cut where it enters, and rid of anything that looks like one of our tokens; a number out of bounds is no number.
So no value of a request can make a row large, a sum infinite, or a message of the link impossible to send.
"""

import re
from math import isfinite
from typing import Final
from urllib.parse import unquote

from gateway.model.tokens import TOKEN_LENGTH, TOKEN_PREFIX, hide_tokens_in

# --- texts, in characters

NAME: Final = 200
"""A model, a provider, a content type."""
METHOD: Final = 32
PATH: Final = 1024
USER_AGENT: Final = 512
EVENT_ID: Final = 1024
METADATA_ENTRIES: Final = 5
METADATA_KEY: Final = 256
METADATA_VALUE: Final = 1024
FILTER: Final = 1024
"""A value that the log is searched for."""
ERROR: Final = 300
"""What went wrong, in words."""

# --- numbers

ROLLUP_NAMES: Final = {60: 50, 3600: 100, 86_400: 200}
"""Span in seconds → models of a gateway that analytics tell apart in one such period; the rest of them are `other`."""

TOKENS: Final = 10**12
"""Tokens of one request."""
COST_USD: Final = 1e6
"""US dollars for one request."""
RATE_USD: Final = 1e3
"""US dollars for one token."""
LOG_BODY_BYTES: Final = 4 * 1024 * 1024
"""What `limits.log_body_bytes` may be at most: both bodies of a row fit into one message of the link, whatever they hold."""

_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def text(value: str, most: int) -> str:
    """At most so many characters of it, all of which can be stored and sent, and no token of ours among them."""
    if len(value) > most:
        value = value[: most + TOKEN_LENGTH]  # a token at the edge is still seen whole
    if TOKEN_PREFIX in value:
        value = hide_tokens_in(value)
    if not value.isascii():
        value = _LONE_SURROGATE.sub("\ufffd", value)
    return value[:most]


def path(value: str) -> str:
    """A path or a part of one as `text`, also where percent-encoding hides a token."""
    value = value[: PATH + 3 * TOKEN_LENGTH]
    if "%" in value and TOKEN_PREFIX in (plain := unquote(value)):
        value = plain
    return text(value, PATH)


def count(value: int | None) -> int | None:
    """A count of tokens; None for what is none."""
    return value if value is not None and 0 <= value <= TOKENS else None


def cost(value: float | None) -> float | None:
    """US dollars of one request; None for what cannot be a price."""
    return value if value is not None and isfinite(value) and 0 <= value <= COST_USD else None
