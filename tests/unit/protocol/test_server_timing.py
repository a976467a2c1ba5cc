import pytest

from gateway.protocol.server_timing import server_timing


@pytest.mark.parametrize(
    ("auth", "line"),
    [
        ("", b"server-timing: gateway;dur=0.312, upstream;dur=250.000\r\n"),
        ("hit", b"server-timing: auth;desc=hit, gateway;dur=0.312, upstream;dur=250.000\r\n"),
    ],
)
def test_the_field_says_where_the_time_went(auth: str, line: bytes) -> None:
    assert server_timing(own_s=0.000312, upstream_s=0.25, auth=auth) == line
