"""A session cookie's value: ours or not, without a look at any table."""

import pytest

from gateway.model.sessions import genuine_session, mint_session, session_key

PEPPER = b"p" * 32


def test_what_was_minted_is_genuine_and_never_the_same() -> None:
    values = {mint_session(PEPPER) for _ in range(100)}
    assert len(values) == 100
    assert all(genuine_session([PEPPER], value) and value.isascii() for value in values)
    assert len({session_key(value) for value in values}) == 100


def test_one_changed_character_makes_it_false() -> None:
    value = mint_session(PEPPER)
    for at in range(len(value)):
        assert not genuine_session([PEPPER], value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :])


@pytest.mark.parametrize("value", ["", "x", "é" * 64, "A" * 64, "A" * 63, "=" * 64, "\0", "A" * 10_000])
def test_what_was_never_minted_is_false(value: str) -> None:
    assert not genuine_session([PEPPER], value)


def test_another_pepper_and_a_longer_value_are_false() -> None:
    value = mint_session(PEPPER)
    assert not genuine_session([b"q" * 32], value)
    assert not genuine_session([PEPPER], value + "AAAA")
    assert not genuine_session([PEPPER], value[:-4])


def test_the_key_tells_nothing_of_the_value() -> None:
    value = mint_session(PEPPER)
    assert len(session_key(value)) == 32
    assert value.encode() not in session_key(value)
    assert session_key("\ud800")


def test_a_session_made_before_a_rotation_is_genuine_until_its_pepper_is_gone() -> None:
    value = mint_session(PEPPER)
    assert genuine_session([b"q" * 32, PEPPER], value)
    assert not genuine_session([b"q" * 32], value)
