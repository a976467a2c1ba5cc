"""The first token ends by itself, and the operator gets in without one (decision 0023)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes.control import ACCOUNT, ObedientEdge, Rig, policy, running_control

from gateway.kit.operator import operator_credential
from gateway.link.frames import Revoke
from gateway.model.tokens import ALL_PERMISSIONS, Permission
from gateway.store.store import open_store

TREE = f"/accounts/{ACCOUNT}/tokens"


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Rig]:
    """As it is configured by default."""
    store = open_store(f"sqlite:///{tmp_path / 'gateway.db'}")
    async with running_control(store, bootstrap_hours=24, bootstrap_stays=False) as running:
        yield running


async def good(rig: Rig, value: str) -> bool:
    return (await rig.call("GET", "/user/tokens/verify", token=value)).status == 200


async def test_it_is_good_for_a_day(fresh: Rig) -> None:
    fresh.clock.move(24 * 3600 - 1)
    assert await good(fresh, fresh.bootstrap)
    made = await fresh.make_token(policy(Permission.RUN))
    assert "expires_on" not in made, "its own end does not bind what it makes"
    fresh.clock.move(2)
    assert [await good(fresh, value) for value in (fresh.bootstrap, made["value"])] == [False, True]


@pytest.mark.parametrize(
    ("policies", "fields", "ends"),
    [
        ([policy()], {}, True),
        ([policy(account="*")], {}, True),
        ([policy(*ALL_PERMISSIONS[:-1])], {}, False),
        ([policy(), policy(Permission.RUN, effect="deny")], {}, False),
        ([policy(scope={"com.cloudflare.api.ai-gateway.g": "*"})], {}, False),
        ([policy()], {"expires_on": "2030-01-01T00:00:00Z"}, False),
        ([policy()], {"condition": {"request_ip": {"in": ["10.0.0.0/8"]}}}, False),
        ([policy()], {"status": "disabled"}, False),
    ],
)
async def test_it_ends_when_another_may_do_everything(
    fresh: Rig, policies: list[dict[str, Any]], fields: dict[str, Any], ends: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    edge = ObedientEdge(fresh.control, "e1")
    made = await fresh.make_token(*policies, **fields)
    assert await good(fresh, fresh.bootstrap) is not ends
    digest = fresh.control._access.peppers.kept(fresh.bootstrap).digest
    assert edge.of(Revoke) == ([Revoke(digest)] if ends else [])
    assert ("the first token has ended" in caplog.text) is ends
    if ends:
        assert await good(fresh, made["value"])


async def test_on_several_accounts_only_one_for_all_of_them_follows_it(fresh: Rig) -> None:
    await fresh.call("POST", "/accounts", {"name": "Other"})
    await fresh.make_token(policy())
    assert await good(fresh, fresh.bootstrap)
    await fresh.make_token(policy(account="*"))
    assert not await good(fresh, fresh.bootstrap)


async def test_the_operator_needs_no_token(fresh: Rig) -> None:
    await fresh.make_token(policy())

    def credential() -> str:
        return operator_credential(fresh.config.master_key, fresh.clock.wall())

    made = await fresh.make_token(policy(Permission.RUN), token=credential())
    assert made["outlives_maker"] is True
    assert await good(fresh, made["value"])
    (listed, *_) = (await fresh.call("GET", f"/accounts/{ACCOUNT}/logs/audit", token=credential())).result
    assert (listed["actor"]["token_id"], listed["actor"]["token_name"]) == ("operator", "command line")
    used = credential()
    answers = [(await fresh.call("GET", "/accounts", token=used)).status for _ in range(2)]
    assert answers == [200, 401], "good once"
    page = [("Sec-Fetch-Site", "same-origin"), ("X-Gateway-Dashboard", "http"), ("Content-Type", "application/json")]
    assert (await fresh.call("POST", "/user/session", {"token": credential()}, headers=page)).status == 401
    foreign = operator_credential(b"x" * 32, fresh.clock.wall())
    assert (await fresh.call("GET", "/accounts", token=foreign)).status == 401
