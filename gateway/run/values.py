"""Single values of the configuration: what each kind looks like, checked and in its normal form. They raise ValueError."""

import os
import re
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.kit.addresses import parse_network
from gateway.model.targets import parse_base

_HOST: Final = re.compile(r"\*|(\*\.)?[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")


def split_address(text: str) -> tuple[str, int]:
    """`host:port` or `[::1]:port` taken apart; ValueError for anything else."""
    host, separator, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("IPv6 addresses need brackets: [::1]:8787")
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port")
    return host, int(port)


def address(text: str) -> str:
    split_address(text)
    return text


def address_or_none(text: str) -> str:
    return address(text) if text else ""


def listed(value: Any) -> Any:
    """Environment and flags write lists with commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def network(text: str) -> str:
    try:
        network = parse_network(text, strict=True)
    except ValueError:
        raise ValueError("must be addresses or networks like 10.0.0.0/8") from None
    if not network.prefixlen:
        raise ValueError("must not be everybody: any client could name itself")
    return str(network)


def origin(text: str) -> str:
    if text:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("must be an origin like https://gateway.example.com")
    return text.rstrip("/")


def host(text: str) -> str:
    """A host name without port, `*.` and a domain, or `*`."""
    if not _HOST.fullmatch(text):
        raise ValueError("must be host names like gateway.example.com or *.example.com, without port")
    return text.lower()


def base_url(text: str) -> str:
    if text:
        try:
            parse_base(text)
        except ValueError:
            raise ValueError("must be a plain http or https URL without user, query and fragment") from None
    return text.rstrip("/")


def account_id(text: str) -> str:
    if text and (len(text) != 32 or set(text) - set("0123456789abcdef")):
        raise ValueError("must be 32 lowercase hexadecimal digits")
    return text


def authorities(text: str) -> str:
    if text and not os.access(text, os.R_OK):
        raise ValueError("names a file that cannot be read")
    if text:
        try:
            ssl.create_default_context(cafile=text)
        except ssl.SSLError:
            raise ValueError("names a file without PEM certificates") from None
    return text


def store_url(text: str) -> str:
    if text and not text.startswith(("sqlite:////", "postgresql://")):
        raise ValueError("must be sqlite:////absolute/path or postgresql://…")
    return text
