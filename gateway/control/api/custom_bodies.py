"""What custom provider requests carry, and which addresses and header fields are acceptable."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, Field

from gateway.control.api.parsing import MAX_INT, Body, Name, Text, Whole
from gateway.kit.addresses import is_public, parse_address
from gateway.model.targets import parse_base

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_FIELD_VALUE: Final = re.compile(r"[\x20-\x7e]{0,8000}")
_NOT_OURS: Final = frozenset({
    "accept-encoding", "cdn-loop", "connection", "content-encoding", "content-length", "expect", "host", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via",
})  # fmt: skip
"""Framing, routing and coding of the upstream request belong to the edge and the client (RFC 9110 section 7.6.1)."""
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_READ_AS_ADDRESS: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?\Z")
"""Resolvers read a name as an IPv4 address if its last label is a number (WHATWG URL, host parsing)."""


def _header_text(text: str) -> str:
    if text.strip() in ("", "***"):
        return text
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("Expected the JSON text of an object") from None
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("Expected the JSON text of an object with text values")
    if len({name.lower() for name in fields}) < len(fields):
        raise ValueError("A header field is named twice")
    for name, value in fields.items():
        if not _FIELD_NAME.fullmatch(name) or name.lower() in _NOT_OURS or name.lower().startswith("cf-aig-"):
            raise ValueError("A header field of this name cannot be set")
        if not _FIELD_VALUE.fullmatch(value):
            raise ValueError("Header field values hold printable ASCII characters")
    return text


def headers_of(text: str | None) -> dict[str, str]:
    """The extra header fields of validated JSON text."""
    if text is None or not text.strip() or text == "***":
        return {}
    headers: dict[str, str] = orjson.loads(text)
    return headers


def address_problem(base_url: str, *, allow_private: bool) -> str | None:
    """Why this base URL is refused, or None. The edge checks every address again when it connects."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "Expected a URL"
    if _UNPRINTABLE.search(base_url) or not host or "\\" in base_url:
        return "Expected a URL"
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        return "Expected an https URL"
    if any(char in base_url for char in "@?#"):
        return "Expected a URL without user, query and fragment"
    try:
        origin, _ = parse_base(base_url)
    except ValueError:
        return "Expected a URL with a host, port and path that can exist"
    if not _can_exist(origin.host):
        return "Expected a URL with a host that can exist"
    if not allow_private and _is_private(origin.host):
        return "Expected a public address"
    return None


def _can_exist(host: str) -> bool:
    """Beyond the grammar of names: addresses are whole, and what is written in Punycode can be read (RFC 5891 section 5.4)."""
    if ":" in host or _READ_AS_ADDRESS.search(host):
        return parse_address(host.rstrip(".")) is not None
    return all(_readable(label) for label in host.split(".") if label.startswith("xn--"))


def _readable(label: str) -> bool:
    try:
        text = label[4:].encode().decode("punycode")
    except UnicodeError:
        return False
    return not text.isascii() and text.isprintable()


def _is_private(host: str) -> bool:
    name = host.rstrip(".")
    if parse_address(name) is not None:
        return not is_public(name)
    return name == "localhost" or name.endswith(".localhost")


_READ_ONLY: Final = frozenset({"id", "account_id", "account_tag", "logo", "created_at", "modified_at"})
Address = Annotated[str, Field(min_length=1, max_length=2048)]
Headers = Annotated[str, Field(max_length=65_536), AfterValidator(_header_text)]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}\z")]
Position = Annotated[Whole, Field(ge=0, le=MAX_INT)]


class NewProviderBody(Body):
    read_only = _READ_ONLY
    name: Name
    slug: Slug
    base_url: Address
    description: Text | None = None
    link: Text | None = None
    enable: bool = False
    beta: bool = False
    headers: Headers | None = None
    curl_example: Text | None = None
    js_example: Text | None = None
    position: Position = 0


class ProviderBody(Body):
    """PATCH: every field may be left out."""

    read_only = _READ_ONLY
    name: Name = ""
    slug: Slug = ""
    base_url: Address = ""
    description: Text | None = None
    link: Text | None = None
    enable: bool = False
    beta: bool = False
    headers: Headers | None = None
    curl_example: Text | None = None
    js_example: Text | None = None
    position: Position = 0
