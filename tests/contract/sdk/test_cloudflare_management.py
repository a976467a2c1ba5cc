"""Cloudflare's own Python client against the management API: typed results, paging that ends, no parse error (vector 25)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import cloudflare
import pytest
from fakes.control import ACCOUNT, REQUIRED, ObedientEdge, Rig, policy, running_control

from gateway.kit.ids import uuid7
from gateway.link.frames import Records
from gateway.model.records import LogBodies, LogRecord
from gateway.model.tokens import Permission
from gateway.store.store import open_store

T = TypeVar("T")


class Api:
    """The client in a thread, behind it control's socket by way of a plain TCP relay."""

    def __init__(self, rig: Rig, port: int) -> None:
        self.rig = rig
        self._base_url = f"http://127.0.0.1:{port}/client/v4"

    async def call(self, work: Callable[[cloudflare.Cloudflare], T], token: str | None = None) -> T:
        with cloudflare.Cloudflare(
            api_token=token or self.rig.bootstrap, base_url=self._base_url, max_retries=0, timeout=20
        ) as client:
            return await asyncio.to_thread(work, client)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_control(open_store(f"sqlite:///{tmp_path / 'gateway.db'}")) as rig:
        relays: set[asyncio.StreamWriter] = set()

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            up_reader, up_writer = await asyncio.open_unix_connection(rig.config.control_socket)
            relays.update((writer, up_writer))
            await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer), return_exceptions=True)

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        yield Api(rig, server.sockets[0].getsockname()[1])
        server.close()
        for writer in relays:
            writer.close()
        await server.wait_closed()


def _fields(**more: Any) -> dict[str, Any]:
    return {"account_id": ACCOUNT, **REQUIRED, "rate_limiting_technique": "fixed", **more}


async def test_gateways(api: Api) -> None:
    made = await api.call(lambda client: client.ai_gateway.create(id="g1", **_fields()))
    assert (made.id, made.authentication, made.is_default) == ("g1", True, False)
    for number in range(3):
        await api.rig.make_gateway(f"more{number}")
    listed = await api.call(lambda client: list(client.ai_gateway.list(account_id=ACCOUNT, per_page=2)))
    assert sorted(gateway.id for gateway in listed) == ["g1", "more0", "more1", "more2"]
    got = await api.call(lambda client: client.ai_gateway.get("g1", account_id=ACCOUNT))
    assert got.created_at == made.created_at
    changed = await api.call(
        lambda client: client.ai_gateway.update("g1", authentication=False, **_fields(log_management=20_000))
    )
    assert (changed.authentication, changed.log_management) == (False, 20_000)
    url = await api.call(lambda client: client.ai_gateway.urls.get("openai", account_id=ACCOUNT, gateway_id="g1"))
    assert url.endswith(f"/v1/{ACCOUNT}/g1/openai")
    deleted = await api.call(lambda client: client.ai_gateway.delete("g1", account_id=ACCOUNT))
    assert deleted.id == "g1"
    with pytest.raises(cloudflare.NotFoundError):
        await api.call(lambda client: client.ai_gateway.get("g1", account_id=ACCOUNT))


async def test_errors_are_typed(api: Api) -> None:
    await api.rig.make_gateway("g1")
    with pytest.raises(cloudflare.ConflictError):
        await api.call(lambda client: client.ai_gateway.create(id="g1", **_fields()))
    with pytest.raises(cloudflare.BadRequestError) as caught:
        await api.call(lambda client: client.ai_gateway.create(id="g2", **_fields(cache_ttl=-1)))
    assert caught.value.errors[0].code == 7001
    with pytest.raises(cloudflare.AuthenticationError):
        await api.call(lambda client: client.ai_gateway.get("g1", account_id=ACCOUNT), token="nothing")
    narrow = str((await api.rig.make_token(policy(Permission.RUN)))["value"])
    with pytest.raises(cloudflare.PermissionDeniedError):
        await api.call(lambda client: client.ai_gateway.get("g1", account_id="f" * 32), token=narrow)


