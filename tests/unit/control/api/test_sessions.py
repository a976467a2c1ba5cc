"""Signing in and out through the real app, and what a session may do with it."""

from typing import Any

import pytest
from fakes.control import ACCOUNT, REQUIRED, Reply, Rig, policy, running_control
from fakes.store import MemoryStore

from gateway.control.throttle import FAILURES
from gateway.model.tokens import Permission, mint_token

OWN = [
    ("X-Gateway-Dashboard", "http"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Origin", "http://gw.test"),
    ("x-gateway-host", "gw.test"),
]
JSON = ("Content-Type", "application/json")
SESSION = "/user/session"


async def sign_in(rig: Rig, token: str, *, headers: Any = OWN) -> Reply:
    return await rig.call("POST", SESSION, {"token": token}, headers=[*headers, JSON])


async def with_session(rig: Rig, reply: Reply, method: str, path: str, body: Any = None) -> Reply:
    cookie = reply.headers["Set-Cookie"].partition(";")[0]
    return await rig.call(method, path, body, headers=[*OWN, JSON, ("Cookie", cookie)])


async def test_a_session_stands_for_its_token_and_says_what_it_may_do() -> None:
    async with running_control(MemoryStore()) as rig:
        made = await rig.make_token(policy(Permission.READ, Permission.WRITE))
        reply = await sign_in(rig, f" {made['value']}\n")
        assert reply.result["token"]["id"] == made["id"]
        assert reply.result["permissions"] == {ACCOUNT: {Permission.READ: None, Permission.WRITE: None}}
        assert made["value"] not in reply.body.decode() + reply.headers["Set-Cookie"]
        again = await with_session(rig, reply, "GET", SESSION)
        assert again.result == reply.result
        created = await with_session(rig, reply, "POST", f"/accounts/{ACCOUNT}/ai-gateway/gateways", {"id": "g", **REQUIRED})
        assert created.status == 200
        refused = await with_session(rig, reply, "GET", f"/accounts/{ACCOUNT}/tokens")
        assert refused.status == 403


@pytest.mark.parametrize("how", ["delete", "roll", "disable", "sign out", "other address"])
async def test_what_ends_a_session_at_once(how: str) -> None:
    async with running_control(MemoryStore()) as rig:
        condition = {"request_ip": {"in": ["192.0.2.0/24"]}}
        made = await rig.make_token(policy(Permission.READ), condition=condition)
        reply = await sign_in(rig, made["value"])
        one = f"/accounts/{ACCOUNT}/tokens/{made['id']}"
        assert (await with_session(rig, reply, "GET", SESSION)).status == 200
        if how == "delete":
            await rig.call("DELETE", one)
        elif how == "roll":
            await rig.call("PUT", one + "/value", {})
        elif how == "disable":
            body = {"name": "t", "policies": made["policies"], "status": "disabled"}
            assert (await rig.call("PUT", one, body)).status == 200
        elif how == "sign out":
            gone = await with_session(rig, reply, "DELETE", SESSION)
            assert "Max-Age=0" in gone.headers["Set-Cookie"]
        else:
            rig.client_address = "198.51.100.1"
        assert (await with_session(rig, reply, "GET", SESSION)).status == 401


async def test_a_bearer_token_learns_the_same_without_a_session() -> None:
    async with running_control(MemoryStore()) as rig:
        result = (await rig.call("GET", SESSION)).result
        assert (result["session_ends_on"], set(result["permissions"])) == (None, {"*"})


async def test_a_bad_bearer_token_is_not_helped_by_a_good_session() -> None:
    async with running_control(MemoryStore()) as rig:
        cookie = (await sign_in(rig, rig.bootstrap)).headers["Set-Cookie"].partition(";")[0]
        headers = [*OWN, ("Cookie", cookie), ("Authorization", f"Bearer {mint_token()}")]
        assert (await rig.call("GET", SESSION, headers=headers)).status == 401


async def test_nobody_is_signed_in_by_another_site() -> None:
    async with running_control(MemoryStore()) as rig:
        cross = [
            ("X-Gateway-Dashboard", "http"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Origin", "http://evil.test"),
            ("x-gateway-host", "gw.test"),
        ]
        reply = await sign_in(rig, rig.bootstrap, headers=cross)
        assert (reply.status, "Set-Cookie" in reply.headers) == (403, False)


async def test_failures_are_throttled_and_the_right_token_never_is() -> None:
    async with running_control(MemoryStore()) as rig:
        statuses = [(await sign_in(rig, token)).status for token in [mint_token(), "garbage"] * FAILURES]
        assert statuses == [401] * FAILURES + [429] * FAILURES
        throttled = await sign_in(rig, "garbage")
        assert throttled.headers["Retry-After"] == "60"
        assert (await sign_in(rig, rig.bootstrap)).status == 200


@pytest.mark.parametrize("body", [{}, {"token": 1}, {"token": "x" * 257}, {"token": None}])
async def test_a_sign_in_that_says_nothing(body: Any) -> None:
    async with running_control(MemoryStore()) as rig:
        reply = await rig.call("POST", SESSION, body, headers=[*OWN, JSON])
        assert (reply.status, reply.paths) == (400, {("body", "token")})


@pytest.mark.parametrize("padding", ["in the token", "around it"])
async def test_a_sign_in_holds_one_token_and_no_more(padding: str) -> None:
    async with running_control(MemoryStore()) as rig:
        text = "x" * 4096
        body = {"token": text} if padding == "in the token" else {"token": rig.bootstrap, "more": text}
        reply = await rig.call("POST", SESSION, body, headers=[*OWN, JSON])
        assert (reply.status, "Set-Cookie" in reply.headers) == (413, False)


async def test_a_session_outlives_control() -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        reply = await sign_in(rig, rig.bootstrap)
    async with running_control(store) as rig:
        again = await with_session(rig, reply, "GET", SESSION)
        assert again.result["token"]["name"] == "bootstrap"
        assert (await with_session(rig, reply, "DELETE", SESSION)).status == 200
    async with running_control(store) as rig:
        assert (await with_session(rig, reply, "GET", SESSION)).status == 401


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_session_is_good_for_nothing_without_the_pages_own_field(method: str) -> None:
    async with running_control(MemoryStore()) as rig:
        cookie = (await sign_in(rig, rig.bootstrap)).headers["Set-Cookie"].partition(";")[0]
        headers = [*OWN[1:], JSON, ("Cookie", cookie)]
        body = None if method == "GET" else {"token": rig.bootstrap}
        assert (await rig.call(method, SESSION, body, headers=headers)).status == 403
        assert (await rig.call("GET", SESSION, headers=[OWN[0], *headers])).status == 200
