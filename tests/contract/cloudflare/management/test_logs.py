"""The request log over the API (specification section 6): filters, bodies no browser runs, deletion, hostile input."""

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from fakes.control import ACCOUNT, ObedientEdge, Reply, Rig, policy
from fakes.injections import INJECTIONS
from yarl import URL

from gateway.link.frames import Records
from gateway.model.records import LogBodies, LogRecord
from gateway.model.tokens import Permission
from gateway.store.log_query import KEYS, ORDERS

LOGS = "/gateways/g1/logs"


def _record(number: int, gateway_id: str = "g1") -> LogRecord:
    return LogRecord(
        f"id-{gateway_id}-{number}", ACCOUNT, gateway_id, 1_790_000_000.0625 + number, ("openai", "groq")[number % 2],
        f"m{number}", "chat", "POST", "p", 200 + number, number != 3, "completed", number == 4, 100 * number, 1, number,
        2 * number, None, None, "exact", f'{{"user":"u{number}"}}', 0, "", "application/json", "text/html", 10, 20,
        f"e{number}", "curl", True, "t", False, cost=number / 10,
    )  # fmt: skip


@pytest.fixture
async def logged(rig: Rig) -> Rig:
    """Six entries in g1, one in g2; the first two have bodies."""
    await rig.make_gateway("g1")
    await rig.make_gateway("g2")
    await rig.store.log.insert([*(_record(number) for number in range(6)), _record(0, "g2")])
    page = b"<script>alert(1)</script>"
    await rig.store.log.insert_bodies([
        LogBodies("id-g1-0", ACCOUNT, "g1", b'{"messages":[]}', page, True, True),
        LogBodies("id-g1-1", ACCOUNT, "g1", b'{"messages":', b"\xff\0\xfe" + b"x" * 9000, False, True),
    ])  # fmt: skip
    return rig


async def _ids(rig: Rig, query: str = "") -> list[str]:
    reply = await rig.ai("GET", f"{LOGS}?{query}")
    assert reply.status == 200, (query, reply.body)
    return [entry["id"][6:] for entry in reply.result]


def _json(*filters: Any) -> str:
    return "filters=" + quote(orjson.dumps(filters))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "543210"),
        ("order_by_direction=asc", "012345"),
        ("per_page=2&page=2", "32"),
        ("page=9", ""),
        ("order_by=provider&direction=asc", "135024"),
        ("order_by=cached", "453210"),
        ("success=false", "3"),
        ("cached=true", "4"),
        ("provider=groq", "531"),
        ("model=m2", "2"),
        ("model_type=embedding", ""),
        ("request_content_type=application/json&response_content_type=text/html", "543210"),
        ("min_cost=0.4", "54"),
        ("max_cost=0.1", "10"),
        ("min_duration=400&max_duration=400", "4"),
        ("min_tokens_in=4&max_tokens_out=8", "4"),
        ("min_total_tokens=12", "54"),
        ("feedback=0", "543210"),
        ("feedback=1", ""),
        ("search=U5", "5"),
        ("start_date=2026-09-21T14:13:23Z", "543"),
        ("end_date=2026-09-21T14:13:21.062Z", "10"),
        ("filters.key=id&filters.operator=neq&filters.value=4&filters.key=cost&filters.operator=gt&filters.value=.2", "543"),
        ("filters.key=id&filters.operator=eq&filters.value=id-g1-1&filters.value=id-g1-4&filters.value=id-g2-0", "41"),
        (_json({"key": "metadata.key", "operator": "eq", "value": ["user"]},
               {"key": "metadata.value", "operator": "eq", "value": ["u1", "u2"]}), "21"),
    ],
)  # fmt: skip
async def test_filters_orders_and_pages(logged: Rig, query: str, wanted: str) -> None:
    assert "".join(await _ids(logged, query)) == wanted


async def test_totals(logged: Rig) -> None:
    for query, total in (("per_page=2", 6), ("per_page=2&page=3", 6), ("per_page=1&provider=groq", 3), ("page=50", 6)):
        info = (await logged.ai("GET", f"{LOGS}?{query}")).json["result_info"]
        assert info["total_count"] == total


async def test_an_entry_shows_the_beginnings_of_its_bodies(logged: Rig) -> None:
    whole, cut, none = [(await logged.ai("GET", f"{LOGS}/id-g1-{number}")).result for number in range(3)]
    assert (whole["request_head"], whole["request_head_complete"]) == ('{"messages":[]}', True)
    assert (whole["response_head"], whole["response_head_complete"]) == ("<script>alert(1)</script>", True)
    assert (cut["request_head"], cut["request_head_complete"]) == ('{"messages":', False)
    assert (cut["response_head"][:4], len(cut["response_head"]), cut["response_head_complete"]) == ("�\0�x", 8192, False)
    assert (none["request_head"], none["request_head_complete"], none["request_size"]) == (None, False, 10)
    assert all(not name.endswith("_head") for entry in (await logged.ai("GET", LOGS)).result for name in entry)


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("id-g1-0/request", b'{"messages":[]}', "application/json"),
        ("id-g1-0/response", b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
        ("id-g1-1/request", b'{"messages":', "text/plain; charset=utf-8"),
        ("id-g1-1/response", b"\xff\0\xfe" + b"x" * 9000, "application/octet-stream"),
    ],
)
async def test_bodies_are_bare_and_inert(logged: Rig, path: str, body: bytes, content_type: str) -> None:
    reply = await logged.ai("GET", f"{LOGS}/{path}")
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, body, content_type)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in reply.headers["Content-Security-Policy"]


