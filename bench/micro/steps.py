"""The steps and what they are given: the head, answer and events of the comparison's small completion."""

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import brotli
from fakes.edge import ACCOUNT, PEPPER, account, gateway, runner
from fakes.exchange import request
from fakes.link import FakeLink

from gateway.edge.exchange import Exchange
from gateway.edge.head_memory import HeadMemory
from gateway.edge.identity import Identity, Reader
from gateway.edge.outgoing import BATCH_ROWS
from gateway.edge.policy import asks_for_token, authorize
from gateway.edge.report import Reporter
from gateway.edge.routing import classify
from gateway.edge.settings import Settings
from gateway.edge.taps.usage import UsageTap
from gateway.kit.clock import SystemClock
from gateway.kit.ids import uuid7
from gateway.link.frames import Records, Snapshot, encode
from gateway.model.service import TokenCaching
from gateway.model.targets import Dialect
from gateway.model.tokens import mint_token
from gateway.protocol.headers import RequestHead
from gateway.protocol.inflate import zstd
from gateway.protocol.options import RequestOptions
from gateway.protocol.response_head import ResponseHead

GATEWAY = "bench"
TARGET = f"/v1/{ACCOUNT}/{GATEWAY}/openai/chat/completions"
TOKEN = mint_token()
BODY = b'{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"Say hello to xxxxxxxxx"}]}'
FIELDS = (
    (b"Host", b"127.0.0.1:8787"),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate"),
    (b"Content-Type", b"application/json"),
    (b"User-Agent", b"OpenAI/Python 2.0.0"),
    (b"X-Stainless-Lang", b"python"),
    (b"X-Stainless-Package-Version", b"2.0.0"),
    (b"X-Stainless-OS", b"Linux"),
    (b"X-Stainless-Runtime", b"CPython"),
    (b"X-Stainless-Runtime-Version", b"3.11.7"),
    (b"Authorization", b"Bearer sk-bench-0123456789abcdef"),
    (b"cf-aig-authorization", b"Bearer " + TOKEN.encode()),
    (b"Content-Length", b"%d" % len(BODY)),
)
OPTIONS = {
    b"cf-aig-metadata": b'{"user":"u-1","team":"edge"}',
    b"cf-aig-request-timeout": b"30000",
    b"cf-aig-collect-log": b"true",
    b"cf-aig-cache-ttl": b"3600",
    b"cf-aig-max-attempts": b"3",
}
ANSWER_HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 05 Oct 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 674\r\nConnection: keep-alive\r\nx-request-id: req_0123456789abcdef0123456789abcdef\r\n\r\n"
)
ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-4.1-mini","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"%b"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":19,"completion_tokens":87,"total_tokens":106}}' % (b"An edge proxy checks who is calling. " * 12)
)
EVENT = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4.1-mini",'
    b'"choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}\n\n'
)
LIMIT_BYTES = 65_536
EVENTS = 100
ZSTD_FLUSH = zstd.ZstdCompressor.FLUSH_BLOCK


@dataclass(frozen=True)
class Step:
    name: str
    work: Callable[[], object]
    when: str = ""
    """`each` request, only one with a `new` head, only one with a `repeated` head; empty: counts for neither sum."""
    about: str = ""
    pieces: int = 1
    """How many of what is told one call does."""


def _head() -> RequestHead:
    return RequestHead(FIELDS, http_10=False, limit_bytes=LIMIT_BYTES)


def steps() -> Iterator[Step]:
    clock, head = SystemClock(), _head()
    link, settings = FakeLink(), Settings(lambda _: None)
    settings.replace(Snapshot(version=1, gateways=(gateway(GATEWAY),), accounts=(account(),)))
    route = classify("POST", TARGET, b"")
    plan, principal = settings.plan_for(route), runner()
    yield from _deciding(clock, head, link, settings)
    yield Step("authorize", lambda: authorize(route, True, principal, "127.0.0.1", 1.0), "each", "the policy table")

    made = request()
    yield Step("exchange", lambda: Exchange(made, clock), "each", "the request's state, two clocks, an id")
    yield Step("id", lambda: uuid7(1.79e9), "", "UUIDv7; part of exchange")

    def exchange() -> Exchange:
        x = Exchange(made, clock)
        x.head, x.route, x.plan, x.status, x.logged, x.outcome = head, route, plan, 200, True, "completed"
        x.permit = authorize(route, True, principal, "127.0.0.1", 1.0)
        x.response_type = "application/json"
        return x

    yield from _reporting(clock, link, exchange())
    yield from _translating(head)
    yield from _tapping()


def _deciding(clock: SystemClock, head: RequestHead, link: FakeLink, settings: Settings) -> Iterator[Step]:
    route = classify("POST", TARGET, b"")
    reader = Reader(PEPPER)
    identity = Identity(link, clock, TokenCaching(), lambda _: None)
    credential = reader.wanted(route, head, True)
    link.principals[credential.digest] = runner()
    _run(identity.learn(credential))
    assert identity.known(credential) is not None

    def read_anew() -> object:
        head.memo.clear()
        return reader.wanted(route, head, True)

    def known_of_new() -> object:
        credential.found = None
        return identity.known(credential)

    yield Step("classify", lambda: classify("POST", TARGET, b""), "new", "raw path to route")
    yield Step("settle", lambda: settings.plan_for(route), "each", "the gateway's plan from the snapshot")
    yield Step("options, none", lambda: RequestOptions.read(head.control), "new", "no cf-aig-* options")
    yield Step("options, five", lambda: RequestOptions.read(OPTIONS), "", "metadata among them")
    yield Step("credential, new head", read_anew, "new", "find, check shape, keyed digest")
    yield Step("credential, repeated head", lambda: reader.wanted(route, head, asks_for_token(route, True)), "repeated")
    yield Step("identify, known, new head", known_of_new, "new", "the cache")
    yield Step(
        "identify, known, repeated head", lambda: identity.known(credential), "repeated", "what the connection remembers"
    )


