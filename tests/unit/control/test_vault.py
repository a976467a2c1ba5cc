import traceback

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.control.vault import SealBroken, Vault, sealed_by
from gateway.kit.secret import key_id

KEY = bytes(range(32))
CONTEXT = "account/row/provider-key"


@pytest.fixture
def vault():
    return Vault(KEY)


@pytest.mark.parametrize("plain", ["", "sk-live-0123", "ключ\0😀", "\ud800", "x" * 100_000])
def test_what_is_sealed_opens(vault, plain):
    sealed = vault.seal(plain, CONTEXT)
    assert vault.open(sealed, CONTEXT) == plain
    assert len(sealed) == len(plain.encode("utf-8", "surrogatepass")) + 33


def test_the_layout_is_version_key_id_nonce_ciphertext(vault):
    sealed = vault.seal("secret", CONTEXT)
    head = b"\x02" + bytes.fromhex(key_id(KEY))
    assert sealed[:5] == head
    assert AESGCM(KEY).decrypt(sealed[5:17], sealed[17:], head + CONTEXT.encode()) == b"secret"


def test_no_two_seals_are_alike_and_none_shows_the_text(vault):
    seals = {vault.seal("sk-live-0123", CONTEXT) for _ in range(200)}
    assert len({sealed[5:17] for sealed in seals}) == 200
    assert not any(b"sk-live" in sealed for sealed in seals)


@pytest.mark.parametrize("other", ["", "account/row2/provider-key", "account/row/headers", CONTEXT + " ", CONTEXT.upper()])
def test_a_seal_moved_to_another_row_stays_shut(vault, other):
    with pytest.raises(SealBroken):
        vault.open(vault.seal("secret", CONTEXT), other)


def test_another_master_key_opens_nothing(vault):
    with pytest.raises(SealBroken):
        Vault(bytes(32)).open(vault.seal("secret", CONTEXT), CONTEXT)


def test_an_older_key_opens_and_the_one_in_use_seals(vault):
    fresh, old_seal = bytes([7]) * 32, vault.seal("secret", CONTEXT)
    both = Vault(fresh, [KEY])
    assert both.open(old_seal, CONTEXT) == "secret"
    renewed = both.renewed(old_seal, CONTEXT)
    assert (sealed_by(old_seal), sealed_by(renewed)) == (key_id(KEY), key_id(fresh)) == (vault.current, both.current)
    assert Vault(fresh).open(renewed, CONTEXT) == "secret"
    with pytest.raises(SealBroken, match="missing"):
        Vault(fresh).open(old_seal, CONTEXT)
    with pytest.raises(SealBroken):
        both.renewed(old_seal, "elsewhere")


def test_every_flipped_bit_breaks_the_seal(vault):
    sealed = vault.seal("secret", CONTEXT)
    for position in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            vault.open(bytes(altered), CONTEXT)


def test_every_cut_breaks_the_seal(vault):
    sealed = vault.seal("secret", CONTEXT)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            vault.open(sealed[:length], CONTEXT)
    with pytest.raises(SealBroken):
        vault.open(sealed + b"\0", CONTEXT)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_only_256_bit_keys_are_taken(length):
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(length))


def test_neither_repr_nor_error_shows_key_or_text(vault):
    cut = vault.seal("sk-live-0123", CONTEXT)[:-1]
    with pytest.raises(SealBroken) as caught:
        vault.open(cut, CONTEXT)
    shown = repr(vault) + "".join(traceback.format_exception(caught.value))
    assert KEY.hex() not in shown
    assert "sk-live" not in shown
    assert repr(KEY) not in shown
