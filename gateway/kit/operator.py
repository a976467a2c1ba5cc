"""The operator's way in: a credential made from the master key, for one request within a minute.

Whoever can read the master key on this machine is the operator. Nothing is stored for it, nothing can be revoked in it, and
what is seen of it on the way is of no use a moment later.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from cachetools import TTLCache

from gateway.kit.clock import Clock

PREFIX: Final = "agw_op_"
"""Like a token's, so that whatever hides those hides this."""
_WINDOW_S: Final = 60.0
_MOST: Final = 10_000


def operator_credential(master_key: bytes, wall_s: float) -> str:
    body = f"{PREFIX}{int(wall_s)}_{secrets.token_hex(16)}"
    return f"{body}_{_mac(master_key, body)}"


class OperatorCheck:
    def __init__(self, master_keys: Iterable[bytes], clock: Clock) -> None:
        self._master_keys = tuple(master_keys)
        self._clock = clock
        self._used: TTLCache[str, bool] = TTLCache(_MOST, 2 * _WINDOW_S, timer=clock.monotonic)

    def accepts(self, value: str) -> bool:
        """Whether it is the operator's, of this minute, and new."""
        body, _, mac = value.rpartition("_")
        if not value.isascii() or not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._master_keys):
            return False
        moment = body.removeprefix(PREFIX).partition("_")[0]
        if abs(self._clock.wall() - int(moment)) > _WINDOW_S or value in self._used or len(self._used) >= _MOST:
            return False
        self._used[value] = True
        return True


def _mac(master_key: bytes, body: str) -> str:
    return hmac.digest(master_key, f"operator {body}".encode(), hashlib.sha256).hex()
