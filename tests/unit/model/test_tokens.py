"""Token format, what a principal may, when and from where."""

import random
import re
import zlib
from ipaddress import ip_network
from itertools import count

import pytest

from gateway.model.tokens import (
    ALL_PERMISSIONS,
    ANY_ACCOUNT,
    TOKEN_LENGTH,
    Permission,
    Principal,
    hide_tokens,
    mint_token,
    well_formed,
)

SHAPE = re.compile(r"agw_[0-9A-Za-z]{49}")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_minted_tokens_have_the_published_shape_and_check() -> None:
    minted = [mint_token() for _ in range(10_000)]
    assert len(set(minted)) == len(minted)
    assert all(SHAPE.fullmatch(token) and len(token) == TOKEN_LENGTH for token in minted)
    assert all(map(well_formed, minted))


def test_the_check_is_a_crc32_in_base_62() -> None:
    token = mint_token()
    number = 0
    for digit in token[-6:]:
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(token[:-6].encode())


def test_random_strings_of_the_shape_do_not_pass() -> None:
    dice = random.Random(20261001)
    passed = [text for _ in range(100_000) if well_formed(text := "agw_" + "".join(dice.choices(ALPHABET, k=49)))]
    assert passed == []


def test_one_changed_character_is_noticed() -> None:
    token = mint_token()
    for place in range(4, len(token)):
        for other in ("0", "Z", "a"):
            if token[place] != other:
                assert not well_formed(token[:place] + other + token[place + 1 :])


def test_swapped_neighbours_are_noticed() -> None:
    token = mint_token()
    for place in range(4, len(token) - 1):
        left, right = token[place], token[place + 1]
        if left != right:
            assert not well_formed(token[:place] + right + left + token[place + 2 :])


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: "",
        lambda token: "agw_",
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: token.upper(),
        lambda token: " " + token[:-1],
        lambda token: token.replace("agw_", "cfat"),
        lambda token: token[:-1] + "é",
        lambda token: token[:20] + "\ud800" + token[21:],
        lambda token: "Bearer " + token,
        lambda token: "undefined",
    ],
)
def test_other_strings_are_refused(damage) -> None:
    assert not well_formed(damage(mint_token()))


ACCOUNT, OTHER = "a" * 32, "b" * 32
RUN, READ, WRITE = Permission.RUN, Permission.READ, Permission.WRITE


@pytest.mark.parametrize(
    ("grants", "account", "permission", "gateway", "allowed"),
    [
        ({}, ACCOUNT, RUN, None, False),
        ({ACCOUNT: {RUN: None}}, ACCOUNT, RUN, None, True),
        ({ACCOUNT: {RUN: None}}, ACCOUNT, RUN, "g1", True),
        ({ACCOUNT: {RUN: None}}, ACCOUNT, READ, "g1", False),
        ({ACCOUNT: {RUN: None}}, OTHER, RUN, "g1", False),
        ({ACCOUNT: {RUN: frozenset({"g1"})}}, ACCOUNT, RUN, "g1", True),
        ({ACCOUNT: {RUN: frozenset({"g1"})}}, ACCOUNT, RUN, "g2", False),
        ({ACCOUNT: {RUN: frozenset({"g1"})}}, ACCOUNT, RUN, "G1", False),
        ({ACCOUNT: {RUN: frozenset({"g1"})}}, ACCOUNT, RUN, None, False),
        ({ACCOUNT: {RUN: frozenset()}}, ACCOUNT, RUN, "g1", False),
        ({ANY_ACCOUNT: {RUN: None}}, ACCOUNT, RUN, "g1", True),
        ({ANY_ACCOUNT: {RUN: None}}, OTHER, RUN, None, True),
        # An account's own entry is complete: it does not fall back to what holds on any account.
        ({ANY_ACCOUNT: {RUN: None}, ACCOUNT: {READ: None}}, ACCOUNT, RUN, "g1", False),
        ({ANY_ACCOUNT: {RUN: None}, ACCOUNT: {}}, ACCOUNT, RUN, "g1", False),
        ({ANY_ACCOUNT: {WRITE: frozenset({"g1"})}}, ACCOUNT, WRITE, "g2", False),
    ],
)
def test_what_a_principal_may(grants, account: str, permission: str, gateway: str | None, allowed: bool) -> None:
    assert Principal(token_id="t", grants=grants).may(account, permission, gateway) is allowed


