from pathlib import Path

import pytest
from fakes.control import running_control
from fakes.store import MemoryStore

from gateway.control.key_check import RETIRED, KeyCheck, check_value
from gateway.model.service import NEW_STORE_NAME
from gateway.store.errors import StoreDown, Unusable

PEPPER, MASTER = b"p" * 32, b"m" * 32
KEYS = {"pepper": {"1": PEPPER}, "master-key": {"1": MASTER}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NEW_STORE_NAME).touch()
    return tmp_path


async def test_a_new_store_takes_the_keys_and_uses_up_the_permission(folder: Path) -> None:
    store = MemoryStore()
    await KeyCheck(store.facts, str(folder), KEYS).run()
    assert store.all_facts == {
        "key-check/pepper/1": check_value(PEPPER, "pepper/1"),
        "key-check/master-key/1": check_value(MASTER, "master-key/1"),
    }
    assert not list(folder.iterdir())
    before = dict(store.all_facts)
    await KeyCheck(store.facts, str(folder), KEYS).run()
    assert store.all_facts == before


def test_a_value_is_of_its_key_its_kind_and_its_id() -> None:
    names = ("pepper/1", "pepper/2", "master-key/1")
    values = {check_value(key, name) for key in (PEPPER, MASTER) for name in names}
    assert len(values) == 6
    assert not any(PEPPER.hex() in value for value in values)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({**KEYS, "pepper": {"1": MASTER}}, "{folder}/pepper (or the credential pepper) is not the pepper that"),
        ({**KEYS, "master-key": {"1": b"x" * 32}}, "{folder}/master-key (or the credential master-key) is not the"),
        ({"pepper": {"1": MASTER}, "master-key": {"1": PEPPER}}, "{folder}/pepper (or the credential pepper) is not"),
        (
            {**KEYS, "pepper": {"2": PEPPER}},
            "{folder}/pepper (or the credential pepper) is not the pepper that the store was made with (id 1 is missing)",
        ),
        (
            {**KEYS, "pepper": {}},
            "{folder}/pepper (or the credential pepper) is not the pepper that the store was made with (id 1 is missing)",
        ),
        ({**KEYS, "pepper": {"1": b"y" * 32, "2": PEPPER}}, "{folder}/pepper (or the credential pepper) is not"),
    ],
)
async def test_other_keys_are_refused_and_nothing_is_written(
    folder: Path, keys: dict[str, dict[str, bytes]], said: str
) -> None:
    store = MemoryStore()
    await KeyCheck(store.facts, str(folder), KEYS).run()
    before = dict(store.all_facts)
    (folder / NEW_STORE_NAME).touch()  # it says nothing of a store that is there
    with pytest.raises(Unusable) as caught:
        await KeyCheck(store.facts, str(folder), keys).run()
    assert said.format(folder=folder) in str(caught.value)
    assert store.all_facts == before


async def test_one_more_key_is_added_beside_the_one_that_is_known(folder: Path) -> None:
    store = MemoryStore()
    await KeyCheck(store.facts, str(folder), KEYS).run()
    more = {**KEYS, "pepper": {"1": PEPPER, "2": b"n" * 32}}
    await KeyCheck(store.facts, str(folder), more).run()
    assert store.all_facts["key-check/pepper/2"] == check_value(b"n" * 32, "pepper/2")
    with pytest.raises(Unusable):
        await KeyCheck(store.facts, str(folder), KEYS).run()


async def test_an_empty_store_beside_old_keys_is_refused(tmp_path: Path) -> None:
    store = MemoryStore()
    with pytest.raises(Unusable, match=r"is empty, but the keys in .* --new-store"):
        await KeyCheck(store.facts, str(tmp_path), KEYS).run()
    assert not store.all_facts


async def test_a_store_that_is_down_is_no_verdict(folder: Path) -> None:
    store = MemoryStore()
    store.down = True
    with pytest.raises(StoreDown) as caught:
        await KeyCheck(store.facts, str(folder), KEYS).run()
    assert not isinstance(caught.value, Unusable)
    assert (folder / NEW_STORE_NAME).exists()


async def test_control_does_not_start_with_other_keys() -> None:
    store = MemoryStore()
    async with running_control(store):
        pass
    with pytest.raises(Unusable, match="is not the pepper"):
        async with running_control(store, pepper=b"q" * 32):
            pass
    assert len(store.all_tokens) == 1


async def test_a_pepper_that_was_given_up_may_be_missing_and_may_come_back(folder: Path) -> None:
    store = MemoryStore()
    await KeyCheck(store.facts, str(folder), KEYS).run()
    after = {**KEYS, "pepper": {"2": b"n" * 32}}
    store.put_fact("key-check/pepper/1", RETIRED)
    await KeyCheck(store.facts, str(folder), after).run()
    await KeyCheck(store.facts, str(folder), {**KEYS, "pepper": {"2": b"n" * 32, "1": PEPPER}}).run()
    await KeyCheck(store.facts, str(folder), after).run()
    with pytest.raises(Unusable):
        await KeyCheck(store.facts, str(folder), KEYS).run()
