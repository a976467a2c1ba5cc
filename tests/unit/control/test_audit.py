"""Entries of the audit log: what they hold, what they never hold, and how many of them strangers can cause."""

import logging
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control.audit import MOST_FAILURES, Audit, Resource, by_service, shown
from gateway.model.tokens import mint_token


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, {"a": 1}, (None, {"a": 1})),
        ({"a": 1}, None, ({"a": 1}, None)),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ({"b": 2}, {"b": 3})),
        ({"a": 1}, {"a": 1, "b": None}, ({}, {})),
        ({"a": 1, "modified_at": "x"}, {"a": 1, "modified_at": "y"}, ({}, {})),
        (None, None, (None, None)),
    ],
)
def test_only_what_changed_is_kept(before: Any, after: Any, told: Any) -> None:
    resource = Resource("gateway", before=before, after=after)
    assert (resource.before, resource.after) == told


def test_what_looks_like_a_secret_is_hidden_wherever_it_stands() -> None:
    token = mint_token()
    after = {"name": token, "nested": {"list": [f"x {token}", 5, None]}, "url": "https://a:secret@b"}
    resource = Resource("gateway", "id", f"named {token}", after=after)
    assert token not in f"{resource.name} {resource.after}"
    assert "secret" not in str(resource.after)


async def test_failed_signins_are_counted_beyond_a_few_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    store, clock = MemoryStore(), MovableClock()
    audit, request = Audit(store.audit, clock), make_mocked_request("POST", "/", headers={"x-gateway-client": "192.0.2.1"})
    for _ in range(MOST_FAILURES + 7):
        await audit.sign_in_failed(request)
    assert len(store.audited) == MOST_FAILURES
    clock.move(61)
    await audit.sign_in_failed(request)
    last = shown(store.audited[-1])
    assert last["after"] == {"failures_not_recorded": 7}
    assert (last["action"]["result"], last["actor"]["ip_address"], last["actor"]["token_id"]) == ("failure", "192.0.2.1", None)
    store.down = True
    with caplog.at_level(logging.WARNING):
        await audit.sign_in_failed(request)
    assert "was not written down" in caplog.text


async def test_a_change_is_told_once_it_is_written(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    audit = Audit(store.audit, MovableClock())
    entry = audit.entry(by_service("a"), "create", Resource("account", "a", "Default"))
    caplog.set_level(logging.INFO, "gateway.audit")
    store.down = True
    with pytest.raises(Exception, match="down"):
        await audit.commit(entry, store.audit.insert(entry))
    assert caplog.records == []
    store.down = False
    await audit.commit(entry, store.audit.insert(entry))
    (record,) = caplog.records
    assert record.fields["audit"] == shown(entry)  # type: ignore[attr-defined]
    assert record.fields["audit"]["actor"]["type"] == "system"  # type: ignore[attr-defined]
