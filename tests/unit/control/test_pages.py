from typing import Any, cast

from gateway.control.pages import dashboard, page_routes


async def test_the_page_runs_nothing_and_loads_nothing() -> None:
    response = await dashboard(cast(Any, None))
    csp = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in csp
    assert "unsafe" not in csp
    assert "frame-ancestors 'none'" in csp
    assert "<script" not in (response.text or "")
    assert response.content_type == "text/html"


def test_paths() -> None:
    assert {route.path for route in page_routes()} == {"/dashboard", "/dashboard/"}
