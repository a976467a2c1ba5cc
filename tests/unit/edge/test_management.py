"""The way to control: what a stranger may bring along, and how much of control strangers may have."""

from typing import Any

import pytest
from fakes.clock import FakeClock
from fakes.edge import PEPPER, runner
from fakes.exchange import PLAIN, request
from fakes.exchange import exchange as filled
from fakes.link import FakeLink

from gateway.edge import management as module
from gateway.edge.identity import Identity, Reader
from gateway.edge.management import BODY_BYTES, STRANGERS_BODY_BYTES, Management
from gateway.kit.secret import keyed_digest
from gateway.model.faults import BODY_TOO_LARGE, CONTROL_BUSY, Refusal
from gateway.model.routes import Route, Surface
from gateway.model.service import EdgeConfig, TokenCaching
from gateway.model.sessions import PLAIN_COOKIE, SECURE_COOKIE, mint_session
from gateway.model.targets import Origin
from gateway.model.tokens import Permission, mint_token
from gateway.protocol.headers import RequestHead

CONFIG = EdgeConfig(control_socket="/run/control.sock", pepper=PEPPER)
FORGED = {
    "X-Gateway-Client": "6.6.6.6",
    "X-Gateway-Host": "6.6.6.6",
    "X-Forwarded-For": "6.6.6.6",
}


class Rig:
    def __init__(self) -> None:
        self.link = FakeLink()
        identity = Identity(self.link, FakeClock(), TokenCaching(), lambda _: None)
        self.management = Management(CONFIG, Reader(PEPPER), identity)

    def admit(self) -> str:
        token = mint_token()
        self.link.principals[keyed_digest(PEPPER, token.encode())] = runner(permission=Permission.WRITE)
        return token

    async def choose(self, fields: dict[str, str], body: bytes = b"{}", surface: Surface = Surface.CONTROL) -> Any:
        given = tuple((name.encode(), value.encode()) for name, value in {"Host": "gw.test", **fields}.items())
        head = RequestHead((*given, (b"Content-Length", b"%d" % len(body))), http_10=False, limit_bytes=9999)
        x = filled(request("PUT", "/client/v4/a%2Fb?x=1", body), route=Route(surface), head=head)
        return x, await self.management.choose(x)


async def test_control_gets_the_token_that_providers_never_do() -> None:
    rig = Rig()
    for value in (rig.admit(), mint_token(), "agw_op_1790000000_00_00"):
        _, attempt = await rig.choose({"Authorization": f"Bearer {value}"})
        assert attempt.block(PLAIN).split(b"\r\n").count(f"authorization: Bearer {value}".encode()) == 1


async def test_control_gets_its_requests_as_they_are() -> None:
    x, attempt = await Rig().choose({"Authorization": "Bearer t", "Cookie": "session=1", **FORGED})
    assert (attempt.target.origin, attempt.target.path) == (Origin("unix", "/run/control.sock", 0), "/client/v4/a%2Fb?x=1")
    assert x.body.held == b"{}"
    lines = attempt.block(PLAIN).split(b"\r\n")
    assert lines[0] == b"PUT /client/v4/a%2Fb?x=1 HTTP/1.1"
    assert {
        b"authorization: Bearer t",
        b"cookie: session=1",
        b"x-gateway-client: 192.0.2.1",
        b"x-gateway-host: gw.test",
    } <= set(lines)
    assert b"6.6.6.6" not in attempt.block(PLAIN), "who the client is, we say"
    assert not attempt.guarded


def credentials(rig: Rig, who: str) -> dict[str, str]:
    return {
        "nobody": {},
        "token": {"Authorization": f"Bearer {rig.admit()}"},
        "session": {"Cookie": f"a=b; {PLAIN_COOKIE}={mint_session(PEPPER)}"},
        "secure session": {"Cookie": f"{SECURE_COOKIE}={mint_session(PEPPER)}"},
        "unknown token": {"Authorization": f"Bearer {mint_token()}"},
        "no token": {"Authorization": "Bearer x"},
        "basic": {"Authorization": "Basic eA=="},
        "made-up session": {"Cookie": f"{PLAIN_COOKIE}={'x' * 64}"},
        "another gateway's session": {"Cookie": f"{PLAIN_COOKIE}={mint_session(b'other')}"},
        "bad cookies": {"Cookie": "\x80=;;;\t{"},
        "unknown token with a session": {
            "Authorization": f"Bearer {mint_token()}", "Cookie": f"{PLAIN_COOKIE}={mint_session(PEPPER)}",
        },
    }[who]  # fmt: skip


KNOWN = ["token", "session", "secure session"]
STRANGERS = [
    "nobody", "unknown token", "no token", "basic", "made-up session", "another gateway's session", "bad cookies",
    "unknown token with a session",
]  # fmt: skip


@pytest.mark.parametrize("who", [*KNOWN, *STRANGERS])
async def test_what_each_may_bring(who: str) -> None:
    rig = Rig()
    most = BODY_BYTES if who in KNOWN else STRANGERS_BODY_BYTES
    x, _ = await rig.choose(credentials(rig, who), b"x" * most)
    assert x.body.whole
    assert (x.seat is None) == (who in KNOWN)
    with pytest.raises(Refusal) as refused:
        await rig.choose(credentials(rig, who), b"x" * (most + 1))
    assert refused.value.fault is BODY_TOO_LARGE


async def test_strangers_leave_room_for_who_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STRANGERS", 3)
    rig = Rig()
    taken = [await rig.choose(credentials(rig, who)) for who in ("nobody", "unknown token", "made-up session")]
    for who in STRANGERS:
        with pytest.raises(Refusal) as refused:
            await rig.choose(credentials(rig, who))
        assert refused.value.fault is CONTROL_BUSY
    for who in KNOWN:
        await rig.choose(credentials(rig, who))
    await rig.choose({}, surface=Surface.DASHBOARD)
    taken[0][0].seat.leave()
    await rig.choose({})


async def test_a_token_is_asked_for_once() -> None:
    rig = Rig()
    fields = credentials(rig, "token")
    for _ in range(3):
        await rig.choose(fields)
    assert len(rig.link.asked) == 1


async def test_when_nobody_can_tell_everybody_is_a_stranger() -> None:
    rig = Rig()
    rig.link.cut()
    x, _ = await rig.choose(credentials(rig, "token"))
    assert x.seat is not None
