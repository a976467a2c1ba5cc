"""Starting, starting without a store, serving the link, stopping."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fakes.control import ACCOUNT, ObedientEdge, running_control
from fakes.store import MemoryStore

from gateway.control import opening
from gateway.link.frames import Hello, Records, decode
from gateway.model.records import LogRecord


async def test_ops_listener_and_private_socket() -> None:
    async with running_control(MemoryStore(), ops_listen="127.0.0.1:0", workers=1) as rig:
        mode = stat.S_IMODE(Path(rig.config.control_socket).stat().st_mode)
        assert mode == 0o600
        (port,) = [address[1] for address in rig.control.addresses if isinstance(address, tuple)]
        async with aiohttp.ClientSession() as client:

            async def get(path: str) -> tuple[int, str]:
                async with client.get(f"http://127.0.0.1:{port}{path}") as answer:
                    assert "Server" not in answer.headers
                    return answer.status, await answer.text()

            assert (await get("/livez"))[0] == 200
            assert await get("/readyz") == (503, '{"status":"failed","reasons":["0 of 1 edges ready"]}')
            edge = ObedientEdge(rig.control, "e1")
            assert await get("/readyz") == (200, '{"status":"ok","reasons":[]}')
            status, page = await get("/metrics")
            assert status == 200
            assert 'aig_edges{state="ready"} 1.0\n' in page
            assert "aig_store_up 1.0\n" in page
            assert (await get("/client/v4/accounts"))[0] == 404, "the API is not on the ops listener"
            rig.control.hub.left(edge)
        assert (await rig.call("GET", "//readyz")).status == 503
        page = await rig.call("GET", "//dashboard")
        assert page.status == 200


async def test_without_a_store_the_api_says_503_until_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_FIRST_PAUSE_S", 0.01)
    store = MemoryStore()
    store.down = True
    async with running_control(store, opens=False) as rig:
        down = await rig.call("GET", "/accounts", token="x")
        assert (down.status, down.codes) == (503, [2919])
        assert down.headers["Retry-After"] == "2"
        assert (await rig.call("GET", "//readyz", token="x")).json["reasons"] == ["store never opened"]
        store.down = False
        async with asyncio.timeout(10):
            while not rig.control.opened:
                await asyncio.sleep(0.005)
        for _ in range(5):
            assert (await rig.call("GET", "/accounts")).status == 200
            store.down = True
            assert (await rig.call("GET", "/accounts")).status == 503
            store.down = False


async def test_the_link_is_served_and_ended() -> None:
    messages: list[Any] = []
    async with running_control(MemoryStore()) as rig:
        websocket = await rig.client.ws_connect("http://control/link")
        messages.append(decode((await websocket.receive()).data))
        assert isinstance(messages[0], Hello)
        await rig.control.close()
        assert (await websocket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)


async def test_two_starts_on_one_store_hand_out_once() -> None:
    store = MemoryStore()
    async with running_control(store) as first:
        value = first.bootstrap
    async with running_control(store) as second:
        assert second.handed_out == []
        assert (await second.call("GET", "/user/tokens/verify", token=value)).status == 200


async def test_closing_before_starting_and_twice_is_harmless() -> None:
    async with running_control(MemoryStore()) as rig:
        await rig.control.close()


async def test_a_store_that_hangs_does_not_hold_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_PATIENCE_S", 0.01)
    store = MemoryStore()
    answering = asyncio.Event()
    monkeypatch.setattr(store, "open", answering.wait)
    async with running_control(store, opens=False) as rig:
        assert (await rig.call("GET", "/accounts", token="x")).status == 503
        answering.set()
        async with asyncio.timeout(10):
            while not rig.control.opened:
                await asyncio.sleep(0.005)
        assert (await rig.call("GET", "/accounts")).status == 200


async def test_the_start_names_the_gateways_that_ask_for_no_token(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        for name, authentication in (("guarded", True), ("open", False)):
            await rig.make_gateway(name, authentication=authentication)
    assert "ask for no token" not in caplog.text
    async with running_control(store):
        assert "1 gateways ask for no token: open" in caplog.text


async def test_a_malformed_preset_stops_the_start() -> None:
    with pytest.raises(ValueError):
        async with running_control(MemoryStore(), bootstrap_token="hunter2"):
            pass


async def test_records_of_a_deleted_gateway_are_not_kept() -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        for name in ("kept", "gone"):
            await rig.make_gateway(name)
        edge = ObedientEdge(rig.control, "e1")
        rig.control.hub.received(edge, Records(1, [_record(name) for name in ("kept", "gone")]))
        await rig.ai("DELETE", "/gateways/gone")
    assert [record.gateway_id for record in store.all_records.values()] == ["kept"]


def _record(gateway_id: str) -> LogRecord:
    return LogRecord(
        gateway_id, ACCOUNT, gateway_id, 1.0, "openai", "m", "chat", "POST", "p", 200, True, "completed", False, 1, 1, None,
        None, None, None, "unknown", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
    )  # fmt: skip
