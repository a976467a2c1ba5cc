"""What may be asked of the request log, and what is taken from it: the same answers from both databases."""

import random

import orjson
import pytest

from gateway.kit.ids import uuid7
from gateway.model.page import Page
from gateway.model.records import LogBodies
from gateway.store.log_query import EVERYTHING, Condition, LogEntry, LogQuery

GATEWAY = "my-gateway"
HOUR = 3600.0


@pytest.fixture
def place(samples):
    return samples.account_id, GATEWAY


@pytest.fixture
async def told(store, samples, place):
    """Nine entries that differ in everything, newest last; the fifth is rated."""
    entries = [
        samples.record(
            created_at=1000.0 + number,
            id=f"0000-{number}",
            provider=("openai", "anthropic", "google")[number % 3],
            model=f"Model_{number}%",
            success=number % 2 == 0,
            cached=number == 3,
            status_code=200 + number,
            duration_ms=100 * number,
            tokens_in=None if number == 0 else number,
            tokens_out=10 * number,
            cost=None if number == 1 else number / 4,
            metadata=None if number == 8 else f'{{"user":"u{number}","n":{number},"on":true,"q\\"k":"a\\\\b\\"c"}}',
            event_id=f"e-{number}",
            user_agent="openai-python/2.0" if number else "curl",
        )
        for number in range(9)
    ]
    await store.log.insert(entries)
    await store.log.edit(*place, "0000-5", {"feedback": -1, "score": 12.5})
    return entries


def _numbers(found):
    return [int(entry.record.id[-1]) for entry in found]


async def _chosen(store, place, *conditions, **more):
    found, count = await store.log.page(*place, LogQuery(conditions=conditions, **more), Page(per_page=50))
    assert count == len(found)
    ids = await store.log.find(*place, LogQuery(conditions=conditions, **more), 50)
    assert ids == [entry.record.id for entry in found], "what is listed is what would be deleted"
    return sorted(_numbers(found))


FILTERS = [
    (("id", "eq", ("0000-1", "0000-4", "nope")), [1, 4]),
    (("id", "lt", ("0000-2",)), [0, 1]),
    (("id", "contains", ("-3",)), [3]),
    (("provider", "eq", ("openai",)), [0, 3, 6]),
    (("provider", "neq", ("openai", "google")), [1, 4, 7]),
    (("model", "eq", ("Model_1%", "Model_4%", "model_5%")), [1, 4]),
    (("model", "contains", ("mODEL_1",)), [1]),
    (("model", "contains", ("%",)), list(range(9))),
    (("model", "contains", ("l%",)), []),
    (("success", "eq", (True,)), [0, 2, 4, 6, 8]),
    (("success", "neq", (True,)), [1, 3, 5, 7]),
    (("cached", "eq", (True,)), [3]),
    (("status_code", "gt", (206.5,)), [7, 8]),
    (("duration", "le", (100.0,)), [0, 1]),
    (("duration", "ge", (750.5,)), [8]),
    (("duration", "eq", (300.0, 400.0)), [3, 4]),
    (("tokens_in", "neq", (1.0,)), [0, 2, 3, 4, 5, 6, 7, 8]),
    (("tokens", "lt", (12.0,)), [0, 1]),
    (("cost", "gt", (1.6,)), [7, 8]),
    (("cost", "eq", (0.5,)), [2]),
    (("feedback", "eq", (-1.0,)), [5]),
    (("feedback", "eq", (0.0,)), [0, 1, 2, 3, 4, 6, 7, 8]),
    (("created_at", "gt", ((1006.0, 1006.5),)), [7, 8]),
    (("created_at", "gt", ((1006.0, 1007.0),)), [7, 8]),
    (("created_at", "lt", ((1001.5, 1002.0),)), [0, 1]),
    (("created_at", "eq", ((1002.9, 1003.1), (1007.0, 1008.0))), [3, 7]),
    (("created_at", "neq", ((1000.0, 1007.0),)), [7, 8]),
    (("event_id", "eq", ("e-6",)), [6]),
    (("user_agent", "contains", ("CURL",)), [0]),
    (("authentication", "eq", (False,)), []),
    (("wholesale", "eq", (False,)), list(range(9))),
    (("compatibilityMode", "eq", (True,)), []),
    (("dlp_action", "eq", ("BLOCK",)), []),
    (("metadata.key", "eq", ("user",)), list(range(8))),
    (("metadata.key", "eq", ("USER",)), []),
    (("metadata.key", "eq", ("k",)), []),
    (("metadata.key", "eq", ('q"k',)), list(range(8))),
    (("metadata.key", "neq", ("user",)), [8]),
    (("metadata.key", "contains", ("se",)), list(range(8))),
    (("metadata.key", "contains", ("s%e",)), []),
    (("metadata.value", "eq", ("u3", "u4")), [3, 4]),
    (("metadata.value", "eq", ("u",)), []),
    (("metadata.value", "eq", ("7",)), [7]),
    (("metadata.value", "eq", ("true",)), list(range(8))),
    (("metadata.value", "eq", ('a\\b"c',)), list(range(8))),
    (("metadata.value", "neq", ("u3",)), [0, 1, 2, 4, 5, 6, 7, 8]),
    (("metadata.value", "contains", ("U2",)), [2]),
    (("metadata.value", "eq", ("u3",), "user"), [3]),
    (("metadata.value", "eq", ("u3",), "n"), []),
    (("metadata.value", "eq", ("3",), "n"), [3]),
]


