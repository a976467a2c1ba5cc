"""What the browser gets: every page under a policy that runs nothing but our own files."""

import gzip
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.control.answers import enveloped
from gateway.control.pages import Pages

SCRIPT = "const answer = 42;\n" * 200


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>built</title>")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-abc123.js").write_text(SCRIPT)
    return tmp_path


async def fetch(built: Path, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    app = web.Application(middlewares=[enveloped])
    app.add_routes(Pages(built).routes())
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        answer = await client.get(path, headers=headers)
        return answer, await answer.read()


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/gateways/x/logs", "/dashboard/../x"])
async def test_every_page_is_the_application_and_never_kept(built: Path, path: str) -> None:
    answer, body = await fetch(built, path)
    if ".." in path:
        assert answer.status == 404, "the client has resolved it: not ours"
        return
    assert (answer.status, answer.content_type, answer.charset) == (200, "text/html", "utf-8")
    assert b"built" in body
    assert answer.headers["Cache-Control"] == "no-store"


async def test_assets_are_kept_for_ever_and_compressed_for_those_who_can(built: Path) -> None:
    plain, body = await fetch(built, "/dashboard/assets/index-abc123.js", **{"Accept-Encoding": "identity"})
    packed, small = await fetch(built, "/dashboard/assets/index-abc123.js", **{"Accept-Encoding": "br, gzip"})
    assert body.decode() == gzip.decompress(small).decode() == SCRIPT
    assert "immutable" in plain.headers["Cache-Control"]
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.content_type == "text/javascript"


async def test_other_files_are_asked_for_again(built: Path) -> None:
    answer, body = await fetch(built, "/dashboard/icon.svg")
    assert (answer.content_type, body) == ("image/svg+xml", b"<svg/>")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_an_asset_of_another_version_is_not_there(built: Path) -> None:
    answer, _ = await fetch(built, "/dashboard/assets/index-old.js")
    assert answer.status == 404


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/assets/index-abc123.js"])
async def test_nothing_but_our_own_files_runs(built: Path, path: str) -> None:
    answer, _ = await fetch(built, path)
    policy = answer.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
                 "base-uri 'none'", "form-action 'self'", "trusted-types 'none'"):  # fmt: skip
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


async def test_without_a_build_the_page_says_what_to_do(tmp_path: Path) -> None:
    answer, body = await fetch(tmp_path / "nothing", "/dashboard/gateways")
    assert answer.status == 200
    assert b"npm run build" in body
    assert b"<script" not in body
