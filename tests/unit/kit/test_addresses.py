"""One normal form, whichever way an address is spelled."""

import pytest

from gateway.kit.addresses import is_public, networks_of, normal_address, parse_address, parse_network, within


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:c000:0201", "192.0.2.1"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%25", "fe80::1"),
        # Translated and compatible addresses are other hosts' than the IPv4 address in them.
        ("64:ff9b::c000:201", "64:ff9b::c000:201"),
        ("::192.0.2.1", "::c000:201"),
        ("::ffff:0:192.0.2.1", "::ffff:0:c000:201"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.1:80", ""),
        ("192.0.2.01", ""),
        ("[::1]", ""),
        ("::ffff:192.0.2.256", ""),
    ],
)
def test_addresses_have_one_form(text: str, normal: str) -> None:
    assert normal_address(text) == normal
    assert str(parse_address(text) or "") == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:a01:203/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::/0", "::/0"),
        ("64:ff9b::/96", "64:ff9b::/96"),
    ],
)
def test_networks_have_one_form(text: str, normal: str) -> None:
    assert str(parse_network(text)) == normal


@pytest.mark.parametrize(
    "text", ["", "x", "10.0.0.0/33", "10.0.0.0/", "::ffff:10.0.0.0/8", "::ffff:10.0.0.0/95", "::/129", "fe80::1%eth0"]
)
def test_networks_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_network(text)


def test_host_bits_are_refused_where_they_show_a_mistake() -> None:
    with pytest.raises(ValueError):
        parse_network("10.0.0.1/8", strict=True)


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        (["127.0.0.0/8"], "::ffff:127.0.0.1", True),
        (["::ffff:127.0.0.1"], "127.0.0.1", True),
        (["::ffff:127.0.0.0/104"], "127.9.9.9", True),
        (["::ffff:127.0.0.0/104"], "128.0.0.1", False),
        (["203.0.113.0/24"], "64:ff9b::203.0.113.9", True),
        (["203.0.113.0/24"], "64:ff9b::203.0.114.9", False),
        (["64:ff9b::/96"], "64:ff9b::203.0.113.9", True),
        (["64:ff9b::/96"], "203.0.113.9", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["::/0"], "127.0.0.1", False),
        (["0.0.0.0/0"], "::1", False),
        ([], "127.0.0.1", False),
    ],
)
def test_looking_an_address_up(networks: list[str], address: str, inside: bool) -> None:
    ip = parse_address(address)
    assert ip is not None
    assert within(ip, networks_of(networks)) is inside


def test_text_that_is_no_address_is_not_public() -> None:
    """The addresses themselves: tests/unit/upstream/test_dial.py."""
    assert [is_public(text) for text in ("", "provider.example", "1.1.1.1", "::ffff:1.1.1.1", "::ffff:10.0.0.1")] == [
        False, False, True, True, False,
    ]  # fmt: skip
