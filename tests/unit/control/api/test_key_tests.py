"""Who stores keys may have them tried."""

import pytest
from fakes.control import ACCOUNT, ObedientEdge, policy, running_control
from fakes.store import MemoryStore

from gateway.link.frames import Tried, TryKey

KEYS = "/gateways/g/provider_configs"
KEY = {"provider_slug": "openai", "alias": "default", "default_config": True, "secret": "sk-0"}


@pytest.mark.parametrize(
    ("verdict", "status", "cause", "message"),
    [
        ("accepted", 200, "", "The provider accepts this key"),
        ("refused", 401, "", "The provider refuses this key"),
        ("unreachable", 0, "dns", "The provider's name cannot be resolved"),
    ],
)
async def test_a_stored_key_is_tried_by_a_worker(verdict: str, status: int, cause: str, message: str) -> None:
    async with running_control(MemoryStore()) as rig:
        await rig.make_gateway("g")
        edge = ObedientEdge(rig.control, "e1")
        edge.tries = lambda frame: Tried(frame.ask, verdict, status, cause)
        made = (await rig.ai("POST", KEYS, KEY)).result
        reply = await rig.ai("POST", f"{KEYS}/{made['id']}/test")
        assert reply.result == {"verdict": verdict, "status": status or None, "cause": cause, "message": message}
        assert [(frame.provider, frame.alias) for frame in edge.of(TryKey)] == [("openai", "default")]
        audit = (await rig.call("GET", f"/accounts/{ACCOUNT}/logs/audit?since=2020-01-01&before=2100-01-01")).json["result"]
        told = next(entry for entry in audit if entry["action"]["type"] == "test")
        assert told["resource"]["id"] == made["id"]
        assert told["after"]["verdict"] == verdict


async def test_who_may_not_store_keys_may_not_try_them() -> None:
    async with running_control(MemoryStore()) as rig:
        await rig.make_gateway("g")
        made = (await rig.ai("POST", KEYS, KEY)).result
        token = (await rig.make_token(policy("AI Gateway Write", "AI Gateway Run")))["value"]
        assert (await rig.ai("POST", f"{KEYS}/{made['id']}/test", token=token)).status == 403
        assert (await rig.ai("POST", f"{KEYS}/nosuch/test")).status == 404
        assert (await rig.ai("POST", f"{KEYS}/{made['id']}/test")).status == 503, "no worker is there"