async def test_logs(api: Api) -> None:
    await api.rig.make_gateway("g1")
    edge = ObedientEdge(api.rig.control, "e1")
    records = tuple(
        LogRecord(
            uuid7(), ACCOUNT, "g1", 1_790_000_000.0 + number, "openai", "m", "chat", "POST", "p", 200, True, "completed", False,
            5, 1, 3, None, None, None, "exact", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
        )
        for number in range(60)
    )  # fmt: skip
    api.rig.control.hub.received(edge, Records(1, records))
    await api.rig.control._facts.recorder.close(5)
    listed = await api.call(lambda client: list(client.ai_gateway.logs.list("g1", account_id=ACCOUNT, per_page=50)))
    assert [entry.id for entry in listed] == [record.id for record in reversed(records)]
    one = await api.call(lambda client: client.ai_gateway.logs.get(records[0].id, account_id=ACCOUNT, gateway_id="g1"))
    assert (one.tokens_in, one.tokens_out, one.request_size, one.request_head) == (3, None, 1, None)


async def test_log_filters_feedback_bodies_and_deletion(api: Api) -> None:
    await api.rig.make_gateway("g1")
    where: dict[str, Any] = {"account_id": ACCOUNT, "gateway_id": "g1"}
    records = [
        LogRecord(
            f"0000-{number}", ACCOUNT, "g1", 1_790_000_000.0 + number, "openai" if number % 2 else "groq", f"m{number}", "chat",
            "POST", "p", 200, True, "completed", False, 5, 1, number, None, None, None, "exact", None, 0, "", "", "", 1, 1, "e",
            "u", True, "t", False, cost=number / 10,
        )
        for number in range(6)
    ]  # fmt: skip
    await api.rig.store.log.insert(records)
    await api.rig.store.log.insert_bodies([LogBodies("0000-1", ACCOUNT, "g1", b'{"model":"m1"}', b"data: cut", True, False)])

    async def listed(**query: Any) -> list[str]:
        found = await api.call(lambda client: list(client.ai_gateway.logs.list("g1", account_id=ACCOUNT, **query)))
        return [entry.id[-1] for entry in found]

    dear = {"key": "cost", "operator": "gt", "value": [0.15]}
    openai = {"key": "provider", "operator": "eq", "value": ["openai"]}
    assert await listed(filters=[openai, dear], direction="asc") == ["3", "5"]
    assert await listed(filters=[{"key": "model", "operator": "eq", "value": ["m0", "m4"]}]) == ["4", "0"]
    assert await listed(start_date="2026-09-21T14:13:24Z", success=True, per_page=1) == ["5", "4"]
    assert await listed(min_tokens_in=2, max_tokens_in=3, order_by="provider", order_by_direction="asc") == ["2", "3"]

    await api.call(lambda client: client.ai_gateway.logs.edit("0000-1", feedback=1, score=80, metadata={"by": "ann"}, **where))
    assert await listed(feedback=1) == ["1"]
    assert await listed(search="ann") == ["1"]
    one = await api.call(lambda client: client.ai_gateway.logs.get("0000-1", **where))
    assert (one.metadata, one.request_head, one.request_head_complete) == ('{"by":"ann"}', '{"model":"m1"}', True)
    assert (one.response_head, one.response_head_complete) == ("data: cut", False)
    assert await api.call(lambda client: client.ai_gateway.logs.request("0000-1", **where)) == {"model": "m1"}
    assert await api.call(lambda client: client.ai_gateway.logs.response("0000-1", **where)) == "data: cut"

    done = await api.call(
        lambda client: client.ai_gateway.logs.delete("g1", account_id=ACCOUNT, filters=[openai, dear], limit=1, order_by="cost")
    )
    assert done.success is True
    assert await listed() == ["4", "3", "2", "1", "0"]
    await api.call(lambda client: client.ai_gateway.logs.delete("g1", account_id=ACCOUNT))
    assert await listed() == []
    with pytest.raises(cloudflare.BadRequestError) as caught:
        await listed(order_by="id")
    assert caught.value.errors[0].code == 7001


def _policies(group_id: str) -> list[dict[str, Any]]:
    resources = {f"com.cloudflare.api.account.{ACCOUNT}": "*"}
    return [{"effect": "allow", "permission_groups": [{"id": group_id}], "resources": resources}]


