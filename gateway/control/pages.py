"""The dashboard's files, under a strict Content-Security-Policy. What is built by `gateway/dashboard` is read once, at the
start; every other address below `/dashboard` is a page of the application, which finds its way by itself."""

import gzip
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

import gateway
from gateway.model.faults import UNKNOWN_ROUTE, Refusal

BUILT: Final = Path(gateway.__file__).parent / "dashboard" / "dist"
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_NEVER_KEPT: Final = {"Cache-Control": "no-store"}
_KEPT_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Names of assets hold a digest of their content."""
_ASSETS: Final = "assets/"
_COMPRESSED_FROM: Final = 1024

_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Authenticated Gateway</title></head>
<body><main><h1>Authenticated Gateway</h1>
<p>The gateway runs, but this installation has no dashboard: the npm registry could not be reached when it was built.
Install again with the registry in reach, or run <code>npm ci &amp;&amp; npm run build</code> in
<code>gateway/dashboard</code> and restart.</p>
<p>Everything the dashboard does can be done through the management API under <code>/client/v4</code>.</p></main></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    compressed: bytes | None
    content_type: str

    def answer(self, request: web.Request, caching: dict[str, str]) -> web.Response:
        headers = {**_HEADERS, **caching, "Vary": "Accept-Encoding"}
        body = self.body
        if self.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = self.compressed
        text = self.content_type.startswith("text/")
        return web.Response(body=body, content_type=self.content_type, charset="utf-8" if text else None, headers=headers)


class Pages:
    def __init__(self, built: Path = BUILT) -> None:
        self._files = {path.relative_to(built).as_posix(): _read(path) for path in built.rglob("*") if path.is_file()}
        self._files.setdefault("index.html", _file(_NOT_BUILT.encode(), "text/html"))
        self._index = self._files.pop("index.html")

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/dashboard", self.get), web.get("/dashboard/{path:.*}", self.get)]

    async def get(self, request: web.Request) -> web.Response:
        path = request.match_info.get("path", "")
        if (file := self._files.get(path)) is not None:
            return file.answer(request, _KEPT_FOR_EVER if path.startswith(_ASSETS) else _NEVER_KEPT)
        if path.startswith(_ASSETS):
            raise Refusal(UNKNOWN_ROUTE)
        return self._index.answer(request, _NEVER_KEPT)


def _read(path: Path) -> _File:
    return _file(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def _file(body: bytes, content_type: str) -> _File:
    compressed = gzip.compress(body, mtime=0) if len(body) >= _COMPRESSED_FROM else None
    return _File(body, compressed if compressed and len(compressed) < len(body) else None, content_type)