async def test_filters(store, place, told):
    for condition, wanted in FILTERS:
        assert await _chosen(store, place, Condition(*condition)) == wanted, condition


async def test_models_longer_than_their_key_are_told_apart(store, samples, place):
    names = ["é" * 64, "é" * 64 + "x", "é" * 5000]
    await store.log.insert([samples.record(created_at=float(n), id=f"0-{n}", model=name) for n, name in enumerate(names)])
    for number, name in enumerate(names):
        assert await _chosen(store, place, Condition("model", "eq", (name,))) == [number]


async def test_filters_add_up_with_moments_and_search(store, place, told):
    odd = Condition("success", "eq", (False,))
    assert await _chosen(store, place, odd, Condition("provider", "eq", ("openai", "anthropic"))) == [1, 3, 7]
    assert await _chosen(store, place, odd, since=1003.0, before=1007.0) == [3, 5]
    assert await _chosen(store, place, search="U4") == [4]
    assert await _chosen(store, place, search='U4"') == [], "a quote is text, not where a value ends"
    assert await _chosen(store, place, search="_") == []
    assert await _chosen(store, place, since=1008.0) == [8]


async def test_text_is_found_as_it_was_written_whatever_its_case(store, samples, place):
    texts = ["C:\\temp", 'say "hi"', "two\nlines", "JOSÉ", "Straße 5%", "ПРИВЕТ", "tab\there", "plain"]
    entries = [
        samples.record(
            created_at=1000.0 + number,
            id=f"0000-{number}",
            metadata=orjson.dumps({"note": text}).decode(),
            model=text,
            path=text,
        )
        for number, text in enumerate(texts)
    ]
    await store.log.insert(entries)
    for number, text in enumerate(texts):
        for asked in (text, text.upper().replace("SSE", "ßE"), text.lower()):
            assert await _chosen(store, place, search=asked) == [number], asked
            for key in ("metadata.value", "model", "path"):
                assert await _chosen(store, place, Condition(key, "contains", (asked,))) == [number], (key, asked)
    assert await _chosen(store, place, search="jose") == []
    assert await _chosen(store, place, search="5_") == []


async def test_texts_that_no_database_stores_are_asked_for_safely(store, place, told):
    for text in ("\0", "\ud800", "'", '"; DROP TABLE records; --', "\\", "%" * 500, "é" * 900):
        for key in ("id", "model", "metadata.key", "metadata.value"):
            for operator in ("eq", "contains"):
                found = await _chosen(store, place, Condition(key, operator, (text,)))
                assert found in ([], list(range(8))) if text in "\\\"'" else found == [], (key, operator, text)
    poison = '{"a":"\\u0000","b":"\\ud800 {"}'
    await store.log.edit(*place, "0000-2", {"metadata": poison})
    assert await _chosen(store, place, Condition("metadata.key", "eq", ("a",))) == [2]
    assert await _chosen(store, place, Condition("metadata.value", "eq", ("\0",))) == [2]


