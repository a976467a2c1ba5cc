"""What is committed is what every edge has, whatever happens in between."""

from dataclasses import replace

import pytest
from fakes.link import FakeEdgeConnection
from fakes.settings import AUTHOR, GATEWAY, SettingsRig

from gateway.control.vault import Vault
from gateway.link.frames import Snapshot
from gateway.store.errors import StoreDown


async def test_reload_opens_what_is_sealed() -> None:
    rig = SettingsRig()
    await rig.fill()
    rig.changes.turn.stale = True
    await rig.changes.reload()
    assert rig.secrets == {"default": "sk-1"}
    assert rig.publisher.accounts["a"].custom_providers[0].headers == {"x": "1"}
    assert rig.changes.turn.stale is False


async def test_what_does_not_open_is_left_out_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    rig = SettingsRig()
    await rig.fill()
    rig.seals.vault = Vault(b"x" * 32)
    await rig.changes.reload()
    assert rig.secrets == {}
    custom = rig.publisher.accounts["a"].custom_providers[0]
    assert (custom.enable, custom.headers) == (False, {}), "without its credentials it is off"
    assert "sk-1" not in caplog.text


async def test_a_key_moved_to_another_row_does_not_open() -> None:
    rig = SettingsRig()
    await rig.fill()
    stolen = (await rig.store.keys.all())[0]
    await rig.store.keys.insert(replace(stolen, id="k2", alias="other"))
    await rig.changes.reload()
    assert list(rig.secrets) == ["default"]


async def test_a_write_nobody_knows_the_end_of_makes_the_settings_stale() -> None:
    rig = SettingsRig()
    rig.store.down = True
    with pytest.raises(StoreDown):
        await rig.changes.gateways.create(GATEWAY, AUTHOR)
    assert rig.changes.turn.stale is True
    edge = FakeEdgeConnection()
    rig.publisher.joined(edge)
    rig.publisher.is_ready(edge, "w", 0)
    rig.store.down = False
    await rig.changes.reload()
    assert [type(frame) for frame in edge.sent] == [Snapshot]
