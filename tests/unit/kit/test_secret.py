"""Secrets do not show themselves, and digests are what the store may keep."""

import copy
import dataclasses
import hashlib
import hmac
import logging
import traceback

import pytest

from gateway.kit.secret import Secret, key_id, keyed_digest

TEXT = "sk-very-private"


@dataclasses.dataclass
class Holder:
    key: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr([secret, {"key": secret}]),
        lambda secret: repr(Holder(secret)),
        lambda secret: str(dataclasses.asdict(Holder(secret))),
        lambda secret: str(ValueError(secret)),
        lambda secret: logging.LogRecord("n", 20, "p", 1, "key %s", (secret,), None).getMessage(),
    ],
)
def test_a_secret_never_prints(show) -> None:
    shown = show(Secret(TEXT))
    assert TEXT not in shown
    assert "***" in shown


def test_a_traceback_does_not_hold_it() -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError(Secret(TEXT))
    assert TEXT not in "".join(traceback.format_exception(caught.value))


def test_reveal_is_the_way_to_it() -> None:
    assert Secret(TEXT).reveal() == TEXT
    assert copy.copy(Secret(TEXT)).reveal() == TEXT


def test_secrets_compare_by_value_and_only_with_secrets() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret("é") == Secret("é")
    assert Secret(TEXT) != TEXT
    assert {Secret(TEXT): 1}[Secret(TEXT)] == 1


def test_a_secret_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Secret(TEXT).text  # noqa: B018


def test_the_digest_is_hmac_sha256_under_the_pepper() -> None:
    expected = hmac.new(b"pepper", b"token", hashlib.sha256).digest()
    assert keyed_digest(b"pepper", b"token") == expected
    assert keyed_digest(b"other", b"token") != expected
    assert keyed_digest(b"pepper", b"tokem") != expected
    assert len(expected) == 32


def test_a_keys_id_is_its_own_and_no_part_of_it() -> None:
    ids = {key_id(bytes([number]) * 32) for number in range(50)}
    assert len(ids) == 50
    assert all(len(bytes.fromhex(each)) == 4 for each in ids)
    assert key_id(b"k" * 32) == key_id(b"k" * 32) != (b"k" * 32)[:4].hex()
