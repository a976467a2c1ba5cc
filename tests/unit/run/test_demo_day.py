from collections import Counter

from gateway.run.demo_day import DAY_S, MADE_UP, REQUESTS, a_day

NOW = 1_790_000_000.0


def test_a_day_of_requests_by_every_provider_of_the_demo() -> None:
    records, _ = a_day("a" * 32, NOW)
    assert len(records) == len({record.id for record in records}) == REQUESTS
    assert [record.created_at for record in records] == sorted(record.created_at for record in records)
    assert all(NOW - DAY_S < record.created_at < NOW for record in records)
    assert {record.provider for record in records} == {"openai", "anthropic", "google-ai-studio"}
    assert {record.user_agent for record in records} == {MADE_UP}
    hours = Counter(int((record.created_at - NOW + DAY_S) // 3600) for record in records)
    assert set(hours) == set(range(24))


def test_what_went_well_has_a_price_and_what_failed_a_cause() -> None:
    records, _ = a_day("a" * 32, NOW)
    good, bad = [one for one in records if one.success], [one for one in records if not one.success]
    assert all(one.cost and one.tokens_in and one.tokens_out and not one.error_cause for one in good)
    assert all(one.cost is None and one.error_code and one.error_message and one.error_cause for one in bad)
    assert 0.01 < len(bad) / len(records) < 0.15
    assert {"timeout", "closed", "client_gone", "provider_error"} <= {one.error_cause for one in bad}


def test_bodies_belong_to_records() -> None:
    records, bodies = a_day("a" * 32, NOW)
    assert bodies
    assert {body.id for body in bodies} <= {record.id for record in records}
    assert all(body.request and body.response for body in bodies)
