"""A provider's key as the header field that provider expects."""

import re
from typing import Final

from gateway.model.targets import CredentialStyle

_SECRET: Final = re.compile(r"[ -~]+")


def key_header(style: CredentialStyle, secret: str) -> tuple[bytes, bytes]:
    """Name and value of the field that carries the key.

    White space around the secret is dropped (pasted keys end in newlines). ValueError when what is left
    is empty or could not stand in a header field; the message never holds it.
    """
    secret = secret.strip()
    if not _SECRET.fullmatch(secret):
        raise ValueError("the provider key cannot be sent in a header field")
    value = f"{style.scheme} {secret}" if style.scheme else secret
    return style.header.encode("ascii"), value.encode("ascii")
