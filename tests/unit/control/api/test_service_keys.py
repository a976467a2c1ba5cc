from fakes.control import running_control
from fakes.store import MemoryStore

from gateway.control.vault import Vault


async def test_an_older_key_is_listed_while_it_seals_something() -> None:
    """Who may look: tests/unit/control/test_rewrap.py."""
    async with running_control(MemoryStore()) as rig:
        await rig.make_gateway("g")
        body = {"provider_slug": "openai", "alias": "a", "secret": "sk-x", "default_config": False}
        await rig.ai("POST", "/gateways/g/provider_configs", body)
        before = (await rig.call("GET", "/service/keys")).result["master-key"]
        rig.control._rewrap._vault = Vault(b"n" * 32, [b"m" * 32])
        after = (await rig.call("GET", "/service/keys")).result["master-key"]
    assert [(one["in_use"], one["seals"]) for one in after] == [(True, 0), (False, 1)]
    assert after[1]["id"] == before[0]["id"]
