"""What edges have follows each change, one row at a time."""

from dataclasses import replace

import pytest
from fakes.settings import CUSTOM, GATEWAY, KEY, SettingsRig, other

from gateway.control.published import belongs


def test_keys_and_custom_providers_are_replaced_one_by_one() -> None:
    rig = SettingsRig()
    published, second = rig.published, other(KEY, "other")
    published.put_gateway(GATEWAY)
    published.put_key(GATEWAY, KEY, "one")
    published.put_key(GATEWAY, second, "two")
    published.put_key(GATEWAY, KEY, "three")
    published.put_gateway(replace(GATEWAY, zdr=True))
    assert rig.entry.gateway.zdr is True
    assert rig.secrets == {"default": "three", "other": "two"}
    published.remove_key(GATEWAY, second)
    published.put_account("a")
    published.put_custom(CUSTOM)
    published.put_custom(replace(CUSTOM, slug="t"))
    assert list(rig.secrets) == ["default"]
    assert [custom.slug for custom in rig.publisher.accounts["a"].custom_providers] == ["t"]
    published.remove_custom(CUSTOM)
    assert rig.publisher.accounts["a"].custom_providers == ()


def test_a_provider_has_one_default_key() -> None:
    rig = SettingsRig()
    for alias in ("one", "two"):
        rig.published.put_key(GATEWAY, other(KEY, alias), alias)
    assert {key.alias: key.default for key in rig.entry.keys} == {"one": False, "two": True}


@pytest.mark.parametrize(
    ("fields", "belonging"),
    [
        ({}, True),
        ({"custom_id": "other"}, False),
        ({"provider": "custom-t"}, False),
        ({"origin": "https://y.example"}, False),
    ],
)
def test_a_key_belongs_to_the_custom_provider_it_was_stored_for(fields: dict[str, str], belonging: bool) -> None:
    key = replace(KEY, custom_id="c", provider="custom-s", origin="https://x.example")
    assert belongs(replace(key, **fields), CUSTOM) is belonging  # type: ignore[arg-type]
    assert not belongs(key, None)
