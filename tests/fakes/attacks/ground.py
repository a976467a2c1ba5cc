"""What an attack knows of the service it attacks, how it sends, and what it may find."""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PATIENCE_S = 60.0
READ_LIMIT_BYTES = 200 << 20
HIDDEN = "hidden-header-value-of-a-provider"
STORED = "sk-stored-key-of-a-provider"
"""Must not arrive anywhere but at the provider they were given for."""
_HEAD_LIMIT_BYTES = 1 << 20


class Breach(Exception):
    """An attack reached what it must not reach."""


@dataclass(frozen=True)
class Reply:
    """An answer as far as it came; status 0 where none did."""

    status: int
    head: bytes
    body: bytes
    """At most 64 KB of it."""
    size: int

    @property
    def outcome(self) -> str:
        return str(self.status) if self.status else "no answer"

    def header(self, name: str) -> str:
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.decode("latin-1").lower() == name:
                return value.strip().decode("latin-1")
        return ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Ground:
    """The service under attack, and what its attackers hold. Travels to their process as JSON."""

    host: str
    port: int
    account: str
    closed_gateway: str
    """Asks for a token; no attack may use it without one."""
    open_gateway: str
    custom: str
    """Slug of a custom provider that is hostile."""
    bad_host: str
    """`host:port` of the hostile providers."""
    trap: str
    """`host:port` where secrets must never arrive."""
    inside: str
    """`host:port` that must never be contacted."""
    admin: str = field(repr=False)
    run: str = field(repr=False)
    read: str = field(repr=False)
    token_admin: str = field(repr=False)
    write: str = field(repr=False)
    groups: dict[str, str] = field(default_factory=dict)
    """Permission groups: name → id."""
    scale: float = 1.0
    """Of the floods."""

    def native(self, gateway: str, rest: str) -> str:
        return f"/v1/{self.account}/{gateway}/{rest}"

    def management(self, rest: str) -> str:
        return f"/client/v4/accounts/{self.account}{rest}"

    def count(self, number: int) -> int:
        return max(1, round(number * self.scale))

    @contextlib.asynccontextmanager
    async def connection(self) -> Any:
        """Reader and writer; whatever way they end, they end."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=_HEAD_LIMIT_BYTES)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def send(self, data: bytes, *, leave_after: int = READ_LIMIT_BYTES, pause_s: float = 0.0) -> Reply:
        """These bytes on a connection of their own, and the answer up to so many bytes, slowly where asked for."""
        async with self.connection() as (reader, writer):
            sending = asyncio.create_task(_write(writer, data))
            try:
                return await _read(reader, leave_after, pause_s)
            finally:
                sending.cancel()

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = b"", **how: Any) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.send(request(method, path, headers, data), **how)

    async def manage(self, token: str, method: str, path: str, body: Any = b"") -> Reply:
        return await self.ask(method, self.management(path), {"Authorization": f"Bearer {token}"}, body)


def request(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    fields = {"Host": "gateway.test", "Connection": "close", **(headers or {})}
    if body or method in ("POST", "PUT", "PATCH"):
        fields.setdefault("Content-Type", "application/json")
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError):
        writer.write(data)
        await writer.drain()


async def _read(reader: asyncio.StreamReader, leave_after: int, pause_s: float) -> Reply:
    head, kept, size = b"", b"", 0
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = await reader.readuntil(b"\r\n\r\n")
        while size < leave_after and (piece := await reader.read(262_144)):
            size += len(piece)
            kept += piece[: max(0, 65_536 - len(kept))]
            if pause_s:
                await asyncio.sleep(pause_s)
    status = head[9:12] if head.startswith(b"HTTP/1.1 ") else b""
    body = _unchunked(kept) if b"chunked" in head.lower() else kept
    return Reply(int(status) if status.isdigit() else 0, head, body, size)


def _unchunked(data: bytes) -> bytes:
    """Short answers of the management API; what is none comes back as it is."""
    body = b""
    try:
        while data:
            line, _, data = data.partition(b"\r\n")
            size = int(line, 16)
            body, data = body + data[:size], data[size + 2 :]
    except ValueError:
        return data
    return body


Run = Callable[[Ground, random.Random], Awaitable[str]]


@dataclass(frozen=True)
class Attack:
    """`run` answers what came of it in a few words, or raises Breach."""

    name: str
    run: Run
    weight: int = 10
