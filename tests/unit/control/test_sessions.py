"""How long a session lasts, and which requests it is good for."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from fakes.clock import FakeClock

from gateway.control.sessions import IDLE_S, LIFETIME_S, Sessions, clear_cookies, set_cookie
from gateway.model.faults import Refusal
from gateway.store.port import Token

OWN = {"Sec-Fetch-Site": "same-origin", "x-gateway-host": "gw.test", "Content-Type": "application/json"}
TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"d", status="active", policies=[], condition=None,
    issued_on=1.0, modified_on=1.0,
)  # fmt: skip


def request(method: str = "GET", cookie: str = "", **fields: str | None) -> web.Request:
    given = {**OWN, **{name.replace("_", "-"): value for name, value in fields.items()}}
    headers = {name: value for name, value in given.items() if value is not None}
    return make_mocked_request(method, "/client/v4/x", headers={**headers, **({"Cookie": cookie} if cookie else {})})


def signed_in(sessions: Sessions, origin: str = "http://gw.test") -> str:
    """The Cookie field of a browser that has signed in."""
    value, session = sessions.open(request("POST", Origin=origin), TOKEN)
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
def test_the_cookie_is_as_strict_as_the_connection_allows(origin: str | None, public_url: str, name: str, secure: bool) -> None:
    sessions = Sessions(FakeClock(), public_url)
    value, session = sessions.open(request("POST", Origin=origin), TOKEN)
    response = web.Response()
    set_cookie(response, value, session)
    (cookie,) = response.cookies.values()
    assert (cookie.key, bool(cookie["secure"])) == (name, secure)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")


def test_a_session_ends_when_idle_and_at_its_end_whatever_happens() -> None:
    clock = FakeClock()
    sessions = Sessions(clock, "")
    idle = signed_in(sessions)
    clock.advance(IDLE_S - 1)
    assert sessions.find(request(cookie=idle)) is not None
    clock.advance(IDLE_S)
    assert sessions.find(request(cookie=idle)) is None
    busy = signed_in(sessions)
    for _ in range(int(LIFETIME_S / 60) - 1):
        clock.advance(60)
        assert sessions.find(request(cookie=busy)) is not None
    clock.advance(60)
    assert sessions.find(request(cookie=busy)) is None


def test_a_page_that_refreshes_by_itself_keeps_no_session_alive() -> None:
    clock = FakeClock()
    sessions = Sessions(clock, "")
    cookie = signed_in(sessions)
    for _ in range(2):
        assert sessions.find(request(cookie=cookie, x_gateway_background="1")) is not None
        clock.advance(IDLE_S / 2)
    assert sessions.find(request(cookie=cookie)) is None


def test_signing_out_ends_it_and_signing_in_again_ends_the_one_before() -> None:
    sessions = Sessions(FakeClock(), "")
    first = signed_in(sessions)
    sessions.open(request("POST", cookie=first), TOKEN)
    assert sessions.find(request(cookie=first)) is None
    second = signed_in(sessions)
    sessions.close(request(cookie=second))
    assert sessions.find(request(cookie=second)) is None
    assert len(sessions) == 1


def test_ended_sessions_take_no_room() -> None:
    clock = FakeClock()
    sessions = Sessions(clock, "")
    for _ in range(3):
        signed_in(sessions)
    clock.advance(LIFETIME_S)
    signed_in(sessions)
    assert len(sessions) == 1


def test_a_cookie_moved_to_the_other_name_is_nobodys() -> None:
    sessions = Sessions(FakeClock(), "")
    plain = signed_in(sessions).partition("=")[2]
    secure = signed_in(sessions, "https://gw.test").partition("=")[2]
    assert sessions.find(request(cookie=f"__Host-gateway-session={plain}")) is None
    assert sessions.find(request(cookie=f"gateway-session={secure}")) is None
    assert sessions.find(request(cookie="gateway-session=made-up")) is None


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
    ("POST", {"Content_Type": "text/plain"}),
    ("POST", {"Content_Type": "application/x-www-form-urlencoded"}),
    ("DELETE", {"Content_Type": None}),
]


@pytest.mark.parametrize(("method", "fields"), REFUSED)
def test_requests_that_are_not_our_own_pages(method: str, fields: dict[str, Any]) -> None:
    sessions = Sessions(FakeClock(), "http://public.test")
    cookie = signed_in(sessions)
    with pytest.raises(Refusal):
        sessions.find(request(method, cookie, **fields))


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
def test_requests_that_are(method: str, fields: dict[str, Any]) -> None:
    sessions = Sessions(FakeClock(), "http://public.test/")
    cookie = signed_in(sessions)
    assert sessions.find(request(method, cookie, **fields)) is not None


def test_signing_out_takes_both_cookies_away() -> None:
    response = web.Response()
    clear_cookies(response)
    assert {cookie.key: cookie["max-age"] for cookie in response.cookies.values()} == {
        "__Host-gateway-session": "0",
        "gateway-session": "0",
    }
