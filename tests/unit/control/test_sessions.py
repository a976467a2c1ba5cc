"""How long a session lasts, and which requests it is good for."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from fakes.clock import FakeClock
from fakes.store import MemoryStore

from gateway.control.sessions import IDLE_S, LIFETIME_S, MOST_PER_TOKEN, Sessions, clear_cookies, set_cookie
from gateway.model.faults import Refusal
from gateway.model.tokens import Token

PEPPER = b"p" * 32
OWN = {
    "X-Gateway-Dashboard": "http",
    "Sec-Fetch-Site": "same-origin",
    "x-gateway-host": "gw.test",
    "Content-Type": "application/json",
}
TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"d", status="active", policies=[], condition=None,
    issued_on=1.0, modified_on=1.0,
)  # fmt: skip


def request(method: str = "GET", cookie: str = "", **fields: str | None) -> web.Request:
    given = {**OWN, **{name.replace("_", "-"): value for name, value in fields.items()}}
    given = {name.lower(): value for name, value in given.items()}
    headers = {name: value for name, value in given.items() if value is not None}
    return make_mocked_request(method, "/client/v4/x", headers={**headers, **({"Cookie": cookie} if cookie else {})})


def sessions_of(clock: FakeClock, public_url: str, store: MemoryStore | None = None) -> Sessions:
    return Sessions((store or MemoryStore()).sessions, clock, [PEPPER], public_url)


async def signed_in(sessions: Sessions, origin: str = "http://gw.test") -> str:
    """The Cookie field of a browser that has signed in."""
    value, session = await sessions.open(request("POST", Origin=origin), TOKEN)
    response = web.Response()
    set_cookie(response, value, session)
    (cookie,) = response.cookies.values()
    return f"{cookie.key}={cookie.value}"


@pytest.mark.parametrize(
    ("origin", "public_url", "name", "secure"),
    [
        ("http://gw.test", "http://gw.test", "gateway-session", False),
        ("https://gw.test", "http://127.0.0.1:8787", "__Host-gateway-session", True),
        (None, "https://gw.test", "__Host-gateway-session", True),
    ],
)
async def test_the_cookie_is_as_strict_as_the_connection_allows(
    origin: str | None, public_url: str, name: str, secure: bool
) -> None:
    sessions = sessions_of(FakeClock(), public_url)
    value, session = await sessions.open(request("POST", Origin=origin), TOKEN)
    response = web.Response()
    set_cookie(response, value, session)
    (cookie,) = response.cookies.values()
    assert (cookie.key, bool(cookie["secure"])) == (name, secure)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")


async def test_a_session_ends_when_idle_and_at_its_end_whatever_happens() -> None:
    clock = FakeClock()
    sessions = sessions_of(clock, "")
    idle = await signed_in(sessions)
    clock.advance(IDLE_S - 1)
    assert await sessions.find(request(cookie=idle)) is not None
    clock.advance(IDLE_S)
    assert await sessions.find(request(cookie=idle)) is None
    busy = await signed_in(sessions)
    often_s = IDLE_S / 2
    for _ in range(int(LIFETIME_S / often_s) - 1):
        clock.advance(often_s)
        assert await sessions.find(request(cookie=busy)) is not None
    clock.advance(often_s)
    assert await sessions.find(request(cookie=busy)) is None


async def test_a_page_that_refreshes_by_itself_keeps_no_session_alive() -> None:
    clock = FakeClock()
    sessions = sessions_of(clock, "")
    cookie = await signed_in(sessions)
    for _ in range(2):
        assert await sessions.find(request(cookie=cookie, x_gateway_background="1")) is not None
        clock.advance(IDLE_S / 2)
    assert await sessions.find(request(cookie=cookie)) is None


async def test_signing_out_ends_it_and_signing_in_again_ends_the_one_before() -> None:
    store = MemoryStore()
    sessions = sessions_of(FakeClock(), "", store)
    first = await signed_in(sessions)
    await sessions.open(request("POST", cookie=first), TOKEN)
    assert await sessions.find(request(cookie=first)) is None
    second = await signed_in(sessions)
    await sessions.close(request(cookie=second))
    assert await sessions.find(request(cookie=second)) is None
    assert len(store.all_sessions) == 1


async def test_ended_sessions_take_no_room() -> None:
    clock, store = FakeClock(), MemoryStore()
    sessions = sessions_of(clock, "", store)
    for _ in range(3):
        await signed_in(sessions)
    clock.advance(LIFETIME_S + 1)
    await signed_in(sessions)
    await sessions.expire()
    assert len(store.all_sessions) == 1


async def test_sessions_outlive_a_restart_and_its_silence_counts() -> None:
    clock, store = FakeClock(), MemoryStore()
    before = sessions_of(clock, "", store)
    cookie = await signed_in(before)
    clock.advance(IDLE_S - 1)
    assert await before.find(request(cookie=cookie)) is not None
    await before.write()  # as the janitor does at the end
    after = sessions_of(clock, "", store)
    clock.advance(IDLE_S - 1)
    assert await after.find(request(cookie=cookie)) is not None
    assert await sessions_of(clock, "", MemoryStore()).find(request(cookie=cookie)) is None
    await after.close(request(cookie=cookie))
    assert await sessions_of(clock, "", store).find(request(cookie=cookie)) is None, "signed out for good"


async def test_nothing_of_the_cookie_is_in_the_store() -> None:
    store = MemoryStore()
    value = (await signed_in(sessions_of(FakeClock(), "", store))).partition("=")[2]
    (kept,) = store.all_sessions.values()
    raw = base64.urlsafe_b64decode(value)
    for piece in (value.encode(), raw, raw[:16], raw[16:32]):
        assert piece not in kept.key


async def test_many_sign_ins_end_the_oldest_of_the_same_token_and_never_anothers() -> None:
    clock, store = FakeClock(), MemoryStore()
    sessions = sessions_of(clock, "", store)
    administrator = await signed_in(sessions)
    cookies = []
    for _ in range(200):
        clock.advance(1)
        value, _ = await sessions.open(request("POST", Origin="http://gw.test"), replace(TOKEN, id="another"))
        cookies.append(f"gateway-session={value}")
    assert await sessions.find(request(cookie=administrator)) is not None
    alive = [await sessions.find(request(cookie=cookie)) is not None for cookie in cookies]
    assert alive == [False] * (200 - MOST_PER_TOKEN) + [True] * MOST_PER_TOKEN


async def test_what_was_never_minted_asks_nothing_of_the_store() -> None:
    store = MemoryStore()
    sessions = sessions_of(FakeClock(), "", store)
    for value in ("", "x", "A" * 64, "A" * 5000):
        assert await sessions.find(request(cookie=f"gateway-session={value}")) is None
    assert store.calls == []


@pytest.mark.parametrize(
    ("public_url", "fields"),
    [
        ("", {"X_Gateway_Dashboard": "https"}),
        ("", {"Origin": "https://gw.test"}),
        ("", {"Origin": "HTTPS://gw.test", "Sec_Fetch_Site": None}),
        ("https://gw.test", {}),
        ("https://gw.test", {"Origin": "https://gw.test"}),
    ],
)
async def test_over_tls_a_cookie_without_its_prefix_is_nobodys(public_url: str, fields: dict[str, Any]) -> None:
    """Another site of the domain can set it, and no `__Host-` one."""
    store = MemoryStore()
    plain = await signed_in(sessions_of(FakeClock(), "http://gw.test", store))
    sessions = sessions_of(FakeClock(), public_url, store)
    assert await sessions.find(request("GET", plain, **fields)) is None
    value, _ = await sessions.open(request("POST", **fields), TOKEN)
    assert await sessions.find(request("GET", f"__Host-gateway-session={value}", **fields)) is not None
    assert await sessions.find(request("GET", f"gateway-session={value}", **fields)) is None


async def test_a_cookie_moved_to_the_other_name_is_nobodys() -> None:
    sessions = sessions_of(FakeClock(), "")
    plain = (await signed_in(sessions)).partition("=")[2]
    secure = (await signed_in(sessions, "https://gw.test")).partition("=")[2]
    assert await sessions.find(request(cookie=f"__Host-gateway-session={plain}")) is None
    assert await sessions.find(request(cookie=f"gateway-session={secure}")) is None
    assert await sessions.find(request(cookie="gateway-session=made-up")) is None


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("GET", {"Sec_Fetch_Site": "cross-site"}),
    ("GET", {"Sec_Fetch_Site": "same-site"}),
    ("GET", {"Sec_Fetch_Site": "none"}),
    ("GET", {"Sec_Fetch_Site": None, "Origin": "http://evil.test"}),
    ("POST", {"Sec_Fetch_Site": "cross-site"}),
    ("POST", {"Sec_Fetch_Site": None}),
    ("POST", {"Sec_Fetch_Site": None, "Origin": "null"}),
    ("POST", {"Sec_Fetch_Site": None, "Origin": "http://evil.test"}),
    ("POST", {"Sec_Fetch_Site": None, "Origin": "http://gw.test.evil.test"}),
    ("POST", {"Sec_Fetch_Site": None, "Origin": "http://gw.test:8080"}),
    ("POST", {"Sec_Fetch_Site": None, "Origin": "http://["}),
    ("POST", {"Sec_Fetch_Site": None, "Origin": "http://gw.test", "x_gateway_host": None}),
    ("GET", {"X_Gateway_Dashboard": None}),
    ("POST", {"X_Gateway_Dashboard": None}),
    ("DELETE", {"X_Gateway_Dashboard": "1"}),
    ("POST", {"Content_Type": "text/plain"}),
    ("POST", {"Content_Type": "application/x-www-form-urlencoded"}),
    ("DELETE", {"Content_Type": None}),
]


@pytest.mark.parametrize(("method", "fields"), REFUSED)
async def test_requests_that_are_not_our_own_pages(method: str, fields: dict[str, Any]) -> None:
    sessions = sessions_of(FakeClock(), "http://public.test")
    cookie = await signed_in(sessions)
    with pytest.raises(Refusal):
        await sessions.find(request(method, cookie, **fields))


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GET", {"Sec_Fetch_Site": None}),
        ("GET", {"Content_Type": None}),
        ("POST", {}),
        ("POST", {"Content_Type": "application/json; charset=utf-8"}),
        ("POST", {"Sec_Fetch_Site": None, "Origin": "http://GW.test"}),
        ("DELETE", {"Sec_Fetch_Site": None, "Origin": "http://public.test", "x_gateway_host": "inner"}),
    ],
)
async def test_requests_that_are(method: str, fields: dict[str, Any]) -> None:
    sessions = sessions_of(FakeClock(), "http://public.test/")
    cookie = await signed_in(sessions)
    assert await sessions.find(request(method, cookie, **fields)) is not None


async def test_signing_out_takes_both_cookies_away() -> None:
    response = web.Response()
    clear_cookies(response)
    assert {cookie.key: cookie["max-age"] for cookie in response.cookies.values()} == {
        "__Host-gateway-session": "0",
        "gateway-session": "0",
    }
