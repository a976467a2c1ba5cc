"""Records and counters on their way to control: bounded, batched, and lost only visibly."""

import asyncio
from typing import Any

import orjson
import pytest
from fakes.clock import FakeClock
from fakes.edge import ACCOUNT, gateway
from fakes.exchange import exchange as filled
from fakes.exchange import request
from fakes.link import FakeLink

from gateway.edge import report
from gateway.edge.body import Body, arrived_body
from gateway.edge.outgoing import BATCH_ROWS
from gateway.edge.report import Reporter
from gateway.edge.settings import compile_plan
from gateway.edge.taps.sample import Sample
from gateway.edge.taps.usage import UsageTap
from gateway.link.frames import Counters, Records, Unauthenticated, encode_up
from gateway.model import bounds, faults
from gateway.model.records import LogRecord
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import Limits, Timeouts
from gateway.model.targets import Dialect
from gateway.model.tokens import Permit, mint_token
from gateway.protocol.headers import RequestHead
from gateway.protocol.options import RequestOptions
from gateway.protocol.response_head import ResponseHead
from gateway.providers import registry

NATIVE = Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "openai", "v1/chat/completions?key=secret")


def exchange(clock: FakeClock, **changes: Any) -> Any:
    made: dict[str, Any] = {
        "id": "id-1",
        "route": NATIVE,
        "head": RequestHead(((b"User-Agent", b"t/1"), (b"Content-Type", b"application/json")), http_10=False, limit_bytes=999),
        "plan": compile_plan(gateway("g"), {}),
        "permit": Permit(True, "token-1"),
        "address": "192.0.2.1",
        "status": 200,
        "request_bytes": 3,
        "response_bytes": 4,
        "response_type": "application/json",
        "overhead_s": 0.00025,
        "outcome": "completed",
        "logged": True,
    }
    return filled(clock=clock, **{**made, **changes})


def held_body(data: bytes) -> Body:
    return arrived_body(request(body=data), Limits(), Timeouts())


def asked(count: int) -> dict[str, int]:
    """What so many requests that went well are counted as."""
    return {"requests|g|none|2xx|none": count, "auth|permitted": count}


class Rig:
    def __init__(self, queue_bytes: int = 1_000_000) -> None:
        self.clock = FakeClock()
        self.link = FakeLink()
        self.reporter = Reporter(self.clock, queue_bytes)
        self.reporter._link = self.link

    def report(self, **changes: Any) -> None:
        self.reporter(exchange(self.clock, **changes))

    def flushed(self) -> tuple[list[LogRecord], dict[str, int]]:
        self.link.sent.clear()
        self.reporter.flush(with_counters=True)
        records = [LogRecord._make(row) for frame in self.link.sent if isinstance(frame, Records) for row in frame.rows]
        counters: dict[str, int] = {}
        for frame in self.link.sent:
            if isinstance(frame, Counters):
                counters |= frame.deltas
        counters.pop("log_queue_records|edge", None)
        return records, counters


def test_a_record_says_what_happened() -> None:
    rig = Rig()
    x = exchange(rig.clock, first_byte_at=rig.clock.monotonic() + 0.25, options=RequestOptions(event_id="e", metadata="{}"))
    rig.clock.advance(1.5)
    rig.reporter(x)
    (record,), counters = rig.flushed()
    assert (record.duration_ms, record.first_byte_ms) == (1500, 250)
    assert (record.provider, record.path, record.model_type) == ("openai", "v1/chat/completions", "chat")
    assert (record.event_id, record.metadata, record.token_id, record.user_agent) == ("e", "{}", "token-1", "t/1")
    assert (record.success, record.status_code, record.outcome) == (True, 200, "completed")
    assert (record.overhead_us, record.auth_state, record.events) == (250, "hit", 0)
    assert "secret" not in str(record)
    assert counters == asked(1)


@pytest.mark.parametrize(
    ("changes", "status", "success"),
    [
        ({"status": 0, "outcome": "client_gone"}, 499, False),
        ({"outcome": "client_gone"}, 200, False),
        ({"outcome": "upstream_truncated"}, 200, False),
        ({"status": 301}, 301, True),
        ({"status": 404}, 404, False),
        ({"status": 500, "outcome": "upstream_error"}, 500, False),
        ({"status": 502, "outcome": "upstream_error", "fault": faults.UPSTREAM_BROKEN}, 502, False),
    ],
)
def test_success(changes: dict[str, Any], status: int, success: bool) -> None:
    rig = Rig()
    rig.report(**changes)
    (record,), _ = rig.flushed()
    assert (record.status_code, record.success) == (status, success)


