"""In memory; both databases are asked in tests/contract/store."""

import pytest
from fakes.store import MemoryStore

from gateway.model.gateways import Gateway
from gateway.model.page import Page
from gateway.store.errors import Conflict


def gateway(name: str, created_at: float = 1.0, account: str = "a") -> Gateway:
    return Gateway(account_id=account, id=name, internal_id=f"{account}/{name}", created_at=created_at, modified_at=created_at)


@pytest.mark.parametrize(("search", "found"), [("", ["c", "ab", "a"]), ("A", ["ab", "a"]), ("%", []), ("x", [])])
async def test_a_search_is_text_in_the_id(search: str, found: list[str]) -> None:
    store = MemoryStore("a", "b")
    for number, name in enumerate(("a", "ab", "c")):
        await store.gateways.insert(gateway(name, number))
    await store.gateways.insert(gateway("a", account="b"))
    page, total = await store.gateways.page("a", Page(), search)
    assert ([one.id for one in page], total) == (found, len(found))


async def test_a_gateway_belongs_to_an_account_that_exists() -> None:
    store = MemoryStore("a")
    with pytest.raises(Conflict, match="does not exist"):
        await store.gateways.insert(gateway("g", account="x"))
    await store.gateways.insert(gateway("g"))
    with pytest.raises(Conflict, match="exists"):
        await store.gateways.insert(gateway("g"))