async def test_account_tokens(api: Api) -> None:
    groups = await api.call(lambda client: list(client.accounts.tokens.permission_groups.list(account_id=ACCOUNT)))
    run = next(group.id for group in groups if group.name == "AI Gateway Run")
    made = await api.call(
        lambda client: client.accounts.tokens.create(account_id=ACCOUNT, name="ci", policies=_policies(run or ""))  # type: ignore[arg-type]
    )
    assert made.value
    value, token_id = made.value, made.id or ""
    verified = await api.call(lambda client: client.accounts.tokens.verify(account_id=ACCOUNT), token=value)
    assert (verified.id, verified.status) == (token_id, "active")
    rolled = await api.call(lambda client: client.accounts.tokens.value.update(token_id, account_id=ACCOUNT))
    assert rolled != value
    with pytest.raises(cloudflare.AuthenticationError) as caught:
        await api.call(lambda client: client.accounts.tokens.verify(account_id=ACCOUNT), token=value)
    assert caught.value.errors[0].code == 1000
    listed = await api.call(lambda client: list(client.accounts.tokens.list(account_id=ACCOUNT, per_page=1)))
    assert {token.name for token in listed} == {"ci", "bootstrap"}
    got = await api.call(lambda client: client.accounts.tokens.get(token_id, account_id=ACCOUNT))
    assert got.policies is not None
    assert got.policies[0].permission_groups[0].name == "AI Gateway Run"
    updated = await api.call(
        lambda client: client.accounts.tokens.update(
            token_id,
            account_id=ACCOUNT,
            name="ci2",
            policies=_policies(run or ""),  # type: ignore[arg-type]
            condition={"request_ip": {"in": ["10.0.0.0/8"]}},
            expires_on="2030-01-01T00:00:00Z",
        )
    )
    assert updated.name == "ci2"
    assert updated.condition is not None
    assert updated.condition.request_ip is not None
    assert updated.condition.request_ip.in_ == ["10.0.0.0/8"]
    deleted = await api.call(lambda client: client.accounts.tokens.delete(token_id, account_id=ACCOUNT))
    assert deleted is not None
    assert deleted.id == token_id


async def test_user_tokens(api: Api) -> None:
    groups = await api.call(lambda client: list(client.user.tokens.permission_groups.list(name="AI%20Gateway%20Run")))
    run = groups[0].id or ""
    made = await api.call(lambda client: client.user.tokens.create(name="me", policies=_policies(run)))  # type: ignore[arg-type]
    verified = await api.call(lambda client: client.user.tokens.verify(), token=made.value)
    assert verified is not None
    assert verified.status == "active"
    rolled = await api.call(lambda client: client.user.tokens.value.update(made.id or ""))
    assert rolled not in (None, made.value)
    assert [token.id for token in await api.call(lambda client: list(client.user.tokens.list()))] == [made.id]


async def test_provider_keys_and_custom_providers(api: Api) -> None:
    await api.rig.make_gateway("g1")
    key = await api.call(
        lambda client: client.ai_gateway.provider_configs.create(
            "g1", account_id=ACCOUNT, alias="default", default_config=True, provider_slug="openai",
            secret="sk-0123456789abcdefghij",
            secret_id="s", rate_limit=0, rate_limit_period=60,
        )
    )  # fmt: skip
    assert (key.secret_preview, key.rate_limit) == ("sk-…ghij", 0)
    keys = await api.call(lambda client: list(client.ai_gateway.provider_configs.list("g1", account_id=ACCOUNT)))
    assert [each.id for each in keys] == [key.id]
    custom = await api.call(
        lambda client: client.ai_gateway.custom_providers.create(
            account_id=ACCOUNT, name="Mine", slug="mine", base_url="https://llm.example.com"
        )
    )
    listed = await api.call(lambda client: list(client.ai_gateway.custom_providers.list(account_id=ACCOUNT, per_page=1)))
    assert [each.slug for each in listed] == [custom.slug]
    got = await api.call(lambda client: client.ai_gateway.custom_providers.get(custom.id, account_id=ACCOUNT))
    assert got.created_at == custom.created_at
    await api.call(lambda client: client.ai_gateway.custom_providers.delete(custom.id, account_id=ACCOUNT))


async def test_accounts(api: Api) -> None:
    listed = await api.call(lambda client: list(client.accounts.list()))
    assert [account.id for account in listed if account is not None] == [ACCOUNT]
    got = await api.call(lambda client: client.accounts.get(account_id=ACCOUNT))
    assert got is not None
    assert got.id == ACCOUNT


async def test_the_audit_log_is_read_to_its_end(api: Api) -> None:
    """The client turns pages by `result_info.cursors.after`."""
    for number in range(3):
        await api.rig.make_gateway(f"g{number}")
    span: dict[str, Any] = {"account_id": ACCOUNT, "since": "2026-01-01", "before": "2027-01-01"}
    listed = await api.call(lambda client: list(client.accounts.logs.audit.list(**span, limit=1)))
    whole = await api.call(lambda client: list(client.accounts.logs.audit.list(**span)))
    assert [entry.id for entry in listed] == [entry.id for entry in whole]
    assert len(whole) >= 3