@pytest.mark.parametrize(("outcome", "exactness"), [("completed", "exact"), ("client_gone", "partial")])
def test_usage_comes_from_the_tap(outcome: str, exactness: str) -> None:
    rig = Rig()
    tap = UsageTap(Dialect.ANTHROPIC, streamed=True, count=rig.reporter.count)
    tap.feed(b'data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}\n\n')
    if outcome == "completed":
        tap.feed(b'data: {"type":"message_delta","usage":{"output_tokens":5}}\n\ndata: {"type":"message_stop"}\n\n')
    rig.report(tap=tap, outcome=outcome)
    (record,), _ = rig.flushed()
    assert (record.tokens_in, record.model, record.usage_exactness) == (3, "m", exactness)


def test_what_is_not_logged_is_counted_only() -> None:
    rig = Rig()
    rig.report(logged=False, status=401, outcome="refused", fault=faults.MISSING_TOKEN, permit=None)
    assert rig.flushed() == (
        [],
        {"requests|g|none|4xx|client": 1, "auth|missing": 1, "refusals|missing_token|client": 1},
    )


def test_time_is_ours_until_the_first_attempt_and_the_providers_until_its_answer() -> None:
    rig = Rig()
    openai = registry.find("openai")
    rig.report(
        overhead_s=0.0003,
        asked_at=rig.clock.monotonic() + 0.0003,
        first_byte_at=rig.clock.monotonic() + 0.2503,
        provider=openai,
    )
    rig.report(overhead_s=0.0003, asked_at=rig.clock.monotonic() + 0.0003, provider=openai)
    _, counters = rig.flushed()
    assert {name: count for name, count in counters.items() if "seconds" in name} == {
        "overhead_seconds|3": 2,
        "overhead_seconds|sum": 600,
        "upstream_first_byte_seconds|openai|4": 1,
        "upstream_first_byte_seconds|openai|sum": 250_000,
    }


@pytest.mark.parametrize("surface", [Surface.CONTROL, Surface.DASHBOARD, Surface.OPS, None])
def test_what_is_no_inference_is_counted_apart(surface: Surface | None) -> None:
    rig = Rig()
    rig.report(route=None if surface is None else Route(surface))
    assert rig.flushed() == ([], {f"other_requests|{surface.name.lower() if surface else 'none'}": 1})


@pytest.mark.parametrize(
    ("route", "kind", "path"),
    [
        (Route(Surface.COMPAT, ACCOUNT, "g", endpoint=Endpoint.CHAT), "chat", "chat/completions"),
        (Route(Surface.REST_V1, ACCOUNT, endpoint=Endpoint.EMBEDDINGS), "embedding", "embeddings"),
        (Route(Surface.REST_RUN, ACCOUNT, tail="@cf/x", endpoint=Endpoint.RUN), "", "run"),
        (Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "p", "v1/messages"), "chat", "v1/messages"),
        (Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "p", "m:streamGenerateContent?key=x"), "chat", "m:streamGenerateContent"),
        (Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "p", "m:embedContent"), "embedding", "m:embedContent"),
        (Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "p", "images"), "", "images"),
    ],
)
def test_kind_and_path(route: Route, kind: str, path: str) -> None:
    rig = Rig()
    rig.report(route=route)
    (record,), _ = rig.flushed()
    assert (record.model_type, record.path) == (kind, path)


def test_a_full_queue_drops_and_says_so() -> None:
    rig = Rig(queue_bytes=3000)
    for _ in range(10):
        rig.report()
    records, counters = rig.flushed()
    assert len(records) == 3
    assert counters == asked(10) | {"log_records_dropped|edge": 7}
    rig.reporter.outgoing.confirmed(1)
    rig.report()
    assert rig.flushed()[1] == asked(1), "told once"


def test_while_the_link_is_down_everything_waits() -> None:
    rig = Rig()
    rig.report()
    rig.link.cut()
    assert rig.flushed() == ([], {})
    rig.report()
    rig.link.rejoin()
    records, counters = rig.flushed()
    assert (len(records), counters) == (2, asked(2))


def test_a_batch_that_the_link_refuses_goes_with_the_next_flush() -> None:
    rig = Rig()
    rig.report()
    rig.link.send = lambda frame: False  # type: ignore[method-assign]
    rig.flushed()
    del rig.link.send  # type: ignore[method-assign]
    records, counters = rig.flushed()
    assert (len(records), counters) == (1, asked(1))


def test_batches_are_bounded() -> None:
    rig = Rig(queue_bytes=100_000_000)
    for _ in range(2 * BATCH_ROWS + 1):
        rig.report()
    full = [BATCH_ROWS] * 2
    assert [len(frame.rows) for frame in rig.link.sent if isinstance(frame, Records)] in ([], full), "full ones leave at once"
    rig.reporter.flush(with_counters=False)
    assert [len(frame.rows) for frame in rig.link.sent if isinstance(frame, Records)] == [*full, 1]
    assert not any(isinstance(frame, Counters) for frame in rig.link.sent)


