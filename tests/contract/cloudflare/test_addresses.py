"""Where a token may be used from, as real sockets tell it: an IPv4 client of a dual-stack socket is an IPv4 client."""

from typing import Any

import pytest
from fakes.edge import RunningEdge, gateway, runner
from fakes.provider import FakeProvider

from gateway.control.grants import principal_of
from gateway.model.tokens import Principal, Token

BODY = b'{"model":"m"}'


def limited(**addresses: list[str]) -> Principal:
    """A Run token with this condition, as control reads it from the store."""
    token = Token(
        id="t", account_id="a", kind="account", name="n", digest=b"", status="active", policies=[],
        condition={"request_ip": addresses}, issued_on=0, modified_on=0,
    )  # fmt: skip
    read = principal_of(token)
    return runner(ip_in=read.ip_in, ip_not_in=read.ip_not_in)


@pytest.mark.parametrize("dual_stack", [False, True])
@pytest.mark.parametrize(
    ("condition", "forwarded", "status"),
    [
        ({"in": ["127.0.0.0/8"]}, None, 200),
        ({"in": ["::ffff:127.0.0.1"]}, None, 200),
        ({"in": ["::ffff:127.0.0.0/104"]}, None, 200),
        ({"in": ["::1"]}, None, 401),
        ({"not_in": ["127.0.0.1"]}, None, 401),
        ({"not_in": ["::ffff:127.0.0.1"]}, None, 401),
        ({"not_in": ["::ffff:7f00:1"]}, None, 401),
        ({"not_in": ["::ffff:0:0/96"]}, None, 401),
        ({"not_in": ["::ffff:127.0.0.2"]}, None, 200),
        ({"in": ["203.0.113.0/24"]}, "::ffff:203.0.113.7", 200),
        ({"not_in": ["203.0.113.0/24"]}, "::ffff:203.0.113.7", 401),
        ({"not_in": ["203.0.113.0/24"]}, "64:ff9b::203.0.113.7", 401),
        ({"not_in": ["::ffff:203.0.113.7"]}, "203.0.113.7:4711", 401),
        ({"in": ["fe80::/10"]}, "fe80::1%eth0", 200),
    ],
)
async def test_where_a_token_may_be_used_from(
    provider: FakeProvider, dual_stack: bool, condition: dict[str, Any], forwarded: str | None, status: int
) -> None:
    trusted = () if forwarded is None else ("::ffff:127.0.0.1",)
    async with RunningEdge(
        gateways=[gateway("g")], providers={"openai": provider.origin}, dual_stack=dual_stack, trusted_proxies=trusted
    ) as edge:
        token = edge.admit(limited(**condition))
        headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer sk-own"}
        if forwarded is not None:
            headers["X-Forwarded-For"] = forwarded
        assert (await edge.ask("POST", edge.native("g", "openai/x"), headers, BODY)).status == status
