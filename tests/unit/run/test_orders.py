import os

import pytest

from gateway.model.service import ControlConfig, EdgeConfig, Limits, ProviderOverride, Timeouts, TokenCaching
from gateway.run.orders import Orders, decode, encode, put, take

EDGE = EdgeConfig(
    listen=("127.0.0.1:1", "[::1]:2"),
    control_socket="/run/x.sock",
    pepper=bytes(range(32)),
    older_peppers=(b"o" * 32, b"p" * 32),
    trusted_proxies=("10.0.0.0/8",),
    cors_origins=("https://a",),
    server_timing=True,
    ca_bundle="/ca.pem",
    allow_private_custom=True,
    limits=Limits(body_bytes=1),
    timeouts=Timeouts(drain_s=2.5),
    token_cache=TokenCaching(ttl_s=3),
    providers={"openai": ProviderOverride(base_url="http://x/v1", keyless=True)},
)
CONTROL = ControlConfig(
    control_socket="/run/x.sock",
    pepper=b"\x00" * 32,
    older_peppers=(b"o" * 32,),
    master_key=b"\xff" * 32,
    older_master_keys=(b"m" * 32,),
    bootstrap_token="agw_x",
    account_id="a" * 32,
)


@pytest.mark.parametrize(
    "orders",
    [
        Orders(name="edge-3", log_level="debug", restarts=4, config=EDGE),
        Orders(name="control", log_level="info", config=CONTROL),
    ],
)
def test_orders_arrive_as_they_were_given(orders: Orders) -> None:
    assert decode(encode(orders)) == orders
    descriptor = put(orders)
    received = take(os.dup(descriptor))
    os.close(descriptor)
    assert received == orders
    assert hash(type(received.config)) == hash(type(orders.config))


def test_orders_do_not_show_their_secrets() -> None:
    shown = repr(Orders(name="control", log_level="info", config=CONTROL))
    assert "agw_x" not in shown
    assert repr(CONTROL.master_key) not in shown