@pytest.mark.parametrize(
    ("order_by", "ascending"),
    [
        ("created_at", [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("provider", [1, 4, 7, 2, 5, 8, 0, 3, 6]),
        ("success", [1, 3, 5, 7, 0, 2, 4, 6, 8]),
        ("cached", [0, 1, 2, 4, 5, 6, 7, 8, 3]),
        ("duration", list(range(9))),
        ("feedback", [5, 0, 1, 2, 3, 4, 6, 7, 8]),
    ],
)
async def test_orders_and_pages(store, place, told, order_by, ascending):
    for descending in (False, True):
        wanted = ascending[::-1] if descending else ascending
        query = LogQuery(order_by=order_by, descending=descending)
        for page in range(1, 5):
            found, count = await store.log.page(*place, query, Page(page=page, per_page=4))
            assert (_numbers(found), count) == (wanted[4 * (page - 1) : 4 * page], 9)


async def test_every_page_is_found_by_the_hours_counts(store, samples, place):
    """Against a plain list: pages of all depths, both directions, ranges that cut hours in two."""
    draw = random.Random(5)
    moments = [draw.choice((0, 1, 5, 6, 40)) * HOUR + draw.randrange(0, 36) * 100.0 for _ in range(150)]
    entries = [samples.record(created_at=moment, id=uuid7(moment)) for moment in moments]
    await store.log.insert(entries[:90])
    await store.log.insert([*entries[60:], *entries[:5]])
    for since, before in ((None, None), (HOUR, 6 * HOUR), (150.0, None), (None, 40 * HOUR + 1801), (700.0, 5 * HOUR + 350)):
        query_range = {"since": since, "before": before}
        inside = [e for e in entries if (since or 0) <= e.created_at < (before or 1e9)]
        for descending in (True, False):
            ordered = sorted(inside, key=lambda e: (e.created_at, e.id), reverse=descending)
            for number in range(1, 24):
                page = Page(page=number, per_page=7)
                found, count = await store.log.page(*place, LogQuery(**query_range, descending=descending), page)
                assert [entry.record for entry in found] == ordered[7 * (number - 1) : 7 * number]
                assert count == len(inside)
    assert await store.log.page(*place, EVERYTHING, Page(page=2**40, per_page=50)) == ([], 150)


async def test_a_filtered_total_stops_counting_at_its_ceiling(store, samples, place, monkeypatch):
    monkeypatch.setattr("gateway.store.log_pages.COUNT_CEILING", 10)
    await store.log.insert([samples.record(created_at=float(number)) for number in range(40)])
    query = LogQuery(conditions=(Condition("provider", "eq", ("openai",)),))
    totals = [(await store.log.page(*place, query, Page(page=page, per_page=4)))[1] for page in (1, 5, 9, 10, 11)]
    assert totals == [11, 27, 40, 40, 40], "one more than the ceiling stands for more"


async def test_an_edit_changes_what_it_names(store, place, told):
    before = await store.log.get(*place, "0000-5")
    assert before == LogEntry(told[5], feedback=-1, score=12.5)
    await store.log.edit(*place, "0000-5", {"feedback": None})
    await store.log.edit(*place, "0000-5", {})
    assert await store.log.get(*place, "0000-5") == LogEntry(told[5], feedback=None, score=12.5)
    await store.log.edit(*place, "0000-5", {"metadata": '{"a":1}'})
    assert (await store.log.get(*place, "0000-5")).record == told[5]._replace(metadata='{"a":1}')
    await store.log.edit(place[0], "other", "0000-4", {"feedback": 1})
    assert await store.log.get(*place, "0000-4") == LogEntry(told[4])
    await store.log.insert(told)
    assert (await store.log.get(*place, "0000-5")).record.metadata == '{"a":1}', "a batch tried again undoes no edit"


def _bodies(place, record_id, request=b"\0req\xff", response=b"r" * 100):
    return LogBodies(record_id, *place, request, response, True, False)


async def test_bodies_follow_their_record(store, place, told):
    mine, orphan = _bodies(place, "0000-1"), _bodies(place, "9999")
    elsewhere = _bodies((place[0], "other"), "0000-2")
    await store.log.insert_bodies([mine, orphan, elsewhere, _bodies(place, "0000-3", b"", b"")])
    await store.log.insert_bodies([mine._replace(request=b"late")])
    await store.log.insert_bodies([])
    assert await store.log.bodies(*place, "0000-1") == mine
    assert await store.log.bodies(*place, "0000-3") == _bodies(place, "0000-3", b"", b"")
    assert await store.log.bodies(*place, "9999") is None
    assert await store.log.bodies(*place, "0000-2") is None
    assert await store.log.bodies(place[0], "other", "0000-1") is None
    assert await store.log.bodies(*place, "0000-1", 5) == mine._replace(response=b"rrrrr", request_complete=True)
    assert await store.log.bodies(*place, "0000-1", 3) == mine._replace(
        request=b"\0re", response=b"rrr", request_complete=False, response_complete=False
    )
    await store.log.delete(*place, ["0000-1"])
    assert await store.log.bodies(*place, "0000-1") is None
    await store.log.insert([told[1]])
    assert await store.log.bodies(*place, "0000-1") is None, "they were deleted, not only hidden"


async def test_deleted_records_are_not_counted(store, samples, place, told):
    await store.log.delete(*place, ["0000-0", "0000-8", "none"])
    await store.log.delete(place[0], "other", ["0000-1"])
    assert await store.log.counts() == {place: 7}
    assert await store.log.delete_oldest(*place, 2) == 2
    found, count = await store.log.page(*place, EVERYTHING, Page(page=2, per_page=3))
    assert (_numbers(found), count) == ([4, 3], 5)
    assert await store.log.delete_oldest(*place, 50) == 5
    assert await store.log.counts() == {}


async def test_a_purge_hides_at_once_and_deletes_in_batches(store, samples, place, told):
    await store.log.insert_bodies([_bodies(place, "0000-7")])
    await store.log.purge(*place)
    later = samples.record(created_at=2000.0, id="later")
    await store.log.insert([later])

    async def seen():
        found, count = await store.log.page(*place, EVERYTHING, Page(page=1, per_page=50))
        assert count == len(found)
        assert (await store.log.page(*place, EVERYTHING, Page(page=2, per_page=1)))[1] == count
        assert await store.log.find(*place, EVERYTHING, 50) == [entry.record.id for entry in found]
        return [entry.record.id for entry in found]

    assert await seen() == ["later"]
    assert await store.log.get(*place, "0000-7") is None
    assert await store.log.bodies(*place, "0000-7") is None
    assert await store.log.purges() == [place]
    assert [await store.log.purge_batch(*place, 4) for _ in range(4)] == [4, 4, 1, 0]
    assert (await store.log.purges(), await store.log.counts(), await seen()) == ([], {place: 1}, ["later"])
    await store.log.purge(place[0], "empty")
    assert await store.log.purges() == []


@pytest.mark.parametrize(("before", "left"), [(None, []), (1000.0, list(range(9))), (1005.0, [5, 6, 7, 8]), (2000.0, [])])
async def test_a_purge_ends_before_a_moment(store, place, told, before, left):
    await store.log.purge(*place, before)
    found, count = await store.log.page(*place, EVERYTHING, Page(page=1, per_page=50))
    assert (sorted(_numbers(found)), count) == (left, len(left))


async def test_a_deleted_gateways_log_is_gone_at_once_and_does_not_come_back(store, samples, place, told):
    await store.gateways.insert(samples.gateway())
    await store.log.insert([samples.record(gateway_id="other", id="o")])
    await store.gateways.delete(*place)
    await store.gateways.insert(samples.gateway())
    assert await store.log.page(*place, EVERYTHING, Page()) == ([], 0)
    assert await store.log.purge_batch(*place, 100) == 9
    assert await store.log.counts() == {(place[0], "other"): 1}
