"""The snapshot on the edge: replaced whole, patched in order, compiled once per change."""

from dataclasses import replace

import pytest
from fakes.edge import ACCOUNT, OTHER_ACCOUNT, account, custom, gateway, key
from fakes.exchange import exchange

from gateway.edge.exchange import Exchange
from gateway.edge.settings import NO_ALIAS, Settings, compile_plan, refuse_unknown_gateway
from gateway.link.frames import Patch, Snapshot
from gateway.model.faults import UNKNOWN_GATEWAY, Refusal
from gateway.model.routes import Endpoint, Route, Surface


def phase(_: Exchange) -> None: ...


def native(name: str, account_id: str = ACCOUNT) -> Route:
    return Route(Surface.PROVIDER_NATIVE, account_id, name, "openai")


def rest(name: str = "") -> Route:
    return Route(Surface.REST_V1, ACCOUNT, name, endpoint=Endpoint.CHAT)


@pytest.fixture
def settings() -> Settings:
    held = Settings(phase)
    mine = account(custom("mine", "https://mine.example"), custom("off", "https://off.example", enable=False))
    held.replace(Snapshot(7, (mine,), (gateway("g1"), gateway("g2", authentication=False, collect_logs=False))))
    return held


def test_a_plan_says_what_a_request_needs() -> None:
    plan = compile_plan(gateway("g", keys=[key("openai", "s1"), key("openai", "s2", "work")], collect_logs=False), {})
    assert (plan.authentication, plan.collect_logs, plan.phases) == (True, False, ())
    assert {place: stored.secret for place, stored in plan.keys.items()} == {
        ("openai", "default"): "s1",
        ("openai", "work"): "s2",
        ("openai", NO_ALIAS): "s1",
    }
    assert "s1" not in repr(plan), "a plan may be printed"


@pytest.mark.parametrize(
    ("aliases", "chosen", "used"),
    [
        (["default", "work"], "", "default"),
        (["default", "work"], "work", "work"),
        (["work", "default"], "default", "default"),
        (["work"], "work", "work"),
        (["work"], "", None),
    ],
)
def test_the_key_for_requests_that_ask_for_none(aliases: list[str], chosen: str, used: str | None) -> None:
    keys = [replace(key("openai", name, name), default=name == chosen) for name in aliases]
    found = compile_plan(gateway("g", keys=keys), {}).keys.get(("openai", NO_ALIAS))
    assert (found and found.secret) == used


def test_plans_by_route(settings: Settings) -> None:
    assert settings.plan_for(native("g1")).authentication
    assert not settings.plan_for(native("g2")).authentication
    assert settings.plan_for(rest("g2")).gateway is settings.plan_for(native("g2")).gateway
    assert set(settings.plan_for(native("g1")).custom) == {"mine"}, "disabled ones are not there"


@pytest.mark.parametrize("surface", [Surface.CONTROL, Surface.DASHBOARD, Surface.OPS])
def test_surfaces_without_a_gateway(settings: Settings, surface: Surface) -> None:
    plan = settings.plan_for(Route(surface))
    assert (plan.gateway, plan.authentication, plan.phases, plan.collect_logs) == (None, False, (), False)


@pytest.mark.parametrize("route", [native("nope"), native("G1"), native("g1", OTHER_ACCOUNT)])
def test_an_unknown_gateway_on_the_gateway_tree_is_refused_first(settings: Settings, route: Route) -> None:
    with pytest.raises(Refusal) as refused:
        settings.plan_for(route)
    assert refused.value.fault is UNKNOWN_GATEWAY


def test_an_unknown_gateway_on_rest_is_refused_behind_the_token(settings: Settings) -> None:
    plan = settings.plan_for(rest("nope"))
    assert (plan.authentication, plan.gateway, plan.phases) == (True, None, (refuse_unknown_gateway,))
    with pytest.raises(Refusal):
        refuse_unknown_gateway(exchange())


@pytest.mark.parametrize("route", [native("default"), rest(), rest("default"), native("default", OTHER_ACCOUNT)])
def test_a_missing_default_asks_for_a_token_and_is_opened(settings: Settings, route: Route) -> None:
    plan = settings.plan_for(route)
    assert (plan.authentication, plan.gateway, plan.phases) == (True, None, (phase,))


def test_a_snapshot_replaces_everything(settings: Settings) -> None:
    settings.replace(Snapshot(9, (), (gateway("g3"),)))
    assert settings.version == 9
    assert settings.plan_for(native("g3")).custom == {}
    with pytest.raises(Refusal):
        settings.plan_for(native("g1"))


def test_a_patch_touches_what_it_names(settings: Settings) -> None:
    untouched, before = settings.plan_for(native("g1")), settings.plan_for(native("g2"))
    assert settings.patch(Patch(8, gateways=(gateway("g2"), gateway("g3", authentication=False))))
    assert settings.version == 8
    assert settings.plan_for(native("g1")) is untouched, "what is remembered by a plan's identity stays true"
    assert before.authentication is False, "a request under way keeps the plan it was given"
    assert settings.plan_for(native("g2")).authentication
    assert not settings.plan_for(native("g3")).authentication


def test_a_patch_removes(settings: Settings) -> None:
    assert settings.patch(Patch(8, removed=((ACCOUNT, "g1"), (ACCOUNT, "never-was"))))
    with pytest.raises(Refusal):
        settings.plan_for(native("g1"))
    assert settings.plan_for(native("g2")).gateway is not None


def test_a_gateway_removed_and_made_anew_in_one_patch(settings: Settings) -> None:
    assert settings.patch(Patch(8, gateways=(gateway("g1", authentication=False),), removed=((ACCOUNT, "g1"),)))
    assert not settings.plan_for(native("g1")).authentication


def test_a_patch_changes_custom_providers_of_all_the_accounts_gateways(settings: Settings) -> None:
    settings.patch(Patch(8, gateways=(gateway("theirs", account_id=OTHER_ACCOUNT),)))
    theirs = settings.plan_for(native("theirs", OTHER_ACCOUNT))
    assert settings.patch(Patch(9, accounts=(account(custom("new", "https://new.example")),)))
    assert set(settings.plan_for(native("g1")).custom) == set(settings.plan_for(native("g2")).custom) == {"new"}
    assert settings.plan_for(native("theirs", OTHER_ACCOUNT)) is theirs


@pytest.mark.parametrize(("version", "fits"), [(6, True), (7, True), (9, False), (100, False)])
def test_patches_out_of_order(settings: Settings, version: int, fits: bool) -> None:
    """Older ones are part of the snapshot already; behind a gap only a snapshot helps. Neither changes anything."""
    assert settings.patch(Patch(version, gateways=(gateway("late"),), removed=((ACCOUNT, "g1"),))) is fits
    assert settings.version == 7
    assert settings.plan_for(native("g1")).gateway is not None


def test_nothing_came_yet() -> None:
    empty = Settings(phase)
    assert empty.version == 0
    assert not empty.patch(Patch(5))


@pytest.mark.parametrize("kept", [True, False])
def test_a_plan_says_whether_bodies_are_logged(kept: bool) -> None:
    assert compile_plan(gateway("g", collect_log_payloads=kept), {}).collect_log_payloads is kept