async def test_entries_are_found_in_their_gateway_only(logged: Rig) -> None:
    for path in ("id-g2-0", "id-g2-0/request", "id-g1-2/response", "nope", "nope/request"):
        assert (await logged.ai("GET", f"{LOGS}/{path}")).status == 404
    assert (await logged.ai("GET", "/gateways/none/logs")).status == 404
    assert (await logged.ai("PATCH", f"{LOGS}/id-g2-0", {"feedback": 1})).status == 404


async def test_feedback_score_and_metadata(logged: Rig) -> None:
    one = f"{LOGS}/id-g1-2"
    changed = (await logged.ai("PATCH", one, {"feedback": -1, "score": 99.5, "metadata": {"team": "blue", "n": 1}})).result
    assert (changed["feedback"], changed["score"], changed["metadata"]) == (-1, 99.5, '{"team":"blue","n":1}')
    assert (await logged.ai("GET", one)).result["feedback"] == -1
    assert await _ids(logged, "filters.key=feedback&filters.operator=eq&filters.value=-1") == ["2"]
    assert await _ids(logged, "search=blue") == ["2"]
    changed = (await logged.ai("PATCH", one, {"feedback": None, "metadata": None})).result
    assert (changed["feedback"], changed["score"], changed["metadata"]) == (None, 99.5, None)
    assert (await logged.ai("PATCH", one, {})).result["score"] == 99.5


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"feedback": 2}, ("body", "feedback")),
        ({"feedback": "1"}, ("body", "feedback")),
        ({"feedback": 0.5}, ("body", "feedback")),
        ({"score": 100.5}, ("body", "score")),
        ({"score": -1}, ("body", "score")),
        ({"metadata": []}, ("body", "metadata")),
        ({"metadata": {str(number): 1 for number in range(6)}}, ("body", "metadata")),
        ({"metadata": {"k": "x" * 1025}}, ("body", "metadata")),
    ],
)
async def test_bad_edits(logged: Rig, body: Any, path: tuple[str, ...]) -> None:
    reply = await logged.ai("PATCH", f"{LOGS}/id-g1-2", body)
    assert (reply.status, reply.codes, reply.paths) == (400, [7001], {path})


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("limit=2", "3210"),
        ("limit=2&order_by_direction=asc", "5432"),
        ("limit=1&order_by=cost&order_by_direction=asc", "54321"),
        ("filters.key=provider&filters.operator=eq&filters.value=groq", "420"),
        ("success=false&limit=10", "54210"),
        (_json({"key": "id", "operator": "eq", "value": ["id-g1-4"]}), "53210"),
        (_json({"key": "id", "operator": "eq", "value": ["id-g2-0"]}), "543210"),
        ("", ""),
        ("order_by=cost", ""),
        ("end_date=2027-01-01T00:00:00Z", ""),
    ],
)
async def test_deletion(logged: Rig, query: str, left: str) -> None:
    reply = await logged.ai("DELETE", f"{LOGS}?{query}")
    assert (reply.status, reply.json) == (200, {"success": True})
    assert "".join(await _ids(logged)) == left
    assert len((await logged.ai("GET", "/gateways/g2/logs")).result) == 1


@pytest.mark.parametrize(
    ("also", "left"), [("", "54"), ("&provider=groq", "5420"), ("&limit=2&order_by_direction=asc", "5432")]
)
async def test_what_came_after_the_newest_entry_seen_stays(logged: Rig, also: str, left: str) -> None:
    seen = next(entry for entry in (await logged.ai("GET", LOGS)).result if entry["id"] == "id-g1-3")
    assert (await logged.ai("DELETE", f"{LOGS}?end_date={quote(seen['created_at'])}{also}")).status == 200
    assert "".join(await _ids(logged)) == left


@pytest.mark.parametrize("query", ["sucess=false", "limit=0", "limit=x", "order_by=path", "filters=[5]", "filter=x"])
async def test_a_deletion_that_is_not_understood_deletes_nothing(logged: Rig, query: str) -> None:
    reply = await logged.ai("DELETE", f"{LOGS}?{query}")
    assert (reply.status, reply.codes) == (400, [7001])
    assert {path[0] for path in reply.paths} == {"query"}
    assert len(await _ids(logged)) == 6