def _run(coroutine) -> object:  # type: ignore[no-untyped-def]
    import asyncio

    return asyncio.run(coroutine)


def _reporting(clock: SystemClock, link: FakeLink, x: Exchange) -> Iterator[Step]:
    reporter = Reporter(clock, 64 * 1024 * 1024)
    reporter._link = link  # started without its task

    def batch() -> None:
        for _ in range(BATCH_ROWS):
            reporter(x)
        reporter.flush(with_counters=False)
        for frame in link.sent:
            assert isinstance(frame, Records)
            reporter.outgoing.confirmed(frame.number)
        link.sent.clear()

    reporter(x)
    reporter.flush(with_counters=False)
    frame = link.sent[-1]
    assert isinstance(frame, Records)
    records = Records(1, [frame.rows[0]] * BATCH_ROWS)
    yield Step("report", batch, "each", "record, counters, hand-over in batches", BATCH_ROWS)
    yield Step("report, on the wire", lambda: encode(records), "each", "a record's share of encoding a batch", BATCH_ROWS)


def _translating(head: RequestHead) -> Iterator[Step]:
    raw = b"POST %b HTTP/1.1\r\n" % TARGET.encode() + b"".join(b"%b: %b\r\n" % field for field in FIELDS) + b"\r\n"
    memory, limit = HeadMemory(1 << 20), 1 << 16
    known = memory.learn(raw, SimpleNamespace(method="POST", path=TARGET, version=(1, 1)), head)
    assert known is not None
    other = raw.replace(b"Accept: ", b"X-Request-Id: %d\r\nAccept: ")
    ids = itertools.count()

    def crossing() -> bytes:
        head._blocks.clear()
        return head.crossing()

    yield Step("request head, read", _head, "", "13 fields, strictly; aiohttp's parser comes before")
    yield Step("request head, translated", crossing, "", "the block that crosses")
    yield Step("request head, repeated", lambda: known.body_in(raw + BODY), "", "recognised by its bytes: in place of both")
    yield Step("request head, found", lambda: memory.find(raw + BODY, limit), "", "recognised by its lines: likewise")
    yield Step(
        "request head, own id", lambda: memory.find(other % next(ids) + BODY, limit), "", "with a line never seen before"
    )
    yield Step("response head, read and translated", lambda: ResponseHead(ANSWER_HEAD), "", "6 fields")


def _tapping() -> Iterator[Step]:
    def whole() -> None:
        tap = UsageTap(Dialect.OPENAI, streamed=False, count=lambda _: None)
        tap.feed(ANSWER)
        assert tap.close(True).tokens_out == 87

    def events() -> None:
        tap = UsageTap(Dialect.OPENAI, streamed=True, count=lambda _: None)
        for _ in range(EVENTS):
            tap.feed(EVENT)

    yield from _tapping_coded()
    yield Step("usage tap, whole answer", whole, "each", f"{len(ANSWER)} bytes")
    yield Step("usage tap, one event", events, "", f"{len(EVENT)} bytes, no usage in it", EVENTS)


def _tapping_coded() -> Iterator[Step]:
    """What an answer costs on top when it comes in a coding: events are flushed one by one, as providers do."""
    for name, parts in (("gzip", _gzipped), ("br", _brotlied), ("zstd", _zstandard)):
        whole, events = b"".join(parts([ANSWER])), parts([EVENT] * EVENTS)
        encoding, streamed_bytes = name.encode(), sum(map(len, events)) / EVENTS

        def read(pieces: list[bytes], encoding: bytes, streamed: bool) -> None:
            tap = UsageTap(Dialect.OPENAI, streamed=streamed, count=lambda _: None, encoding=encoding)
            for piece in pieces:
                tap.feed(piece)
            tap.close(True)

        one, many = partial(read, [whole], encoding, False), partial(read, events, encoding, True)
        yield Step(f"usage tap, whole answer, {name}", one, "", f"{len(whole)} bytes")
        yield Step(f"usage tap, one event, {name}", many, "", f"{streamed_bytes:.0f} bytes", EVENTS)


def _gzipped(parts: list[bytes]) -> list[bytes]:
    coder = zlib.compressobj(6, wbits=16 + zlib.MAX_WBITS)
    return [coder.compress(part) + coder.flush(zlib.Z_SYNC_FLUSH) for part in parts] + [coder.flush()]


def _brotlied(parts: list[bytes]) -> list[bytes]:
    coder = brotli.Compressor(quality=4)
    return [coder.process(part) + coder.flush() for part in parts] + [coder.finish()]


def _zstandard(parts: list[bytes]) -> list[bytes]:
    coder = zstd.ZstdCompressor()
    return [coder.compress(part, ZSTD_FLUSH) for part in parts] + [coder.flush()]
