"""The client's address behind proxies: never what a client says of itself."""

import pytest

from gateway.edge.clients import Clients
from gateway.protocol.headers import RequestHead

PROXIES = ("10.0.0.0/8", "::1", "127.0.0.1")


def head(*values: str) -> RequestHead:
    fields = tuple((b"X-Forwarded-For", value.encode()) for value in values)
    return RequestHead(fields, http_10=False, limit_bytes=9999)


@pytest.mark.parametrize(
    ("peer", "values", "address"),
    [
        ("192.0.2.9", (), "192.0.2.9"),
        ("192.0.2.9", ("203.0.113.1",), "192.0.2.9"),
        ("", ("203.0.113.1",), ""),
        ("10.1.1.1", (), "10.1.1.1"),
        ("10.1.1.1", ("203.0.113.1",), "203.0.113.1"),
        ("10.1.1.1", ("198.51.100.7, 203.0.113.1",), "203.0.113.1"),
        ("10.1.1.1", ("198.51.100.7", "203.0.113.1, 10.2.2.2"), "203.0.113.1"),
        ("10.1.1.1", ("10.3.3.3, 10.2.2.2",), "10.3.3.3"),
        ("10.1.1.1", ("203.0.113.1:4711",), "203.0.113.1"),
        ("::1", ("[2001:db8::1]:443",), "2001:db8::1"),
        ("::1", ("2001:DB8::1",), "2001:db8::1"),
        ("10.1.1.1", ("203.0.113.1, unknown",), "10.1.1.1"),
        ("10.1.1.1", ("203.0.113.1, unknown, 10.2.2.2",), "10.2.2.2"),
        ("10.1.1.1", ("",), "10.1.1.1"),
        ("10.1.1.1", ("::ffff:203.0.113.1",), "203.0.113.1"),
        ("10.1.1.1", ("[::ffff:203.0.113.1]:443, ::ffff:10.2.2.2",), "203.0.113.1"),
        ("64:ff9b::10.1.1.1", ("203.0.113.1",), "203.0.113.1"),
        ("10.1.1.1", ("fe80::1%eth0",), "fe80::1"),
        ("10.1.1.1", ("' OR 1=1, \u00e9",), "10.1.1.1"),
    ],
)
def test_only_proxies_of_ours_are_believed(peer: str, values: tuple[str, ...], address: str) -> None:
    assert Clients(PROXIES).address(peer, head(*values)) == address


@pytest.mark.parametrize("trusted", ["::ffff:10.1.1.1", "::ffff:10.0.0.0/104", "10.0.0.0/8"])
def test_a_proxy_may_be_named_in_any_form(trusted: str) -> None:
    assert Clients((trusted,)).address("10.1.1.1", head("203.0.113.1")) == "203.0.113.1"


def test_nobody_is_believed_by_default() -> None:
    assert Clients(()).address("127.0.0.1", head("203.0.113.1")) == "127.0.0.1"


def test_a_repeated_head_is_read_once_but_not_for_a_peer_that_is_not_ours() -> None:
    clients, same = Clients(PROXIES), head("203.0.113.1")
    assert [clients.address(peer, same) for peer in ("10.1.1.1", "10.1.1.1", "192.0.2.9")] == [
        "203.0.113.1",
        "203.0.113.1",
        "192.0.2.9",
    ]


def test_one_head_from_two_proxies_of_ours() -> None:
    clients, same = Clients(PROXIES), head("unknown")
    assert [clients.address(peer, same) for peer in ("10.1.1.1", "10.2.2.2", "10.1.1.1")] == [
        "10.1.1.1",
        "10.2.2.2",
        "10.1.1.1",
    ]
