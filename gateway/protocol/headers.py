"""A request's header fields: what they say to us, and what crosses to the provider.

Rules of this file: fields are pairs of raw bytes in the order they came; names compare lowercase; nothing that concerns
this hop, this gateway or another proxy crosses (RFC 9110 section 7.6.1, specification section 3.1).
"""

import re
from typing import Final

from gateway.model.faults import EXPECTATION_FAILED, HEADERS_TOO_LARGE, MALFORMED, Refusal
from gateway.model.routes import Route
from gateway.protocol.foreign_fields import stays_here
from gateway.protocol.options import RequestOptions
from gateway.protocol.token_search import holds_token

Fields = tuple[tuple[bytes, bytes], ...]

CREDENTIAL_FIELDS: Final = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"xi-api-key",
    }
)
"""Slots that may hold a provider's key, or one of our tokens in its place (specification section 2.1)."""

_READ: Final = CREDENTIAL_FIELDS | {b"content-type", b"user-agent", b"x-fal-target-url", b"anthropic-version"}
"""Fields that somebody looks for, besides those that are noted or dropped."""

_PLAIN_OPTIONS: Final = frozenset({b"keep-alive", b"close"})

_SINGLETONS: Final = CREDENTIAL_FIELDS | {b"cf-aig-authorization", b"expect", b"host", b"content-length", b"transfer-encoding"}

_DATA: Final = frozenset({b"empty", b"image", b"audio", b"video", b"track", b"websocket"})
"""Destinations at which nothing of an answer can run: `fetch`, and what is only shown or played."""
_NAVIGATION: Final = frozenset({b"navigate", b"nested-navigate"})

# Field values: no control characters but tab. Bytes from 0x80 mean what sender and receiver agree on (RFC 9110 section 5.5).
_UNCLEAN: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# host[:port] (RFC 3986 sections 3.2.2 and 3.2.3, without userinfo): names and IPv4 or a bracketed IPv6; a port may be empty.
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?\Z")
_DIGITS: Final = re.compile(rb"[0-9]{1,18}\Z")


