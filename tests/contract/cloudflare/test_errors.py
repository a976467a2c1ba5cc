"""Every fault that the data plane can raise is provoked once and looks as specification section 19 says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fakes.edge import ACCOUNT, RunningEdge, gateway, key, request_bytes, runner, until
from fakes.edge import Reply as Answer
from fakes.provider import FakeProvider, hang_up, reply_json, stall

from gateway.model import faults
from gateway.model.faults import FAULTS, Fault, Refusal
from gateway.model.service import Limits, Timeouts
from gateway.model.tokens import mint_token

MARK = "canary-7f3a"
"""In every part of every request below that a careless message might repeat."""
KEY = {"Authorization": f"Bearer sk-{MARK}", "X-Note": MARK, "User-Agent": MARK}

MANAGEMENT = {
    faults.INVALID_BODY,
    faults.NOT_FOUND,
    faults.CONFLICT,
    faults.MANAGEMENT_UNAUTHENTICATED,
    faults.MANAGEMENT_FORBIDDEN,
    faults.INVALID_API_TOKEN,
    faults.SIGN_IN_THROTTLED,
    faults.STORE_DOWN,
    faults.TOO_MANY_QUERIES,
    faults.QUERY_TOO_LONG,
    faults.NO_WORKER,
}
"""Raised by control only; their own tests stand under `management/`."""


class Stage:
    """What a provocation needs: an edge, its provider, a valid token."""

    def __init__(self, edge: RunningEdge, provider: FakeProvider) -> None:
        self.edge = edge
        self.provider = provider
        self.token = edge.admit()

    async def native(self, rest: str, *, gateway_id: str = "stored", method: str = "POST", **more: Any) -> Answer:
        """With a valid token where the gateway's key is: what strangers are refused leaves no row."""
        body = more.pop("body", MARK.encode())
        token = {"cf-aig-authorization": self.token} if gateway_id == "stored" else {}
        headers = {**KEY, **token, **{name.replace("_", "-"): value for name, value in more.items() if value is not None}}
        return await self.edge.ask(method, self.edge.native(gateway_id, rest), headers, body)

    async def rest(self, path: str, body: bytes, method: str = "POST", **more: str) -> Answer:
        headers = {**KEY, "Authorization": f"Bearer {self.token}", **more}
        return await self.edge.ask(method, self.edge.rest(path), headers, body)

    async def raw(self, data: bytes) -> Answer:
        async with self.edge.client() as wire:
            await wire.send(data)
            return await wire.reply("POST")


Provoke = Callable[[Stage], Awaitable[Answer]]


async def _control_down(on: Stage) -> Answer:
    on.edge.link.cut()
    return await on.native("openai/x", gateway_id="g1", cf_aig_authorization=mint_token())


async def _bad_provider(on: Stage, behaviour: Any) -> Answer:
    on.provider.script(behaviour)
    return await on.native("openai/x")


async def _unreachable(on: Stage) -> Answer:
    await on.provider.refuse()
    return await on.native("openai/x")


async def _busy(on: Stage) -> Answer:
    on.provider.script(stall())
    async with on.edge.client() as wire:
        await wire.send(request_bytes("POST", on.edge.native("open", "openai/x"), KEY, b"{}"))
        await until(lambda: on.provider.requests)
        return await on.native("openai/x")


async def _draining(on: Stage) -> Answer:
    async with on.edge.client() as wire:
        assert (await wire.ask("GET", "/readyz")).status == 200
        on.edge.edge._draining = on.edge.edge.relay.draining = True
        return await wire.ask("GET", "/readyz")


async def _loop(on: Stage) -> Answer:
    await on.native("openai/x")
    return await on.native("openai/x", CDN_Loop=on.provider.only.header("cdn-loop"))


async def _misdirected(on: Stage) -> Answer:
    return await on.raw(request_bytes("POST", on.edge.native("stored", "openai/x"), {"Host": MARK}, b"{}"))


