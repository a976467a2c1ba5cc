"""A refused request leaves a row where it may help somebody: never what strangers make up, nor paths that lead nowhere."""

import orjson
import pytest
from fakes.edge import RunningEdge
from fakes.provider import FakeProvider, raw

OWN = {"authorization": "Bearer sk-own"}
LOGGED, NOT_LOGGED = True, False

ROWS = [
    # (path behind the gateway, fields, body, status, a row for a caller with a token, a row for a stranger)
    ("nosuch/v1/x", {}, b"{}", 400, NOT_LOGGED, NOT_LOGGED),
    ("custom-nosuch/x", {}, b"{}", 400, NOT_LOGGED, NOT_LOGGED),
    ("compat/nosuch", {}, b"{}", 404, NOT_LOGGED, NOT_LOGGED),
    ("openai//x", {}, b"{}", 400, NOT_LOGGED, NOT_LOGGED),
    ("openai/chat/completions", {}, b"{}", 400, LOGGED, NOT_LOGGED),
    ("compat/chat/completions", {}, b'{"model":"nosuch/m"}', 400, LOGGED, NOT_LOGGED),
    ("compat/chat/completions", {}, b"[]", 400, LOGGED, NOT_LOGGED),
    ("compat/chat/completions", {}, b"{}", 400, LOGGED, NOT_LOGGED),
    ("compat/chat/completions", {}, b'{"model":"openai/m"}', 400, LOGGED, NOT_LOGGED),
    ("openai/chat/completions", OWN, b"{}", 502, LOGGED, LOGGED),
]


@pytest.mark.parametrize(("path", "fields", "body", "status", "known", "stranger"), ROWS)
async def test_rows_of_refusals(
    edge: RunningEdge,
    provider: FakeProvider,
    path: str,
    fields: dict[str, str],
    body: bytes,
    status: int,
    known: bool,
    stranger: bool,
) -> None:
    for gateway_id, logged in (("byok", known), ("open-byok", stranger)):
        token = {"cf-aig-authorization": f"Bearer {edge.admit()}"} if gateway_id == "byok" else {}
        if status == 502:
            provider.script(raw(b"no answer\r\n\r\n"))
        before = len(edge.records)
        answer = await edge.ask("POST", edge.native(gateway_id, path), {**fields, **token}, body)
        assert answer.status == status
        await edge.quiet()
        assert len(edge.records) - before == logged
        assert (answer.header("cf-aig-log-id") is not None) == logged


async def test_a_row_of_a_refusal_says_why(edge: RunningEdge) -> None:
    await edge.ask(
        "POST", edge.native("g1", "openai/chat/completions"), {"cf-aig-authorization": f"Bearer {edge.admit()}"}, b"{}"
    )
    record = await edge.record()
    assert (record.asked, record.error_code, record.error_cause) == (False, 2906, "missing_provider_key")


async def test_bodies_metadata_and_costs_are_stored_for_callers_with_a_token_alone(
    edge: RunningEdge, provider: FakeProvider
) -> None:
    wish = {"cf-aig-metadata": '{"user":"ann"}', "cf-aig-custom-cost": '{"total_cost":5}', "cf-aig-event-id": "e1", **OWN}
    await edge.ask("POST", edge.native("open", "openai/chat/completions"), wish, b"{}")
    stranger = await edge.record()
    assert (stranger.metadata, stranger.custom_cost, stranger.event_id) == (None, None, "e1")
    token = {"cf-aig-authorization": f"Bearer {edge.admit()}"}
    await edge.ask("POST", edge.native("g1", "openai/chat/completions"), {**wish, **token}, b"{}")
    known = edge.records[-1]
    assert (orjson.loads(known.metadata or ""), orjson.loads(known.custom_cost or "")) == ({"user": "ann"}, {"total_cost": 5.0})