async def test_long_deletions_go_in_batches(logged: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.control.api.logs.FIND_ROWS", 2)
    monkeypatch.setattr("gateway.control.api.logs.DELETE_ROWS", 1)
    assert (await logged.ai("DELETE", f"{LOGS}?max_cost=0.45&limit=4")).status == 200
    assert await _ids(logged) == ["5", "0"]
    assert (await logged.ai("DELETE", f"{LOGS}?max_cost=0.45")).status == 200
    assert await _ids(logged) == ["5"]


async def test_reading_does_not_permit_changes(logged: Rig) -> None:
    reads = str((await logged.make_token(policy(Permission.READ)))["value"])
    for method, path, body in (("PATCH", f"{LOGS}/id-g1-1", {"feedback": 1}), ("DELETE", LOGS, None)):
        assert (await logged.ai(method, path, body, token=reads)).status == 403
    assert (await logged.ai("GET", f"{LOGS}/id-g1-0/request", token=reads)).status == 200
    runs = str((await logged.make_token(policy(Permission.RUN)))["value"])
    assert (await logged.ai("GET", f"{LOGS}/id-g1-0/request", token=runs)).status == 403


def _fits(reply: Reply, query: str) -> list[Any]:
    """The entries, or none for a refusal that says where."""
    assert reply.status in (200, 400), (query, reply.status, reply.body)
    if reply.status == 200:
        return list(reply.result)
    assert all(path[0] == "query" for path in reply.paths), (query, reply.body)
    return []


PARAMETERS = ("model", "provider", "success", "start_date", "search", "page", "order_by", "direction", "filters")


@pytest.mark.parametrize("part", range(4))
async def test_no_text_becomes_sql(logged: Rig, part: int) -> None:
    """Through filters, search, sort and page: no error of the database's, no row that was not asked for."""
    assert len(INJECTIONS) >= 60
    for text in INJECTIONS[part::4]:
        raw = quote(text, safe="")
        for name in PARAMETERS:
            found = _fits(await logged.ai("GET", f"{LOGS}?{name}={raw}"), name)
            honest = [number for number in range(6) if name == "search" and text in f'{{"user":"u{number}"}}']
            assert len(found) <= len(honest), (name, text)
        for operator in ("eq", "contains"):
            query = _json(*({"key": key, "operator": operator, "value": [text]} for key in ("id", "model", "metadata.value")))
            assert _fits(await logged.ai("GET", f"{LOGS}?{query}"), query) == [], (operator, text)
        hostile = _json({"key": text, "operator": "eq", "value": ["1"]}, {"key": "id", "operator": text, "value": ["1"]})
        reply = await logged.ai("GET", f"{LOGS}?{hostile}")
        assert (reply.status, reply.paths) == (400, {("query", "filters", "0", "key"), ("query", "filters", "1", "operator")})


@pytest.mark.parametrize("tail", ["", "/request", "/response"])
async def test_no_id_becomes_sql(logged: Rig, tail: str) -> None:
    for text in INJECTIONS:
        url = URL(f"http://control/client/v4/accounts/{ACCOUNT}/ai-gateway{LOGS}/{quote(text, safe='')}{tail}", encoded=True)
        async with logged.client.get(url, headers={"Authorization": f"Bearer {logged.bootstrap}"}) as answer:
            assert answer.status in (400, 404), (text, await answer.read())


async def test_no_text_widens_a_deletion(logged: Rig) -> None:
    for text in INJECTIONS:
        for query in (
            _json({"key": "id", "operator": "eq", "value": [text]}),
            f"model={quote(text, safe='')}",
            f"limit=1&order_by={quote(text, safe='')}",
        ):
            assert (await logged.ai("DELETE", f"{LOGS}?{query}")).status in (200, 400)
    assert len(await _ids(logged)) == 6
    assert KEYS.keys().isdisjoint(INJECTIONS)
    assert set(ORDERS).isdisjoint(INJECTIONS)


async def test_a_gateways_log_leaves_with_it(logged: Rig) -> None:
    assert (await logged.ai("DELETE", "/gateways/g1")).status == 200
    await logged.make_gateway("g1")
    assert await _ids(logged) == []


async def test_a_full_log_takes_in_no_more(logged: Rig) -> None:
    logged.control._janitor.retention.full = frozenset({(ACCOUNT, "g1")})
    edge = ObedientEdge(logged.control, "e1")
    logged.control.hub.received(edge, Records(1, (_record(7), _record(7, "g2"))))
    await logged.control._facts.recorder.close(5)
    assert (await logged.store.log.get(ACCOUNT, "g1", "id-g1-7"), len(await _ids(logged))) == (None, 6)
    assert await logged.store.log.get(ACCOUNT, "g2", "id-g2-7") is not None


async def test_payloads_may_be_left_out(rig: Rig) -> None:
    assert (await rig.make_gateway("g1"))["collect_log_payloads"] is False
    made = await rig.make_gateway("g2", collect_log_payloads=True)
    assert made["collect_log_payloads"] is True
    reply = await rig.ai("POST", "/gateways", {**made, "id": "g3", "collect_log_payloads": "no"})
    assert reply.paths == {("body", "collect_log_payloads")}
