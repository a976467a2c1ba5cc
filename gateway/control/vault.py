"""Sealing of provider keys: AES-256-GCM, so that a stolen database gives none away and a row moved elsewhere does not open."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
"""96 bits, random: good for 2^32 seals under one key (NIST SP 800-38D section 8.3)."""
_TAG_BYTES: Final = 16


class SealBroken(Exception):
    """Not sealed by this master key for this context, or altered since."""


class Vault:
    """`context` names the row and what the text is for (account, row id, purpose); no other opens what was sealed for it."""

    __slots__ = ("_cipher",)

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != MASTER_KEY_BYTES:
            raise ValueError(f"the master key must have {MASTER_KEY_BYTES} bytes")
        self._cipher = AESGCM(master_key)

    def seal(self, plain: str, context: str) -> bytes:
        """Version byte, nonce, ciphertext with tag: 29 bytes more than the text."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, _encoded(plain), _bound(context))

    def open(self, sealed: bytes, context: str) -> str:
        """The text; raises SealBroken."""
        body = len(_VERSION) + _NONCE_BYTES
        if len(sealed) < body + _TAG_BYTES or not sealed.startswith(_VERSION):
            raise SealBroken("not a seal of this version")
        try:
            plain = self._cipher.decrypt(sealed[len(_VERSION) : body], sealed[body:], _bound(context))
        except InvalidTag:
            raise SealBroken("the seal does not match") from None
        return plain.decode("utf-8", "surrogatepass")


def _encoded(text: str) -> bytes:
    """Any text, lone surrogates too: an encoding error would carry the secret in it."""
    return text.encode("utf-8", "surrogatepass")


def _bound(context: str) -> bytes:
    return _VERSION + _encoded(context)