class RequestHead:
    """One request's fields, read once. Clients repeat them, so heads are remembered with the blocks made from them
    (edge/head_memory.py); nothing in here may depend on the connection."""

    __slots__ = (
        "_blocks",
        "_connection_named",
        "chunked",
        "coding",
        "content_length",
        "control",
        "credentials",
        "expects_continue",
        "fields",
        "final",
        "http_10",
        "memo",
        "options",
        "origin",
        "page_load",
        "preflight",
        "route",
        "size_bytes",
        "upgrade",
    )

    def __init__(self, fields: Fields, *, http_10: bool, limit_bytes: int) -> None:
        """Raises Refusal for fields that a strict HTTP/1.1 server must not act on."""
        self.fields = fields
        self.http_10 = http_10
        self.size_bytes = 0
        """Of the fields."""
        self.final = False
        """Asks this server, whatever its target: OPTIONS for `*` or without a hop left."""
        self.chunked = False
        self.coding = b""
        """Content-Encoding, several lines as one list (RFC 9110 section 5.3)."""
        self.content_length: int | None = None
        self.expects_continue = False
        self.upgrade = b""
        self.origin = b""
        """Of the page that asks, where a browser does (Fetch standard section 3.2)."""
        self.preflight = False
        """It asks whether it may."""
        self.page_load = False
        """A browser wants the answer as a document, a script or the like, not as data (Fetch Metadata, section 2)."""
        self.credentials: dict[bytes, bytes] = {}
        """Credential slots by lowercase name: provider's keys, or one of our tokens in their place."""
        self.control: dict[bytes, bytes] = {}
        """`cf-*` fields (and fal's target) by lowercase name; the first of each counts."""
        self.route: Route | None = None
        """What `edge.routing` made of this head's request line and fields."""
        self.options: RequestOptions | None = None
        self.memo: dict[object, object] = {}
        """What later phases derive from this head alone."""
        self._connection_named: frozenset[bytes] = frozenset()
        self._blocks: dict[frozenset[bytes], bytes] = {}
        self._read(limit_bytes)

    def _read(self, limit_bytes: int) -> None:
        size = 0
        seen: set[bytes] = set()
        for name, value in self.fields:
            size += len(name) + len(value) + 4
            if not clean(value):
                raise Refusal(MALFORMED)
            key = name.lower()
            if key in _SINGLETONS:
                if key in seen:
                    # Two credentials, lengths or hosts: whoever picks one is wrong for somebody.
                    raise Refusal(MALFORMED)
                seen.add(key)
            self._note(key, value)
        self.size_bytes = size
        if size > limit_bytes:
            raise Refusal(HEADERS_TOO_LARGE)
        if self.chunked and (self.http_10 or self.content_length is not None):
            raise Refusal(MALFORMED)

    def _note(self, key: bytes, value: bytes) -> None:
        if key in CREDENTIAL_FIELDS:
            self.credentials[key] = value
        elif key.startswith(b"cf-") or key == b"x-fal-target-url":
            self.control.setdefault(key, value)
        elif (note := _NOTES.get(key)) is not None:
            note(self, value)

    def _note_host(self, value: bytes) -> None:
        host = _HOST.match(value)
        if host is None or int(host[1] or 0) > 65_535:
            raise Refusal(MALFORMED)

    def _note_content_length(self, value: bytes) -> None:
        if not _DIGITS.match(value):
            raise Refusal(MALFORMED)
        self.content_length = int(value)

    def _note_transfer_encoding(self, value: bytes) -> None:
        # RFC 9112 section 6.1 allows codings before chunked; no client needs them and parsers differ on them.
        if value.lower() != b"chunked":
            raise Refusal(MALFORMED)
        self.chunked = True

    def _note_content_encoding(self, value: bytes) -> None:
        self.coding = b"%b,%b" % (self.coding, value) if self.coding else value

    def _note_expect(self, value: bytes) -> None:
        if value.lower() != b"100-continue":
            raise Refusal(EXPECTATION_FAILED)
        self.expects_continue = not self.http_10

    def _note_connection(self, value: bytes) -> None:
        self._connection_named |= {token.strip().lower() for token in value.split(b",")}

    def _note_upgrade(self, value: bytes) -> None:
        self.upgrade = self.upgrade or value.lower()  # the first counts, as for aiohttp's parser

    def _note_origin(self, value: bytes) -> None:
        self.origin = self.origin or value

    def _note_preflight(self, _value: bytes) -> None:
        self.preflight = True

    def _note_fetch_dest(self, value: bytes) -> None:
        self.page_load = self.page_load or value.lower() not in _DATA

    def _note_fetch_mode(self, value: bytes) -> None:
        self.page_load = self.page_load or value.lower() in _NAVIGATION

    def _note_page(self, _value: bytes) -> None:
        self.page_load = True

    def value(self, name: bytes) -> bytes:
        """The first value of a field by lowercase name; empty when absent."""
        for key, value in self.fields:
            if key.lower() == name:
                return value
        return b""

    @property
    def hop_is_plain(self) -> bool:
        """Whether Connection fields name nothing but what becomes of the connection."""
        return self._connection_named <= _PLAIN_OPTIONS

    def crossing(self, without: frozenset[bytes] = frozenset()) -> bytes:
        """The block of fields that crosses to the provider, less those named and what holds a token of ours; each line ends
        with CRLF."""
        block = self._blocks.get(without)
        if block is None:
            dropped = self._connection_named | without
            lines = [
                b"%b: %b\r\n" % (name, value)
                for name, value in self.fields
                if not stays_here(name) and name.lower() not in dropped
            ]
            block = b"".join(lines)
            if holds_token(block):
                block = b"".join([line for line in lines if not holds_token(line)])
            self._blocks[without] = block
        return block


_NOTES: Final = {
    b"host": RequestHead._note_host,
    b"content-length": RequestHead._note_content_length,
    b"transfer-encoding": RequestHead._note_transfer_encoding,
    b"content-encoding": RequestHead._note_content_encoding,
    b"expect": RequestHead._note_expect,
    b"connection": RequestHead._note_connection,
    b"upgrade": RequestHead._note_upgrade,
    b"origin": RequestHead._note_origin,
    b"access-control-request-method": RequestHead._note_preflight,
    b"sec-fetch-dest": RequestHead._note_fetch_dest,
    b"sec-fetch-mode": RequestHead._note_fetch_mode,
    b"service-worker": RequestHead._note_page,
    # Without TLS browsers leave Sec-Fetch-* out, but say this of each page they load.
    b"upgrade-insecure-requests": RequestHead._note_page,
}


def is_read(key: bytes) -> bool:
    """Whether somebody here looks at the values of a field, by lowercase name, besides those that stay here."""
    return key in _READ or key in _NOTES


def clean(value: bytes) -> bool:
    """Whether a field's value may be acted upon and passed on."""
    return _UNCLEAN.search(value) is None
