"""Sealing of provider keys: AES-256-GCM, so that a stolen database gives none away and a row moved elsewhere does not open.

A seal names its key, so that there can be several: one seals, older ones only open (decision 0029).
"""

import os
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.kit.secret import key_id

MASTER_KEY_BYTES: Final = 32
_VERSION: Final = b"\x02"
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
"""96 bits, random: good for 2^32 seals under one key (NIST SP 800-38D section 8.3)."""
_TAG_BYTES: Final = 16
_NONCE_AT: Final = len(_VERSION) + _ID_BYTES
_BODY_AT: Final = _NONCE_AT + _NONCE_BYTES


class SealBroken(Exception):
    """Not sealed by one of these master keys for this context, or altered since."""


class Vault:
    """`context` names the row and what the text is for (account, row id, purpose); no other opens what was sealed for it."""

    __slots__ = ("_ciphers", "current")

    def __init__(self, master_key: bytes, older: Iterable[bytes] = ()) -> None:
        keys = (master_key, *older)
        if any(len(key) != MASTER_KEY_BYTES for key in keys):
            raise ValueError(f"the master key must have {MASTER_KEY_BYTES} bytes")
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self.current = key_id(master_key)
        """Id of the key that seals."""

    def seal(self, plain: str, context: str) -> bytes:
        """Version byte, key id, nonce, ciphertext with tag: 33 bytes more than the text."""
        head, nonce = _VERSION + bytes.fromhex(self.current), os.urandom(_NONCE_BYTES)
        return head + nonce + self._ciphers[self.current].encrypt(nonce, _encoded(plain), _bound(head, context))

    def open(self, sealed: bytes, context: str) -> str:
        """The text; raises SealBroken."""
        if len(sealed) < _BODY_AT + _TAG_BYTES or not sealed.startswith(_VERSION):
            raise SealBroken("not a seal of this version")
        cipher = self._ciphers.get(sealed_by(sealed))
        if cipher is None:
            raise SealBroken("the key that sealed this is missing")
        try:
            bound = _bound(sealed[:_NONCE_AT], context)
            plain = cipher.decrypt(sealed[_NONCE_AT:_BODY_AT], sealed[_BODY_AT:], bound)
        except InvalidTag:
            raise SealBroken("the seal does not match") from None
        return plain.decode("utf-8", "surrogatepass")

    def renewed(self, sealed: bytes, context: str) -> bytes:
        """The same under the key that seals now; raises SealBroken."""
        return self.seal(self.open(sealed, context), context)


def sealed_by(sealed: bytes) -> str:
    """The id of the key."""
    return sealed[len(_VERSION) : _NONCE_AT].hex()


def _encoded(text: str) -> bytes:
    """Any text, lone surrogates too: an encoding error would carry the secret in it."""
    return text.encode("utf-8", "surrogatepass")


def _bound(head: bytes, context: str) -> bytes:
    return head + _encoded(context)
