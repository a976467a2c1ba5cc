"""What the wire tests cannot provoke: a store that fails in the middle of a change."""

import pytest
from fakes.control import ACCOUNT, ObedientEdge, policy, running_control
from fakes.store import MemoryStore

from gateway.link.frames import Revoke
from gateway.model.tokens import Permission
from gateway.store.errors import StoreDown


@pytest.mark.parametrize(("method", "tail", "failing"), [("DELETE", "", "delete"), ("PUT", "/value", "update")])
async def test_edges_forget_a_token_whose_change_may_have_happened(
    method: str, tail: str, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()

    async def fail(*_: object) -> None:
        raise StoreDown("now")

    async with running_control(store) as rig:
        made = await rig.make_token(policy(Permission.RUN))
        edge = ObedientEdge(rig.control, "e1")
        monkeypatch.setattr(store.tokens, failing, fail)
        reply = await rig.call(method, f"/accounts/{ACCOUNT}/tokens/{made['id']}{tail}")
        assert (reply.status, "x-gateway-revocation" in reply.headers) == (503, False)
        assert len(edge.of(Revoke)) == 1


async def test_a_deaf_edge_does_not_hold_the_answer_for_ever() -> None:
    async with running_control(MemoryStore(), revoke_timeout_s=0.01, workers=2) as rig:
        made = await rig.make_token(policy(Permission.RUN))
        ObedientEdge(rig.control, "hears")
        ObedientEdge(rig.control, "deaf", deaf=True)
        reply = await rig.call("DELETE", f"/accounts/{ACCOUNT}/tokens/{made['id']}")
        assert reply.headers["x-gateway-revocation"].startswith("confirmed=1; missing=1; seconds=")
        assert made["id"] not in store_tokens(rig.store)


def store_tokens(store: object) -> dict[str, object]:
    assert isinstance(store, MemoryStore)
    return dict(store.all_tokens)
