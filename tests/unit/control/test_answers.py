"""Every way to fail leaves as a v4 envelope without input, traceback or the software's name."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.control.answers import REVOCATION_FIELD, answer, bare_heads, enveloped, invalid
from gateway.control.publisher import Revocation
from gateway.model.faults import CONFLICT, STORE_DOWN, Refusal
from gateway.store.errors import StoreDown

Client = TestClient[web.Request, web.Application]
SECRET = "sk-very-secret"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    def route(path: str, error: BaseException) -> web.RouteDef:
        async def fails(_request: web.Request) -> web.Response:
            raise error

        return web.post(path, fails)

    async def reads(request: web.Request) -> web.Response:
        return answer(len(await request.read()))

    app = web.Application(client_max_size=10, middlewares=[enveloped])
    app.on_response_prepare.append(bare_heads)
    app.add_routes(
        [
            route("/refusal", Refusal(CONFLICT)),
            route("/worded", Refusal(CONFLICT, "in other words")),
            route("/invalid", invalid("no", "body", "x")),
            route("/down", StoreDown(SECRET)),
            route("/crash", ValueError(SECRET)),
            route("/redirect", web.HTTPFound("/x")),
            route("/unprocessable", web.HTTPUnprocessableEntity()),
            web.post("/reads", reads),
        ]
    )
    async with TestClient(TestServer(app, access_log=None)) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/refusal", 409, 7009),
        ("POST", "/worded", 409, 7009),
        ("POST", "/invalid", 400, 7001),
        ("POST", "/down", 503, 2919),
        ("POST", "/crash", 500, 2918),
        ("POST", f"/{SECRET}", 404, 7003),
        ("GET", "/refusal", 405, 7001),
        ("POST", "/redirect", 400, 7001),
        ("POST", "/unprocessable", 400, 7001),
        ("POST", "/reads", 413, 2912),
    ],
)
async def test_failures(client: Client, method: str, path: str, status: int, code: int, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "gateway")
    response = await client.request(method, path, data=SECRET.encode() if method == "POST" else None)
    body = await response.read()
    assert response.status == status
    shown = orjson.loads(body)
    assert list(shown) == ["result", "success", "errors", "messages"]
    assert (shown["success"], shown["errors"][0]["code"]) == (False, code)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in response.headers
    assert ("Retry-After" in response.headers) == (status in (500, 503))
    assert ("x-should-retry" in response.headers) == (status not in (409, 500, 503))
    assert SECRET.encode() not in body
    assert SECRET not in caplog.text
    assert ("Allow" in response.headers) == (status == 405)


async def test_a_crash_is_logged_with_its_way_through_the_code(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    await client.post("/crash")
    assert "POST /crash failed: ValueError" in caplog.text
    assert "test_answers.py" in caplog.text


def test_messages_and_revocations() -> None:
    made = answer("x", messages=["m"], revocation=Revocation(1, (), 0.5))
    assert made.headers[REVOCATION_FIELD] == "confirmed=1; missing=0; seconds=0.500"
    assert REVOCATION_FIELD not in answer("x").headers
    assert STORE_DOWN.retry_after_s is not None
