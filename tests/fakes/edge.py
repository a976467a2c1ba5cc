"""One edge in the test's own loop: real sockets, a fake link, settings given as values. And a client that sees every byte.

async with RunningEdge(gateways=[gateway("g1")], providers={"openai": provider.origin + "/v1"}) as edge:
    reply = await edge.ask("POST", edge.native("g1", "openai/chat/completions"), {...}, b"{}")
"""

import asyncio
import dataclasses
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from fakes.link import FakeLink

from gateway.edge.listener import Edge
from gateway.kit.clock import Clock, SystemClock
from gateway.kit.secret import keyed_digest
from gateway.link.frames import Counters, Records, Snapshot
from gateway.link.port import EdgeLink, OnFrame
from gateway.model.gateways import AccountEntry, CustomProvider, Gateway, GatewayEntry, ProviderKey
from gateway.model.records import LogRecord
from gateway.model.service import EdgeConfig, Limits, ProviderOverride
from gateway.model.tokens import Permission, Principal, mint_token

ACCOUNT = "a" * 32
OTHER_ACCOUNT = "b" * 32
PEPPER = b"pepper-of-the-tests-0123456789ab"
PATIENCE_S = 10.0
"""How long to wait for what must happen; only a failing test waits so long."""


def gateway(name: str, *, account_id: str = ACCOUNT, keys: Iterable[ProviderKey] = (), **settings: Any) -> GatewayEntry:
    """A gateway as the snapshot carries it."""
    made = {"account_id": account_id, "id": name, "internal_id": f"internal-{name}", "created_at": 1.0, "modified_at": 1.0}
    return GatewayEntry(gateway=Gateway(**{**made, **settings}), keys=tuple(keys))


def key(provider: str, secret: str, alias: str = "default") -> ProviderKey:
    return ProviderKey(provider=provider, alias=alias, secret=secret)


def custom(slug: str, base_url: str, *, enable: bool = True, headers: Mapping[str, str] | None = None) -> CustomProvider:
    return CustomProvider(
        id=f"id-{slug}", account_id=ACCOUNT, slug=slug, base_url=base_url, enable=enable, headers=dict(headers or {})
    )


def account(*customs: CustomProvider, account_id: str = ACCOUNT) -> AccountEntry:
    return AccountEntry(account_id=account_id, custom_providers=customs)


def runner(*, account_id: str = ACCOUNT, permission: str = Permission.RUN, **more: Any) -> Principal:
    """A principal that may run inference on every gateway of the account."""
    return Principal(**{"token_id": "token-1", "grants": {account_id: {permission: None}}, **more})


async def until(true: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.005)


# --- the client ---------------------------------------------------------------------------------


class Incomplete(AssertionError):
    """The connection ended before the body did; `reply` holds what came."""

    def __init__(self, reply: "Reply") -> None:
        super().__init__(f"cut after {len(reply.body)} bytes of body")
        self.reply = reply


@dataclasses.dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    """In order, names as they came."""
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for field, value in self.headers if field.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


def request_bytes(
    method: str,
    target: str,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
    *,
    version: str = "1.1",
    chunks: Iterable[bytes] | None = None,
) -> bytes:
    """One request; `body` gets a Content-Length, `chunks` are sent chunked."""
    fields = [*(headers.items() if isinstance(headers, Mapping) else headers)]
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "gateway.test"))
    if body is not None and "content-length" not in names:
        fields.append(("Content-Length", str(len(body))))
    if chunks is not None:
        fields.append(("Transfer-Encoding", "chunked"))
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    head = "".join([f"{method} {target} HTTP/{version}\r\n", *(f"{name}: {value}\r\n" for name, value in fields), "\r\n"])
    return head.encode("latin-1") + (body or b"")


