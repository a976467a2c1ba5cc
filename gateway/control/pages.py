"""The dashboard's place, under a strict Content-Security-Policy."""

from typing import Final

from aiohttp import web

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Authenticated Gateway</title></head>
<body><main><h1>Authenticated Gateway</h1>
<p>The dashboard comes with a later version. Until then everything is done through the management API under
<code>/client/v4</code>.</p></main></body>
</html>
"""


async def dashboard(_request: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html", headers=_HEADERS)


def page_routes() -> list[web.RouteDef]:
    return [web.get("/dashboard", dashboard), web.get("/dashboard/", dashboard)]