async def test_it_flushes_by_itself_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "FLUSH_S", 0.001)
    rig = Rig()
    rig.report()
    rig.reporter.start(rig.link)
    async with asyncio.timeout(5):
        while not any(isinstance(frame, Counters) for frame in rig.link.sent):
            await asyncio.sleep(0.001)
    assert any(isinstance(frame, Records) for frame in rig.link.sent)
    rig.report()
    await rig.reporter.close()
    assert sum(len(frame.rows) for frame in rig.link.sent if isinstance(frame, Records)) == 2


@pytest.mark.parametrize(
    ("held", "fed", "outcome", "request_part", "response_part", "complete"),
    [
        (b"abcd", b"wxyz", "completed", "abcd", "wxyz", (True, True)),
        (b"abcde", b"vwxyz", "completed", "abcd", "vwxy", (False, False)),
        (b"abcd", b"wx", "client_gone", "abcd", "wx", (True, False)),
        (b"\xff", b"\x00", "completed", "\xff", "\x00", (True, True)),
    ],
)
def test_bodies_go_with_the_record(
    held: bytes, fed: bytes, outcome: str, request_part: str, response_part: str, complete: tuple[bool, bool]
) -> None:
    rig = Rig()
    rig.reporter.body_bytes = 4
    sample = Sample(4)
    sample.feed(fed)
    body = held_body(held)
    rig.report(samples=True, body=body, response_sample=sample, response_encoding="gzip", outcome=outcome)
    rig.reporter.flush(with_counters=False)
    (frame,) = (frame for frame in rig.link.sent if isinstance(frame, Records))
    assert frame.bodies == [("id-1", ACCOUNT, "g", request_part, response_part, *complete, "", "gzip")]


def test_bodies_count_towards_the_bound() -> None:
    rig = Rig(queue_bytes=4000)
    rig.reporter.body_bytes = 10_000
    for _ in range(2):
        rig.report(samples=True, body=held_body(b"x" * 2000))
    assert rig.flushed()[1]["log_records_dropped|edge"] == 1


def test_requests_without_a_valid_token_are_told_of_once_a_second() -> None:
    rig = Rig()
    open_plan = compile_plan(gateway("g", authentication=False), {})
    rig.report()
    for fault in (faults.MISSING_TOKEN, faults.INVALID_TOKEN, faults.FORBIDDEN, faults.CONTROL_DOWN):
        rig.report(permit=None, fault=fault, status=fault.status, logged=False)
    rig.report(permit=Permit(False, ""), plan=open_plan)
    rig.reporter.flush(with_counters=False)
    assert not [frame for frame in rig.link.sent if isinstance(frame, Unauthenticated)]
    rig.reporter.flush(with_counters=True)
    (frame,) = [frame for frame in rig.link.sent if isinstance(frame, Unauthenticated)]
    assert frame.refused == [(ACCOUNT, "g", 3)], "our own trouble is nobody's lack of a token"
    assert frame.passed == [(ACCOUNT, "g", "192.0.2.1", "t/1", "openai/v1/chat/completions", "", 1)]


def test_what_the_link_does_not_take_is_told_later() -> None:
    rig = Rig()
    rig.report(permit=None, fault=faults.MISSING_TOKEN, status=401, logged=False)
    taken = rig.link.send
    rig.link.send = lambda _frame: False  # type: ignore[method-assign]
    rig.reporter.flush(with_counters=True)
    rig.link.send = taken  # type: ignore[method-assign]
    rig.reporter.flush(with_counters=True)
    assert [frame.refused for frame in rig.link.sent if isinstance(frame, Unauthenticated)] == [[(ACCOUNT, "g", 1)]]


def _hostile(text: str) -> dict[str, Any]:
    """A request in which every text that a stranger or a provider writes is this one."""
    raw = text.encode("utf-8", "replace").replace(b"\x01", b" ")  # no field may hold a control character
    tap = UsageTap(Dialect.OPENAI, streamed=False, count=lambda _: None)
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n\r\n" % raw[:8000]  # of a longer line there is no head
    return {
        "route": Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", text, f"{text}/x?key=secret"),
        "head": RequestHead(((b"User-Agent", raw), (b"Content-Type", raw)), http_10=False, limit_bytes=10**9),
        "request": request(method=text),
        "model": text,
        "response_type": ResponseHead(answer).logged_type,
        "tap": tap,
        "options": RequestOptions.read({
            b"cf-aig-event-id": raw,
            b"cf-aig-metadata": orjson.dumps({raw.decode(): raw.decode()}),
        }),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["m" * 33_000_000, "\x01" * 100_000, "é" * 100_000, "a\ud800b", "\udcff" * 5000])
