"""A request that comes back: loop detection by `CDN-Loop` (RFC 8586, decision 0028).

A custom provider or an operator's base URL may lead to this gateway, perhaps by way of others. Requests that leave for such an
address carry a mark that only this installation can tell from any other word: a random name and its keyed digest, made anew
with each start of a worker.
"""

from hmac import compare_digest
from secrets import token_hex
from typing import Final

from gateway.kit.secret import keyed_digest
from gateway.model.faults import LOOP, Refusal
from gateway.protocol.headers import RequestHead

_FIELD: Final = b"cdn-loop"
_HALF: Final = 16
"""Hexadecimal digits of name and of digest."""


class LoopMarks:
    def __init__(self, *peppers: bytes) -> None:
        self._peppers = peppers
        name = token_hex(_HALF // 2).encode()
        self._mark = name + _digest(peppers[0], name)

    def line(self, head: RequestHead) -> bytes:
        """The field to send: what came, which nobody may remove, and our mark. Raises LOOP where one of ours came."""
        line = head.memo.get("loop")
        if line is None:
            came = [value for name, value in head.fields if name.lower() == _FIELD]
            if any(self._is_ours(mark) for value in came for mark in value.split(b",")):
                raise Refusal(LOOP)
            line = head.memo["loop"] = b"CDN-Loop: %b\r\n" % b", ".join([*came, self._mark])
        return line  # type: ignore[return-value]

    def _is_ours(self, mark: bytes) -> bool:
        word = mark.partition(b";")[0].strip(b" \t")
        name, digest = word[:_HALF], word[_HALF:]
        # A worker that was started before a rotation marks with an older pepper.
        return len(word) == 2 * _HALF and any(compare_digest(digest, _digest(pepper, name)) for pepper in self._peppers)


def _digest(pepper: bytes, name: bytes) -> bytes:
    return keyed_digest(pepper, b"cdn-loop/" + name).hex()[:_HALF].encode()