class Wire:
    """One client connection: bytes out, replies read strictly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framing: tuple[str, int] = ("none", 0)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, method: str, target: str, headers: Any = (), body: bytes | None = None, **how: Any) -> Reply:
        await self.send(request_bytes(method, target, headers, body, **how))
        return await self.reply(method)

    async def head(self, method: str = "GET") -> Reply:
        """The next answer's head; the body is to be read with `piece` or `rest`."""
        async with asyncio.timeout(PATIENCE_S):
            block = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = block.decode("latin-1").split("\r\n")[:-2]
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)]
        reply = Reply(int(status), headers)
        self._framing = self._framing_of(method, reply)
        return reply

    @staticmethod
    def _framing_of(method: str, reply: Reply) -> tuple[str, int]:
        coding, length = reply.header("transfer-encoding"), reply.header("content-length")
        assert coding is None or length is None, "both framings"
        if method == "HEAD" or reply.status in (204, 304) or 100 <= reply.status < 200:
            return "none", 0
        if coding is not None:
            assert coding == "chunked"
            return "chunked", 0
        return ("close", 0) if length is None else ("length", int(length))

    async def piece(self) -> bytes:
        """The next piece of body as it comes: a chunk, or what is there; empty at its end."""
        kind, left = self._framing
        async with asyncio.timeout(PATIENCE_S):
            if kind == "chunked":
                size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
                data = await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
                return data
            if kind == "length":
                data = await self.reader.read(left) if left else b""
                if left and not data:
                    raise asyncio.IncompleteReadError(b"", left)
                self._framing = kind, left - len(data)
                return data
            return await self.reader.read(65_536) if kind == "close" else b""

    async def rest(self, reply: Reply) -> Reply:
        """Read the body to its end. Raises Incomplete for a cut one."""
        try:
            while piece := await self.piece():
                reply.body += piece
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Incomplete(reply) from error
        return reply

    async def reply(self, method: str = "GET") -> Reply:
        return await self.rest(await self.head(method))

    async def ended(self) -> bool:
        """Whether the other side closes now, without another byte."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    def leave(self, how: str = "fin") -> None:
        """Close now, cleanly or with a reset."""
        if how == "rst":
            raw: socket.socket = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        else:
            self.writer.close()

    async def close(self) -> None:
        self.writer.transport.abort()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@asynccontextmanager
async def connected(port: int, *, receive_bytes: int = 0) -> AsyncIterator[Wire]:
    """A client connection; `receive_bytes` makes its kernel buffer small."""
    raw = socket.socket()
    if receive_bytes:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    except OSError:
        raw.close()
        raise
    reader, writer = await asyncio.open_connection(sock=raw, limit=receive_bytes or 1 << 20)
    wire = Wire(reader, writer)
    try:
        yield wire
    finally:
        await wire.close()


# --- the edge -----------------------------------------------------------------------------------


class RunningEdge:
    def __init__(
        self,
        *,
        gateways: Iterable[GatewayEntry] = (),
        accounts: Iterable[AccountEntry] = (),
        providers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        dual_stack: bool = False,
        **config: Any,
    ) -> None:
        """`providers`: slug → base URL; `dual_stack`: listen on an IPv6 socket that takes IPv4 too; `config`: further fields
        of EdgeConfig. Memory has no limit: the process is the test's, and holds what all tests before it left."""
        limits = dataclasses.replace(config.pop("limits", Limits()), memory_bytes=0)
        overrides = {slug: ProviderOverride(base_url=url) for slug, url in (providers or {}).items()}
        self.config = EdgeConfig(pepper=PEPPER, providers={**overrides, **config.pop("overrides", {})}, limits=limits, **config)
        self.link = FakeLink()
        self.edge = Edge(self.config, clock or SystemClock(), self._connect, worker="worker-1")
        self.port = 0
        self._dual_stack = dual_stack
        listed = {entry.account_id: entry for entry in accounts} or {ACCOUNT: account()}
        self.snapshot = Snapshot(1, tuple(listed.values()), tuple(gateways))
        self._drained = False

    async def _connect(self, on_frame: OnFrame) -> EdgeLink:
        await self.link.connect(on_frame)
        self.link.deliver(self.snapshot)
        return self.link

    async def __aenter__(self) -> Self:
        listening = socket.socket(socket.AF_INET6 if self._dual_stack else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._dual_stack:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(("::ffff:127.0.0.1" if self._dual_stack else "127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        await self.edge.start([listening])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drain(0)

    async def drain(self, grace_s: float) -> None:
        if not self._drained:
            self._drained = True
            await self.edge.drain(grace_s)

    def admit(self, principal: Principal | None = None, *, token: str = "") -> str:
        """A token that control knows; the value."""
        token = token or mint_token()
        self.link.principals[keyed_digest(PEPPER, token.encode())] = principal or runner()
        return token

    @staticmethod
    def digest(token: str) -> bytes:
        return keyed_digest(PEPPER, token.encode())

    @staticmethod
    def native(gateway_id: str, rest: str = "", account_id: str = ACCOUNT) -> str:
        return f"/v1/{account_id}/{gateway_id}" + (f"/{rest}" if rest else "")

    @staticmethod
    def rest(path: str, account_id: str = ACCOUNT) -> str:
        return f"/client/v4/accounts/{account_id}/ai/{path}"

    def client(self, **how: Any) -> Any:
        return connected(self.port, **how)

    async def ask(self, method: str, target: str, headers: Any = (), body: bytes | None = None, **how: Any) -> Reply:
        """One request on a connection of its own."""
        async with self.client() as wire:
            return await wire.ask(method, target, headers, body, **how)

    @property
    def records(self) -> list[LogRecord]:
        """All log records so far."""
        self.edge.reporter.flush(with_counters=True)
        return [LogRecord._make(row) for frame in self.link.sent if isinstance(frame, Records) for row in frame.rows]

    @property
    def counters(self) -> Counter[str]:
        self.edge.reporter.flush(with_counters=True)
        summed: Counter[str] = Counter()
        for frame in self.link.sent:
            if isinstance(frame, Counters):
                summed.update(frame.deltas)
        return summed

    async def record(self) -> LogRecord:
        """The one log record there is, once it is there."""
        await until(lambda: self.records)
        (record,) = self.records
        return record

    async def quiet(self) -> None:
        """Until no request is under way."""
        lifecycle = self.edge._lifecycle
        assert lifecycle is not None
        await until(lambda: not lifecycle.in_flight)
