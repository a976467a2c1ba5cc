from fakes.control import policy, running_control
from fakes.store import MemoryStore

from gateway.control.vault import Vault
from gateway.kit.secret import key_id
from gateway.model.tokens import Permission


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


OLD, NEW = b"o" * 32, b"n" * 32


async def test_a_pepper_is_listed_with_the_tokens_that_depend_on_it() -> None:
    store = MemoryStore()
    async with running_control(store, pepper=OLD) as rig:
        first = rig.bootstrap
        await rig.make_token(policy(Permission.RUN))
        assert (await rig.call("GET", "/service/keys")).result["pepper"] == [{"id": key_id(OLD), "in_use": True, "tokens": 2}]
    async with running_control(store, pepper=NEW, older_peppers=(OLD,)) as rig:
        await rig.make_token(policy(Permission.RUN), token=first)
        await rig.control._peppers.close()
        listed = (await rig.call("GET", "/service/keys", token=first)).result["pepper"]
    assert listed == [{"id": key_id(NEW), "in_use": True, "tokens": 2}, {"id": key_id(OLD), "in_use": False, "tokens": 1}]


async def test_a_pepper_is_retired_once_nothing_depends_on_it_or_when_it_is_given_up() -> None:
    store = MemoryStore()
    async with running_control(store, pepper=OLD) as rig:
        first, other = rig.bootstrap, (await rig.make_token(policy(Permission.SECRETS_WRITE)))["value"]
    async with running_control(store, pepper=NEW, older_peppers=(OLD,)) as rig:
        path = f"/service/keys/pepper/{key_id(OLD)}"
        refused = await rig.call("DELETE", path, token=first)
        assert refused.status == 400
        assert "tokens depend on this pepper" in refused.json["errors"][0]["message"]
        assert (await rig.call("DELETE", path, token=other)).status == 403
        assert (await rig.call("DELETE", f"/service/keys/pepper/{key_id(NEW)}", token=first)).status == 400
        assert (await rig.call("DELETE", "/service/keys/pepper/00000000", token=first)).status == 404
        assert (await rig.call("DELETE", path + "?give_up=perhaps", token=first)).status == 400
        await rig.control._peppers.close()
        gone = await rig.call("DELETE", path, token=first)
        assert gone.result == {"id": key_id(OLD), "tokens": 0}, "the second was used just now, if in vain"
    (entry,) = [one for one in store.audited if (one.action, one.resource_type) == ("delete", "key")]
    assert (entry.resource_id, entry.resource_name, entry.before) == (key_id(OLD), "pepper", {"tokens": 0})
    async with running_control(store, pepper=NEW) as rig:
        assert (await rig.call("GET", "/service/keys", token=first)).result["pepper"] == [
            {"id": key_id(NEW), "in_use": True, "tokens": 2}
        ]


async def test_a_pepper_that_was_given_up_takes_its_tokens_along() -> None:
    store = MemoryStore()
    async with running_control(store, pepper=OLD) as rig:
        first, unused = rig.bootstrap, (await rig.make_token(policy(Permission.SECRETS_WRITE)))["value"]
    async with running_control(store, pepper=NEW, older_peppers=(OLD,)) as rig:
        gone = await rig.call("DELETE", f"/service/keys/pepper/{key_id(OLD)}?give_up=true", token=first)
        assert gone.result["id"] == key_id(OLD)
    async with running_control(store, pepper=NEW) as rig:
        statuses = [(await rig.call("GET", "/service/keys", token=token)).status for token in (first, unused)]
    assert statuses == [200, 401]
