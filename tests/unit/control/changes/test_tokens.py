"""A token's change is stored, audited, and forgotten by edges in one command; over the wire in api/test_tokens.py."""

from dataclasses import replace

import pytest
from fakes.control import ACCOUNT, ObedientEdge, Rig, running_control
from fakes.settings import AUTHOR
from fakes.store import MemoryStore

from gateway.control.answers import Invalid
from gateway.control.changes.tokens import Place, TokenChanges
from gateway.control.grants import MOST_MAKERS
from gateway.link.frames import Revoke
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.model.tokens import Token
from gateway.store import tables

TOKEN = Token(
    id="t", account_id=ACCOUNT, kind="account", name="n", digest=b"t" * 32, status="active", policies=[], condition=None,
    issued_on=1, modified_on=1, maker_id="other", outlives_maker=True,
)  # fmt: skip


def changes_of(rig: Rig) -> TokenChanges:
    return rig.control._tokens


async def disabled(old: Token) -> Token:
    return replace(old, status="disabled")


async def test_edges_forget_a_token_and_all_that_depend_on_it() -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        changes, edge = changes_of(rig), ObedientEdge(rig.control, "e")
        await changes.create(TOKEN, AUTHOR)
        made = replace(TOKEN, id="u", digest=b"u" * 32, maker_id="t", outlives_maker=False)
        await changes.create(made, AUTHOR)
        assert edge.of(Revoke) == []
        changed, revocation = await changes.update(Place(ACCOUNT, "account", "t"), "update", disabled, AUTHOR)
        assert (changed.status, store.all_tokens["t"].status, revocation.confirmed) == ("disabled", "disabled", 1)
        assert {frame.digest for frame in edge.of(Revoke)} == {b"t" * 32, b"u" * 32}
        assert [entry.action for entry in store.audited if entry.resource_type == "token"][-3:] == [
            "create",
            "create",
            "update",
        ]


@pytest.mark.parametrize("place", [Place("x", "account", "t"), Place(ACCOUNT, "user", "t"), Place(ACCOUNT, "account", "x")])
async def test_a_token_is_found_only_where_it_belongs(place: Place) -> None:
    async with running_control(MemoryStore()) as rig:
        await changes_of(rig).create(TOKEN, AUTHOR)
        with pytest.raises(Refusal) as refusal:
            await changes_of(rig).update(place, "update", disabled, AUTHOR)
        assert refusal.value.fault is NOT_FOUND


async def test_makers_in_a_row_are_bounded() -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        links = [
            replace(TOKEN, id=f"t{at}", digest=bytes([at]) * 32, maker_id=f"t{at - 1}", outlives_maker=at == 0)
            for at in range(MOST_MAKERS + 2)
        ]
        store.put(tables.tokens, *links[:-1])
        with pytest.raises(Invalid):
            await changes_of(rig).create(links[-1], AUTHOR)
        assert links[-1].id not in store.all_tokens
