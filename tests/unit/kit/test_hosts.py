"""Host names that a listener answers to."""

import pytest

from gateway.kit.hosts import Hosts

PUBLIC = Hosts(["ai.example.com", "*.tenant.example.com"])
LOCAL = Hosts(["admin.example.com", ""], local=True)


@pytest.mark.parametrize(
    ("hosts", "host", "accepted"),
    [
        (PUBLIC, "ai.example.com", True),
        (PUBLIC, "AI.Example.COM:8443", True),
        (PUBLIC, "ai.example.com.", True),
        (PUBLIC, "a.tenant.example.com", True),
        (PUBLIC, "a.b.tenant.example.com:1", True),
        (PUBLIC, "tenant.example.com", False),
        (PUBLIC, "eviltenant.example.com", False),
        (PUBLIC, "ai.example.com.evil.test", False),
        (PUBLIC, "evil.test", False),
        (PUBLIC, "127.0.0.1", False),
        (PUBLIC, "localhost", False),
        (PUBLIC, "", False),
        (LOCAL, "admin.example.com", True),
        (LOCAL, "127.0.0.1:8789", True),
        (LOCAL, "192.0.2.1", True),
        (LOCAL, "[::1]:8789", True),
        (LOCAL, "[::1]", True),
        (LOCAL, "localhost:1", True),
        (LOCAL, "gateway.localhost", True),
        (LOCAL, "evil.test", False),
        (LOCAL, "localhost.evil.test", False),
        (LOCAL, "notlocalhost", False),
        (LOCAL, "127.0.0.1.evil.test", False),
        (LOCAL, "2130706433", False),
        (LOCAL, "", False),
    ],
)
def test_names(hosts: Hosts, host: str, accepted: bool) -> None:
    assert hosts.accept(host) is accepted


@pytest.mark.parametrize("hosts", [Hosts(()), Hosts([""]), Hosts(["*"]), Hosts(["*"], local=True)])
def test_any(hosts: Hosts) -> None:
    assert hosts.any
    assert hosts.accept("evil.test")
