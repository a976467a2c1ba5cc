"""An account is stored, audited and published in one command."""

import pytest
from fakes.settings import AUTHOR, SettingsRig

from gateway.model.faults import CONFLICT, Refusal
from gateway.model.stored import Account


async def test_a_new_account_is_known_to_edges_and_to_its_own_audit_log() -> None:
    rig, account = SettingsRig(), Account(id="b", name="B", created_at=1)
    await rig.changes.accounts.create(account, AUTHOR)
    assert await rig.store.accounts.get("b") == account
    assert "b" in rig.publisher.accounts
    assert [(entry.account_id, entry.actor_id) for entry in rig.store.audited] == [("b", "t")]
    with pytest.raises(Refusal) as refusal:
        await rig.changes.accounts.create(account, AUTHOR)
    assert refusal.value.fault is CONFLICT
    assert len(rig.store.audited) == 1
