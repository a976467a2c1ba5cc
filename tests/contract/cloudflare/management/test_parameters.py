"""A parameter of a query works or is refused by name, on every route, for whoever is let in."""

from urllib.parse import quote

import pytest
from fakes.control import ACCOUNT, Rig

AI = f"/accounts/{ACCOUNT}/ai-gateway"
LISTS = {
    "/accounts": ("page", "per_page", "name", "direction"),
    "/user/tokens": ("page", "per_page", "direction", "include_expired"),
    "/user/tokens/permission_groups": ("name", "scope"),
    f"/accounts/{ACCOUNT}/tokens": ("page", "per_page", "direction", "include_expired"),
    f"/accounts/{ACCOUNT}/logs/audit": ("since", "before", "limit", "cursor", "direction"),
    f"{AI}/gateways": ("page", "per_page", "search"),
    f"{AI}/gateways/g1/provider_configs": ("page", "per_page"),
    f"{AI}/gateways/g1/logs": ("page", "per_page", "search", "success", "start_date", "order_by", "meta_info"),
    f"{AI}/gateways/g1/analytics": ("start", "end", "interval", "group_by"),
    f"{AI}/gateways/g1/unauthenticated": (),
    f"{AI}/analytics": ("start", "end", "interval"),
    f"{AI}/custom-providers": ("page", "per_page", "search", "beta", "enable"),
}
GOOD = {
    "page": "1", "per_page": "5", "name": "x", "direction": "asc", "include_expired": "true", "scope": "x", "limit": "5",
    "since": "2026-09-01", "before": "2026-09-30", "start": "2026-09-01", "end": "2026-09-02", "interval": "day",
    "group_by": "model", "search": "x", "success": "true", "start_date": "2026-09-01", "order_by": "created_at",
    "meta_info": "false", "beta": "true", "enable": "false",
}  # fmt: skip
ONES = (f"{AI}/gateways/g1", f"{AI}/gateways/g1/url/openai", f"/accounts/{ACCOUNT}", "/user/tokens/verify", "/user/session")


async def test_each_works_or_is_refused_by_name(rig: Rig) -> None:
    await rig.make_gateway("g1")
    for path, known in LISTS.items():
        for name in known:
            if name != "cursor":
                reply = await rig.call("GET", f"{path}?{name}={GOOD[name]}")
                assert reply.status == 200, (path, name, reply.body)
        for name in ("status_code", "perpage", "Page", "filter", "sucess"):
            reply = await rig.call("GET", f"{path}?{name}=1")
            assert (reply.status, reply.paths) == (400, {("query", name)}), (path, name)
    for path in ONES:
        assert (await rig.call("GET", path)).status == 200, path
        assert (await rig.call("GET", f"{path}?page=1")).paths == {("query", "page")}, path


async def test_what_changes_things_takes_none(rig: Rig) -> None:
    await rig.make_gateway("g1")
    reply = await rig.ai("DELETE", "/gateways/g1?dry_run=true")
    assert (reply.status, reply.paths) == (400, {("query", "dry_run")})
    assert (await rig.ai("GET", "/gateways/g1")).status == 200


@pytest.mark.parametrize("name", ["cache-buster", "x y", "9", "agw_0123456789", "a" * 41, ""])
async def test_what_reads_like_no_parameter_is_not_repeated(rig: Rig, name: str) -> None:
    reply = await rig.call("GET", f"/accounts?{quote(name)}=1")
    assert (reply.status, reply.paths) == (400, {("query",)})


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/user/tokens", "direction", "up"),
        ("/user/tokens", "include_expired", "maybe"),
        ("/accounts", "direction", ""),
        (f"{AI}/custom-providers", "enable", "yes"),
        (f"{AI}/analytics", "start", "2026-W01-1"),
    ],
)
async def test_a_value_that_is_none_is_refused(rig: Rig, path: str, name: str, value: str) -> None:
    reply = await rig.call("GET", f"{path}?{name}={value}")
    assert (reply.status, reply.paths) == (400, {("query", name)})


async def test_strangers_learn_nothing_of_parameters(rig: Rig) -> None:
    reply = await rig.call("GET", f"{AI}/gateways?nonsense=1", headers=[])
    assert (reply.status, reply.codes) == (401, [10000])


async def test_filters_of_custom_providers_and_accounts(rig: Rig) -> None:
    for number, (beta, enable) in enumerate([(True, True), (True, False), (False, True)]):
        body = {"name": f"n{number}", "slug": f"s{number}", "base_url": "https://x.example", "beta": beta, "enable": enable}
        assert (await rig.ai("POST", "/custom-providers", body)).status == 200

    async def slugs(query: str) -> list[str]:
        return sorted(each["slug"] for each in (await rig.ai("GET", f"/custom-providers?{query}")).result)

    assert await slugs("beta=true") == ["s0", "s1"]
    assert await slugs("enable=true") == ["s0", "s2"]
    assert await slugs("beta=1&enable=0") == ["s1"]
    assert await slugs("beta=true&search=n0") == ["s0"]

    await rig.call("POST", "/accounts", {"name": "Second one"})
    every = [each["name"] for each in (await rig.call("GET", "/accounts")).result]
    assert [each["name"] for each in (await rig.call("GET", "/accounts?direction=desc")).result] == every[::-1]
    assert [each["name"] for each in (await rig.call("GET", "/accounts?name=second")).result] == ["Second one"]
