"""Requests without a valid token: counted where a gateway refuses them, and by caller where it lets them through.

The second is what an operator looks at before switching authentication on: who would be refused from then on.
"""

from typing import NamedTuple


class Caller(NamedTuple):
    """Who sent requests to a gateway that asks for no token, as an edge sees it."""

    account_id: str
    gateway_id: str
    address: str
    user_agent: str
    path: str
    """Provider and path behind it, without query. Empty like address and user agent where there were too many to tell."""
    digest: str
    """Keyed digest of the token that came along, in hexadecimal; empty for none and for what cannot be one of ours. Where
    several peppers are in use one for each, `ID:DIGEST ID:DIGEST`."""

    def digests(self) -> dict[str, bytes]:
        """Pepper's id, empty for the only one → digest."""
        words = (word.rpartition(":") for word in self.digest.split())
        return {pepper: bytes.fromhex(digest) for pepper, _, digest in words}


class CallerHour(NamedTuple):
    """A caller and an hour, as the store adds them up."""

    account_id: str
    gateway_id: str
    hour: int
    """Its start, seconds since the epoch."""
    valid: bool
    """Whether the token would have been accepted; callers of such requests are not told apart."""
    address: str
    user_agent: str
    path: str


class CallerSum(NamedTuple):
    """One caller's requests over a period."""

    valid: bool
    address: str
    user_agent: str
    path: str
    requests: int
    last_seen: float
    """Seconds since the epoch."""