async def _control_busy(on: Stage) -> Answer:
    assert on.edge.edge._lifecycle is not None
    for seats in on.edge.edge._lifecycle.choose._management._seats.values():
        seats._most = 0
    return await on.edge.ask("GET", f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways", KEY)


async def _internal(on: Stage) -> Answer:
    async def broken(*_: object) -> Any:
        raise RuntimeError(MARK)

    on.edge.edge.relay.carry = broken  # type: ignore[method-assign]
    return await on.native("openai/x")


async def _key_rejected(on: Stage) -> Answer:
    on.provider.script(reply_json({"error": MARK}, 401))
    return await on.rest("run", b'{"model":"openai/m","input":{"messages":[]}}')


async def _too_slow_a_body(on: Stage) -> Answer:
    fields = {**KEY, "cf-aig-authorization": on.token, "Content-Length": "99"}
    return await on.raw(request_bytes("POST", on.edge.native("stored", "openai/x"), fields) + b"x")


async def _unknown_alias(on: Stage) -> Answer:
    headers = {"cf-aig-authorization": on.token, "cf-aig-byok-alias": "other"}
    return await on.edge.ask("POST", on.edge.native("stored", "openai/x"), headers, MARK.encode())


async def _no_key(on: Stage) -> Answer:
    return await on.edge.ask("POST", on.edge.native("g1", "openai/x"), {"cf-aig-authorization": on.token}, MARK.encode())


async def _overloaded(on: Stage) -> Answer:
    assert on.edge.edge._lifecycle is not None
    on.edge.edge._lifecycle.overloaded = True
    on.provider.script(stall())
    async with on.edge.client() as wire:
        await wire.send(request_bytes("POST", on.edge.native("open", "openai/x"), KEY, b"x"))
        await until(lambda: on.edge.edge.in_flight == 1)
        return await on.native("openai/x")


async def _too_many_connections(on: Stage) -> Answer:
    assert on.edge.edge._server is not None
    on.edge.edge._server.clients.all.connections_limit = 0
    return await on.raw(b"")


PROVOCATIONS: dict[Fault, Provoke] = {
    faults.MISSING_TOKEN: lambda on: on.native("openai/x", gateway_id="g1"),
    faults.INVALID_TOKEN: lambda on: on.native("openai/x", gateway_id="g1", cf_aig_authorization=f"Bearer {MARK}"),
    faults.FORBIDDEN: lambda on: on.native(
        "openai/x", gateway_id="g1", cf_aig_authorization=on.edge.admit(runner(account_id=MARK))
    ),
    faults.CONTROL_DOWN: _control_down,
    faults.UNKNOWN_ROUTE: lambda on: on.edge.ask("GET", f"/{MARK}", KEY),
    faults.METHOD_NOT_ALLOWED: lambda on: on.native("compat/chat/completions", method="PUT"),
    faults.UNKNOWN_GATEWAY: lambda on: on.native("openai/x", gateway_id=MARK),
    faults.UNKNOWN_PROVIDER: lambda on: on.native(f"{MARK}/x"),
    faults.PROVIDER_NEEDS_SIGNING: lambda on: on.native("aws-bedrock/bedrock-runtime/eu/model/x/invoke"),
    faults.UNKNOWN_MODEL: lambda on: on.rest(f"run/openai/{MARK}", b"{}"),
    faults.SURFACE_NOT_SERVED: lambda on: on.rest("v1/messages", b'{"model":"openai/%b"}' % MARK.encode()),
    faults.NOT_IMPLEMENTED: lambda on: on.native("", body=b"[]"),
    faults.TO_DASHBOARD: lambda on: on.edge.ask("GET", "/", {**KEY, "Sec-Fetch-Mode": "navigate"}),
    faults.PAGE_LOAD: lambda on: on.native("openai/x", method="GET", Sec_Fetch_Mode="navigate", body=None),
    faults.BAD_PATH: lambda on: on.native(f"openai/{MARK}/../x"),
    faults.MISSING_PROVIDER_KEY: _no_key,
    faults.UNKNOWN_KEY_ALIAS: _unknown_alias,
    faults.KEY_NOT_FOR_HOST: lambda on: on.edge.ask(
        "POST", on.edge.native("stored", f"azure-openai/{MARK}/d/chat/completions"), {"cf-aig-authorization": on.token}, b"{}"
    ),
    faults.LOOP: _loop,
    faults.PROVIDER_KEY_REJECTED: _key_rejected,
    faults.BAD_BODY: lambda on: on.native("compat/chat/completions", body=f'["{MARK}"]'.encode()),
    faults.MISSING_MODEL: lambda on: on.native("compat/chat/completions", body=f'{{"x":"{MARK}"}}'.encode()),
    faults.UNSUPPORTED_INPUT: lambda on: on.rest("run", f'{{"model":"openai/m","input":{{"x":"{MARK}"}}}}'.encode()),
    faults.MISDIRECTED: _misdirected,
    faults.MALFORMED: lambda on: on.raw(f"GET /v1/{MARK} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode()),
    faults.HEADERS_TOO_LARGE: lambda on: on.raw(
        request_bytes("POST", "/v1/a/b", [(f"X-{number}", MARK * 500) for number in range(20)], b"{}")
    ),
    faults.URI_TOO_LONG: lambda on: on.raw(f"GET /{MARK * 6000} HTTP/1.1\r\nHost: a\r\n\r\n".encode()),
    faults.UNKNOWN_CODING: lambda on: on.native("compat/chat/completions", **{"Content-Encoding": f"{MARK} {MARK}"}),
    faults.UPGRADE_REQUIRED: lambda on: on.native(f"openai/{MARK}", method="GET", Upgrade="websocket"),
    faults.BODY_TOO_LARGE: lambda on: on.native("openai/x", body=MARK.encode() * 200),
    faults.EXPECTATION_FAILED: lambda on: on.native("openai/x", Expect=MARK),
    faults.BODY_TIMEOUT: _too_slow_a_body,
    faults.UPSTREAM_UNREACHABLE: _unreachable,
    faults.UPSTREAM_BROKEN: lambda on: _bad_provider(on, hang_up("rst")),
    faults.UPSTREAM_TIMEOUT: lambda on: _bad_provider(on, stall()),
    faults.UPSTREAM_BUSY: _busy,
    faults.DRAINING: _draining,
    faults.OVERLOADED: _overloaded,
    faults.TOO_MANY_CONNECTIONS: _too_many_connections,
    faults.CONTROL_UNREACHABLE: lambda on: on.edge.ask("GET", f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways", KEY),
    faults.CONTROL_BUSY: _control_busy,
    faults.INTERNAL: _internal,
}


UPSTREAM = {faults.UPSTREAM_UNREACHABLE, faults.UPSTREAM_BROKEN, faults.UPSTREAM_TIMEOUT, faults.UPSTREAM_BUSY}
"""Said once in the service's log, with the cause."""


@asynccontextmanager
async def staged(provider: FakeProvider) -> AsyncIterator[Stage]:
    async with RunningEdge(
        gateways=[
            gateway("g1"),
            gateway("open", authentication=False),
            gateway("stored", keys=[key("openai", "sk-stored"), key("azure-openai", "sk-azure")]),
            gateway("default", keys=[key("openai", "sk-stored")]),
        ],
        providers={"openai": provider.origin + "/v1"},
        control_socket=f"/nowhere/{MARK}.sock",
        hosts=("gateway.test", "a"),
        limits=Limits(body_bytes=1000, header_bytes=65_536, connections_per_origin=1, waiting_per_origin=0),
        timeouts=Timeouts(client_body_s=0.1, first_byte_s=0.4, keepalive_s=1.0),
    ) as edge:
        yield Stage(edge, provider)


def test_every_fault_is_provoked_or_belongs_to_control() -> None:
    assert set(PROVOCATIONS) | MANAGEMENT == set(FAULTS)
    assert set(PROVOCATIONS) & MANAGEMENT == set()


def name_of(fault: Fault) -> str:
    return fault.name


@pytest.mark.parametrize("fault", PROVOCATIONS, ids=name_of)
async def test_each_fault(provider: FakeProvider, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    async with staged(provider) as on:
        answer = await PROVOCATIONS[fault](on)
        body = answer.json()
        tree = "internalCode" in body
        code = fault.code if tree else fault.rest_code or fault.code
        (shown,) = body.get("errors") or body["error"]
        assert (answer.status, shown["code"], body["success"]) == (fault.status, code, False)
        assert answer.header("content-type") == "application/json"
        assert answer.header("retry-after") == (None if fault.retry_after_s is None else str(fault.retry_after_s))
        if fault.retry_after_s is None and fault.status not in (408, 409):
            assert answer.header("x-should-retry") == "false"
        if fault.closes:
            assert answer.header("connection") == ("upgrade, close" if fault.upgrade else "close")
        assert MARK not in answer.body.decode(), "input is never repeated"
        await on.edge.quiet()
        if fault in (faults.MALFORMED, faults.HEADERS_TOO_LARGE, faults.UNKNOWN_ROUTE, faults.BAD_PATH, faults.DRAINING):
            assert on.edge.records == []
        elif fault is faults.UNKNOWN_PROVIDER:
            assert on.edge.records == [], "a path that names no provider is nobody's request"
        elif not fault.logged:
            assert [record for record in on.edge.records if record.status_code == fault.status] == []
        else:
            await until(lambda: [record for record in on.edge.records if record.status_code == fault.status])
            (record,) = [record for record in on.edge.records if record.status_code == fault.status]
            assert record.id == answer.header("cf-aig-log-id")
            assert not record.success
    if fault is not faults.INTERNAL:
        said = [line.getMessage() for line in caplog.records if line.levelname in ("WARNING", "ERROR")]
        assert [line.partition(" failed: ")[0] for line in said] == (["provider openai"] if fault in UPSTREAM else [])
    assert MARK not in "".join(line.getMessage() for line in caplog.records)


REST_V1_401 = {
    "result": None,
    "success": False,
    "errors": [{"code": 10000, "message": "Authentication error"}],
    "messages": [],
    "error": {"message": "Authentication error", "type": "authentication_error", "code": "10000"},
}


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", RunningEdge.rest("v1/chat/completions"), REST_V1_401),
        ("POST", RunningEdge.rest("run"), {name: value for name, value in REST_V1_401.items() if name != "error"}),
        (
            "POST",
            RunningEdge.native("g1", "compat/chat/completions"),
            {
                "success": False,
                "result": [],
                "messages": [],
                "errors": [{"code": 2009, "message": "Unauthorized"}],
                "error": {"message": "Unauthorized", "type": "authentication_error", "code": "2009"},
                "name": "AiGatewayError",
                "httpCode": 401,
                "internalCode": 2009,
                "message": "Unauthorized",
                "description": "Unauthorized",
            },
        ),
    ],
)
async def test_a_401_in_each_shape(provider: FakeProvider, method: str, target: str, body: dict[str, Any]) -> None:
    async with staged(provider) as on:
        answer = await on.edge.ask(method, target, KEY, b"{}")
        assert (answer.status, answer.json()) == (401, body)


async def test_a_refused_head_request_has_no_body(provider: FakeProvider) -> None:
    async with staged(provider) as on, on.edge.client() as wire:
        refused = await wire.ask("HEAD", on.edge.native("g1", "openai/x"), KEY)
        assert (refused.status, refused.body) == (401, b"")
        assert int(refused.header("content-length") or 0) > 0
        assert (await wire.ask("GET", on.edge.native("open", "openai/x"), KEY)).status == 200, "nothing was left on the wire"


async def test_a_refusal_keeps_the_connection_of_a_client_that_was_read_whole(provider: FakeProvider) -> None:
    async with staged(provider) as on, on.edge.client() as wire:
        for _ in range(3):
            refused = await wire.ask("POST", on.edge.native("g1", "openai/x"), KEY, b"{}")
            assert (refused.status, refused.header("connection")) == (401, None)


async def test_the_requests_own_time_limit(provider: FakeProvider) -> None:
    async with staged(provider) as on:
        on.provider.script(stall())
        answer = await on.native("openai/x", **{"cf-aig-request-timeout": "50"})
        assert (answer.status, answer.json()["internalCode"]) == (504, 2005)
        assert (await on.edge.record()).outcome == "upstream_error"


async def test_control_down_spares_who_is_known(provider: FakeProvider) -> None:
    async with staged(provider) as on:
        target, headers = on.edge.native("g1", "openai/x"), {**KEY, "cf-aig-authorization": on.token}
        assert (await on.edge.ask("POST", target, headers, b"{}")).status == 200
        on.edge.link.cut()
        assert (await on.edge.ask("POST", target, headers, b"{}")).status == 200
        assert (await on.native("openai/x")).status == 200, "open gateways ask nobody"
        assert (await on.native("openai/x", gateway_id="g1")).status == 401, "no token is known to be none"
        assert (await on.edge.ask("GET", "/readyz")).json()["status"] == "degraded"
        assert (await on.edge.ask("GET", "/livez")).status == 200


def test_a_refusal_prints_its_name_only() -> None:
    assert str(Refusal(faults.UNKNOWN_KEY_ALIAS, "text for the client")) == "unknown_key_alias"