def test_no_text_makes_a_row_large_or_impossible_to_send(text: str) -> None:
    rig = Rig()
    rig.report(**_hostile(text))
    (record,), _ = rig.flushed()
    for field, most in {
        "provider": bounds.NAME,
        "model": bounds.NAME,
        "method": bounds.METHOD,
        "path": bounds.PATH,
        "request_content_type": bounds.NAME,
        "response_content_type": bounds.NAME,
        "user_agent": bounds.USER_AGENT,
        "event_id": bounds.EVENT_ID,
    }.items():
        assert len(getattr(record, field)) <= most, field
    assert len(encode_up(Records(1, [tuple(record)]))) < 100_000


def test_no_text_of_a_row_shows_a_token_of_ours() -> None:
    rig = Rig()
    rig.report(**_hostile(token := mint_token()))
    (record,), counters = rig.flushed()
    assert token[4:12] not in f"{record}{counters}"


def test_a_model_of_the_answer_is_bounded_too() -> None:
    rig = Rig()
    tap = UsageTap(Dialect.OPENAI, streamed=False, count=rig.reporter.count)
    answer = {"model": "m" * 60_000, "usage": {"prompt_tokens": 2**53 - 1, "completion_tokens": 3}}
    tap.feed(orjson.dumps(answer))
    rig.report(tap=tap)
    (record,), _ = rig.flushed()
    assert (len(record.model), record.tokens_in, record.tokens_out) == (bounds.NAME, None, 3)


def test_every_text_of_a_record_is_bounded_or_ours() -> None:
    """A new field of a record has to say which it is."""
    ours = {
        "id", "account_id", "gateway_id", "model_type", "outcome", "usage_exactness", "request_type", "token_id", "auth_state",
        "error_cause",
    }  # fmt: skip
    cut = {
        "provider", "model", "method", "path", "metadata", "request_content_type", "response_content_type", "event_id",
        "user_agent", "custom_cost", "error_message",
    }  # fmt: skip
    texts = {name for name, kind in LogRecord.__annotations__.items() if "str" in str(kind)}
    assert texts == ours | cut


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, None, "", "")),
        ({"status": 301}, (True, None, "", "")),
        (
            {"status": 429, "outcome": "completed"},
            (True, 429, "The provider answered with status 429", "provider_error"),
        ),
        (
            {"status": 500, "outcome": "upstream_error"},
            (True, 500, "The provider answered with status 500", "provider_error"),
        ),
        (
            {"status": 502, "outcome": "upstream_error", "fault": faults.UPSTREAM_UNREACHABLE, "error_cause": "dns"},
            (True, 2005, "The provider's name cannot be resolved", "dns"),
        ),
        (
            {"outcome": "upstream_truncated", "error_cause": "reset"},
            (True, 2005, "The provider reset the connection", "reset"),
        ),
        ({"outcome": "client_gone", "status": 0}, (True, 499, "The client left before the end", "client_gone")),
        (
            {"asked_at": None, "outcome": "client_gone", "status": 0},
            (False, 499, "The client left before the end", "client_gone"),
        ),
        (
            {"asked_at": None, "status": 400, "outcome": "refused", "fault": faults.MISSING_PROVIDER_KEY},
            (False, 2906, faults.MISSING_PROVIDER_KEY.message, "missing_provider_key"),
        ),
        (
            {
                "asked_at": None, "status": 400, "outcome": "refused", "fault": faults.UNKNOWN_KEY_ALIAS,
                "error_message": "Unknown BYOK credential 'x'",
            },
            (False, 2040, "Unknown BYOK credential 'x'", "unknown_key_alias"),
        ),
        (
            {"status": 503, "outcome": "refused", "fault": faults.UPSTREAM_BUSY, "error_cause": "busy"},
            (True, 2915, "No connection to the provider came free in time", "busy"),
        ),
        (
            {"status": 500, "outcome": "refused", "fault": faults.INTERNAL},
            (True, 2918, "Internal error", "internal_error"),
        ),
    ],
)  # fmt: skip
def test_a_row_says_why_it_failed(changes: dict[str, Any], expected: tuple[object, ...]) -> None:
    rig = Rig()
    rig.report(**{"asked_at": 1.0, **changes})
    (record,), _ = rig.flushed()
    assert (record.asked, record.error_code, record.error_message, record.error_cause) == expected


def test_a_failing_provider_is_counted_and_named_in_the_log_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    for slug in ("openai", "openai", "custom-mine", "custom-other"):
        rig.reporter.upstream_failed(slug, "certificate_expired")
    _, counters = rig.flushed()
    assert counters == {
        "upstream_failures|openai|certificate_expired": 2,
        "upstream_failures|custom|certificate_expired": 2,
    }
    assert [record.getMessage() for record in caplog.records] == [
        "provider openai failed: certificate_expired: The provider's certificate has expired",
        "provider custom failed: certificate_expired: The provider's certificate has expired",
    ]