@pytest.mark.parametrize(
    ("not_before", "expires_on", "at", "inside"),
    [
        (None, None, 0.0, True),
        (100.0, None, 99.999, False),
        (100.0, None, 100.0, True),
        (None, 100.0, 99.999, True),
        (None, 100.0, 100.0, False),
        (100.0, 200.0, 150.0, True),
        (100.0, 200.0, 200.5, False),
        (200.0, 100.0, 150.0, False),
        (0.0, None, 0.0, True),
        (None, 0.0, 1.0, False),
    ],
)
def test_when_a_principal_is_in_force(not_before, expires_on, at: float, inside: bool) -> None:
    assert Principal(token_id="t", not_before=not_before, expires_on=expires_on).in_force(at) is inside


@pytest.mark.parametrize(
    ("ip_in", "ip_not_in", "address", "accepted"),
    [
        ([], [], "203.0.113.9", True),
        ([], [], "", True),
        ([], [], "nonsense", True),
        (["203.0.113.0/24"], [], "203.0.113.9", True),
        (["203.0.113.0/24"], [], "203.0.114.9", False),
        (["203.0.113.0/24"], [], "", False),
        (["203.0.113.0/24"], [], "nonsense", False),
        ([], ["203.0.113.0/24"], "nonsense", False),
        (["203.0.113.0/24"], ["203.0.113.9/32"], "203.0.113.9", False),
        (["203.0.113.0/24"], ["203.0.113.9/32"], "203.0.113.8", True),
        ([], ["203.0.113.9/32"], "198.51.100.1", True),
        ([], ["203.0.113.9/32"], "203.0.113.9", False),
        # A dual-stack socket shows IPv4 clients as mapped addresses.
        (["203.0.113.0/24"], [], "::ffff:203.0.113.9", True),
        ([], ["203.0.113.0/24"], "::ffff:203.0.113.9", False),
        (["2001:db8::/32"], [], "2001:db8::1", True),
        (["2001:db8::/32"], [], "2001:db9::1", False),
        (["2001:db8::/32"], [], "203.0.113.9", False),
        (["fe80::/10"], [], "fe80::1%eth0", True),
        (["198.51.100.0/24", "203.0.113.0/24"], [], "203.0.113.9", True),
    ],
)
def test_where_a_principal_may_come_from(ip_in, ip_not_in, address: str, accepted: bool) -> None:
    principal = Principal(
        token_id="t",
        ip_in=tuple(ip_network(text) for text in ip_in),
        ip_not_in=tuple(ip_network(text) for text in ip_not_in),
    )
    assert principal.accepts_address(address) is accepted


def test_permissions_are_listed_once() -> None:
    named = {value for name, value in vars(Permission).items() if name.isupper()}
    assert set(ALL_PERMISSIONS) == named
    assert len(ALL_PERMISSIONS) == len(named)


@pytest.mark.parametrize(
    ("raw", "hidden"),
    [
        (b"", b""),
        (b"agw", b"agw"),
        (b"agw_ is our prefix, agw_short", b"agw_ is our prefix, agw_short"),
        (b"Bearer %b;" % mint_token().encode(), b"Bearer agw_***;"),
        (mint_token().encode() + mint_token().encode() + b",", b"agw_***,"),
        (mint_token().encode()[:20], b"agw_***"),
        (b"\0\xffagw_" + b"0" * 49, b"\0\xffagw_***"),
    ],
    ids=count(),
)
def test_what_looks_like_a_token_is_hidden(raw: bytes, hidden: bytes) -> None:
    assert hide_tokens(raw) == hidden
