"""In memory; both databases are asked in tests/contract/store."""

from fakes.store import MemoryStore


async def test_a_fact_has_one_value_and_is_found_by_the_beginning_of_its_name() -> None:
    store = MemoryStore()
    for name, value in (("a/1", "x"), ("a/2", "y"), ("a%", "z"), ("a/1", "w")):
        await store.facts.put(name, value)
    assert (await store.facts.get("a/1"), await store.facts.get("a")) == ("w", None)
    assert await store.facts.beginning("a/") == {"a/1": "w", "a/2": "y"}
    assert await store.facts.beginning("a%") == {"a%": "z"}
    await store.facts.delete("a/1")
    assert await store.facts.get("a/1") is None
