"""Promise: bodies of twenty megabytes beside many streams stop no loop: liveness answers, the streams go on (31). Nor do
bodies made to be hard to read.

AIG_LONG=1 sends twenty of them beside two hundred streams.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes.edge import RunningEdge, gateway, key
from fakes.exposition import scrape, total
from fakes.processes import open_stream, until
from fakes.provider import FakeProvider, Gate, by_dialect, reply_json, stream
from fakes.service import Service, call

LONG = bool(os.environ.get("AIG_LONG"))
BODIES, STREAMS = (20, 200) if LONG else (4, 20)
SIZE = 20 * 1024 * 1024
LATE_S = 2.0
"""The promise is 100 ms, for a machine of one's own and clients that do not share a process with who measures."""
EVENT = b"data: {}\n\n"


@pytest.fixture
def service(start_service: Callable[..., Service], upstream: FakeProvider) -> Service:
    return start_service(workers=2, providers={"openai": upstream.origin + "/v1"})


@contextmanager
def probed(service: Service) -> Iterator[list[float]]:
    """Seconds that each liveness check takes meanwhile: the workers' and control's, on connections of their own."""
    done, taken = threading.Event(), list[float]()

    def probe(origin: str) -> None:
        while not done.wait(0.02):
            started = time.perf_counter()
            assert call(origin, "GET", "/livez").status == 200
            taken.append(time.perf_counter() - started)

    threads = [threading.Thread(target=probe, args=(origin,)) for origin in (service.origin, service.ops_origin)]
    for thread in threads:
        thread.start()
    try:
        yield taken
    finally:
        done.set()
        for thread in threads:
            thread.join(60)


def send(service: Service, token: str, number: int, statuses: list[int]) -> None:
    """A JSON body; on REST its model is at the very end, where it has to be looked for."""
    text = b'{"messages":[{"role":"user","content":"' + b"x" * SIZE + b'"}],"model":"openai/m"}'
    if number % 3 == 2:
        text = b'{"input":' + text + b',"model":"openai/m"}'
    path, headers = (
        (f"/client/v4/accounts/{service.account}/ai/v1/chat/completions", {"Authorization": f"Bearer {token}"}),
        (
            f"/v1/{service.account}/default/openai/chat/completions",
            {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer provider-key"},
        ),
        (f"/client/v4/accounts/{service.account}/ai/run", {"Authorization": f"Bearer {token}"}),
    )[number % 3]
    answer = call(
        service.origin, "POST", path, headers={"Content-Type": "application/json", **headers}, body=text, timeout_s=100
    )
    statuses.append(answer.status)


@pytest.mark.timeout(600 if LONG else 180)
def test_liveness_answers_beside_large_bodies_and_streams(service: Service, upstream: FakeProvider) -> None:
    token = service.management.create_token().value
    assert call(service.origin, "POST", f"/v1/{service.account}/default/openai/x", headers=asks(token), body={}).status == 200
    service.management.store_key("default", "openai", "sk-stored")
    gates = [Gate(1) for _ in range(STREAMS)]
    upstream.script(*(stream([EVENT] * 3, gate=gate) for gate in gates))
    streams = [open_stream(service, token) for _ in gates]
    assert {one.piece() for one in streams} == {EVENT}
    upstream.always = by_dialect
    statuses: list[int] = []
    senders = [threading.Thread(target=send, args=(service, token, number, statuses)) for number in range(BODIES)]
    with probed(service) as taken:
        until(lambda: len(taken) > 20)
        for sender in senders:
            sender.start()
        for gate, one in zip(gates, streams, strict=True):
            gate.open()
            assert one.piece() == EVENT, "while the bodies are under way"
        for sender in senders:
            sender.join(100)
    for gate, one in zip(gates, streams, strict=True):
        gate.open_wide()
        assert one.rest() == EVENT
        one.close()
    assert statuses == [200] * BODIES
    ordered = sorted(taken)
    print(f"{BODIES} bodies of 20 MB, {STREAMS} streams: liveness p99 {ordered[len(ordered) * 99 // 100] * 1000:.0f} ms")
    assert ordered[-1] < LATE_S

    def seen() -> bool:
        found = scrape(service)
        return all(total(found, "aig_event_loop_lag_seconds_count", process=process) for process in ("edge", "control"))

    until(seen, "how late each loop is can be read from the metrics")


HARD = [
    ("run", b'{"model":"openai/m","input":{"messages":[', b"[" * 900 + b"0" + b"]" * 900 + b",", b"0]}}", 200),
    ("run", b'{"model":"openai/m","input":{"messages":[', b"[", b"", 400),
    ("run", b'{"model":"openai/m","input":{', b'"a":[],', b'"messages":[]}}', 200),
    ("run", b'{"model":"openai/m","input":{', b'"inpu":"\\"",', b'"messages":[]}}', 200),
    ("v1/chat/completions", b'{"messages":[', b"[[[[[[0]]]]]],", b'0],"model":"openai/m"}', 200),
]
HARD_SIZE = 8 * 1000 * 1000
TURN_S = 0.25
"""Of CPU, which no load on the machine lengthens: parsed in one go, such a body takes several times that."""


@pytest.mark.parametrize(
    ("path", "start", "piece", "end", "status"), HARD, ids=["deep", "endless", "members", "strings", "REST"]
)
async def test_bodies_that_are_hard_to_read_hold_no_turn_of_the_loop(
    provider: FakeProvider, path: str, start: bytes, piece: bytes, end: bytes, status: int
) -> None:
    provider.always = reply_json({"object": "chat.completion"})
    turns: list[float] = []

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            turns.append(time.thread_time() - before)

    body = start + piece * (HARD_SIZE // len(piece)) + end
    providers = {"openai": provider.origin + "/v1"}
    async with RunningEdge(gateways=[gateway("default", keys=[key("openai", "sk-stored")])], providers=providers) as edge:
        headers = {"Authorization": f"Bearer {edge.admit()}", "Content-Type": "application/json"}
        watcher = asyncio.create_task(watch())
        reply = await edge.ask("POST", edge.rest(path), headers, body)
        watcher.cancel()
    assert reply.status == status
    print(f"{path}: the longest turn took {max(turns) * 1000:.0f} ms of {sum(turns) * 1000:.0f} ms")
    assert max(turns) < TURN_S


def asks(token: str) -> dict[str, str]:
    return {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer provider-key"}
