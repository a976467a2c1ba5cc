"""A stolen database file gives no token and no provider key away."""

from pathlib import Path

from gateway.control.vault import Vault
from gateway.kit.secret import keyed_digest
from gateway.model.tokens import mint_token
from gateway.store.store import open_store


async def test_no_piece_of_a_secret_is_in_the_files(sqlite_url, samples):
    vault, pepper = Vault(b"m" * 32), b"p" * 32
    values = [mint_token() for _ in range(100)]
    provider_keys = [f"sk-proj-{value[4:40]}" for value in values]
    store = open_store(sqlite_url)
    await store.open()
    await store.accounts.insert(samples.account())
    await store.gateways.insert(samples.gateway())
    for number, (value, provider_key) in enumerate(zip(values, provider_keys, strict=True)):
        digest = keyed_digest(pepper, value.encode())
        await store.tokens.insert(samples.token(digest=digest))
        assert await store.tokens.by_digest([digest])
        await store.keys.insert(samples.key(alias=str(number), sealed=vault.seal(provider_key, "context"), preview="sk-…"))
    [sealed] = [key.sealed for key in await store.keys.all() if key.alias == "7"]
    assert vault.open(sealed, "context") == provider_keys[7]
    while_open = _bytes_beside(sqlite_url)
    await store.close()
    after = _bytes_beside(sqlite_url)
    assert keyed_digest(pepper, values[0].encode()) in while_open, "the scan looks where the rows are"
    pieces = {value[start : start + 8].encode() for value in values for start in range(4, len(value) - 8)}
    for held in (while_open, after):
        assert pieces.isdisjoint(held[start : start + 8] for start in range(len(held)))


def _bytes_beside(sqlite_url: str) -> bytes:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))
