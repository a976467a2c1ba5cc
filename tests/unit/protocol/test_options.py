"""Request options (specification section 3.1): each field with good, extreme and unreadable values."""

import dataclasses
from typing import Any

import orjson
import pytest

from gateway.model import bounds
from gateway.model.tokens import mint_token
from gateway.protocol.options import NO_OPTIONS, RequestOptions

IGNORED = object()
LONG = "x" * 1025


def read(**fields: str | bytes) -> RequestOptions:
    return read_fields({name.replace("_", "-"): value for name, value in fields.items()})


def read_fields(fields: dict[str, str | bytes]) -> RequestOptions:
    return RequestOptions.read(
        {name.encode(): value.encode() if isinstance(value, str) else value for name, value in fields.items()}
    )


BOOLEANS: list[tuple[str | bytes, Any]] = [
    ("true", True), ("false", False), ("TRUE", True), ("False", False),
    ("", IGNORED), ("1", IGNORED), ("0", IGNORED), ("yes", IGNORED), ("truee", IGNORED), ("null", IGNORED), (b"\xff", IGNORED),
]  # fmt: skip
TEXTS: list[tuple[str | bytes, Any]] = [
    ("a", "a"), ("x" * 1024, "x" * 1024), ("grüße", "grüße"), ("a b", "a b"), ("", IGNORED), (LONG, IGNORED), (b"\xff",
    IGNORED),
]  # fmt: skip
TTLS: list[tuple[str | bytes, Any]] = [
    ("0", 0), ("60", 60), ("2592000", 2_592_000), ("0060", 60),
    ("1", IGNORED), ("59", IGNORED), ("2592001", IGNORED), ("-60", IGNORED), ("+60", IGNORED), ("60.0", IGNORED), ("6e1",
    IGNORED),
    ("60s", IGNORED), (" 60", IGNORED), ("", IGNORED), ("9" * 13, IGNORED), ("٦٠", IGNORED), ("1_000", IGNORED),
]  # fmt: skip

TABLE: dict[str, tuple[str, list[tuple[str | bytes, Any]]]] = {
    "cf-aig-gateway-id": ("gateway_id", [
        ("g1", "g1"), ("default", "default"), ("A_b-9", "A_b-9"), ("x" * 64, "x" * 64),
        ("", IGNORED), ("x" * 65, IGNORED), ("a b", IGNORED), ("a/b", IGNORED), ("ä", IGNORED), ("g1\n", IGNORED),
        ("a.b", IGNORED),
    ]),
    "cf-aig-skip-cache": ("skip_cache", BOOLEANS),
    "cf-skip-cache": ("skip_cache", BOOLEANS),
    "cf-aig-cache-ttl": ("cache_ttl_s", TTLS),
    "cf-cache-ttl": ("cache_ttl_s", TTLS),
    "cf-aig-cache-key": ("cache_key", TEXTS),
    "cf-aig-collect-log": ("collect_log", BOOLEANS),
    "cf-aig-collect-log-payload": ("collect_log_payload", BOOLEANS),
    "cf-aig-event-id": ("event_id", TEXTS),
    "cf-aig-request-timeout": ("request_timeout_ms", [
        ("1", 1), ("500", 500), ("86400000", 86_400_000),
        ("0", IGNORED), ("-1", IGNORED), ("86400001", IGNORED), ("1.5", IGNORED), ("", IGNORED), ("soon", IGNORED),
    ]),
    "cf-aig-max-attempts": ("max_attempts", [
        ("1", 1), ("5", 5), ("0", IGNORED), ("6", IGNORED), ("-1", IGNORED), ("1.0", IGNORED), ("", IGNORED), ("five", IGNORED),
    ]),
    "cf-aig-retry-delay": ("retry_delay_ms", [
        ("0", 0), ("5000", 5000), ("60000", 60_000), ("60001", IGNORED), ("-1", IGNORED), ("1e3", IGNORED), ("", IGNORED),
    ]),
    "cf-aig-backoff": ("backoff", [
        ("constant", "constant"), ("linear", "linear"), ("exponential", "exponential"),
        ("quadratic", IGNORED), ("Linear", IGNORED), ("", IGNORED),
    ]),
    # An alias that nobody has must be refused later (code 2040), not replaced by the default one: so odd ones stay, harmless.
    "cf-aig-byok-alias": ("byok_alias", [("default", "default"), ("key_2", "key_2"), ("a b", "?"), ("", "?"), ("x" * 65, "?")]),
    "cf-aig-zdr": ("zdr", BOOLEANS),
    "cf-aig-otel-trace-id": ("otel_trace_id", [
        ("0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
        ("0" * 32, IGNORED), ("a" * 31, IGNORED), ("a" * 33, IGNORED), ("g" * 32, IGNORED), ("", IGNORED),
    ]),
    "cf-aig-otel-parent-span-id": ("otel_parent_span_id", [
        ("b7ad6b7169203331", "b7ad6b7169203331"), ("0" * 16, IGNORED), ("a" * 15, IGNORED), ("a" * 17, IGNORED), ("", IGNORED),
    ]),
    "x-fal-target-url": ("fal_target_url", [("https://fal.run/fal-ai/x", "https://fal.run/fal-ai/x"), ("", IGNORED),
    (LONG, IGNORED)]),
    "cf-aig-custom-cost": ("custom_cost", [
        ('{"total_cost": 1.5}', '{"total_cost":1.5}'),
        ('{"total_cost": 0}', '{"total_cost":0.0}'),
        ('{"per_token_in": 1e-6, "per_token_out": 2}', '{"per_token_in":1e-6,"per_token_out":2.0}'),
        (
            '{"per_token_in":1,"per_token_out":2,"per_cache_read_token":0.5,"per_cache_write_token":3,"other":9}',
            '{"per_token_in":1.0,"per_token_out":2.0,"per_cache_read_token":0.5,"per_cache_write_token":3.0}',
        ),
        ('{"per_token_in": 1}', IGNORED), ('{"per_token_out": 1}', IGNORED), ('{"per_cache_read_token": 1}', IGNORED),
        ('{"total_cost": -1}', IGNORED), ('{"total_cost": "1"}', IGNORED), ('{"total_cost": true}', IGNORED),
        ('{"total_cost": null}', IGNORED), ('{"per_token_in": 1, "per_token_out": -2}', IGNORED),
        ("{}", IGNORED), ("[]", IGNORED), ("1.5", IGNORED), ("", IGNORED), ("{", IGNORED), ('{"total_cost": NaN}', IGNORED),
        ('{"total_cost": 1e999}', IGNORED), ('{"total_cost": 1e6}', '{"total_cost":1000000.0}'),
        ('{"total_cost": 1000001}', IGNORED), ('{"total_cost": 1e308}', IGNORED), (f'{{"total_cost": {10**400}}}', IGNORED),
        ('{"per_token_in": 1e308, "per_token_out": 1}', IGNORED), ('{"per_token_in": 1, "per_token_out": 1001}', IGNORED),
        (b'{"total_cost": \xff}', IGNORED),
    ]),
}  # fmt: skip
ROWS = [(name, field, value, expected) for name, (field, rows) in TABLE.items() for value, expected in rows]


@pytest.mark.parametrize(("name", "field", "value", "expected"), ROWS)
def test_each_field(name: str, field: str, value: str | bytes, expected: Any) -> None:
    options = read_fields({name: value})
    if expected is IGNORED:
        assert options is NO_OPTIONS
    else:
        assert options == dataclasses.replace(NO_OPTIONS, **{field: expected})


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("1", False), ("", False), ("TRUE", True)])
def test_no_wholesale_is_off_unless_asked_for(value: str, expected: bool) -> None:
    assert read(cf_aig_no_wholesale=value).no_wholesale is expected


def test_every_option_has_a_row_here() -> None:
    covered = {field for field, _ in TABLE.values()} | {"metadata", "no_wholesale"}
    assert covered == {field.name for field in dataclasses.fields(RequestOptions)}


def test_nothing_asked_is_the_shared_empty_value() -> None:
    assert RequestOptions.read({}) is NO_OPTIONS
    assert read(cf_aig_authorization="Bearer t", cf_ray="1", cf_aig_unknown="1") is NO_OPTIONS


@pytest.mark.parametrize("order", [1, -1])
def test_new_names_win_over_deprecated_ones(order: int) -> None:
    fields = [
        ("cf-cache-ttl", "60"),
        ("cf-aig-cache-ttl", "120"),
        ("cf-skip-cache", "true"),
        ("cf-aig-skip-cache", "false"),
    ][::order]
    options = read_fields(dict(fields))
    assert (options.cache_ttl_s, options.skip_cache) == (120, False)


@pytest.mark.parametrize("order", [1, -1])
def test_an_unreadable_new_name_leaves_the_deprecated_one(order: int) -> None:
    options = read_fields(dict([("cf-cache-ttl", "60"), ("cf-aig-cache-ttl", "soon")][::order]))
    assert options.cache_ttl_s == 60


def test_one_bad_field_spoils_no_other() -> None:
    options = read(cf_aig_max_attempts="9", cf_aig_retry_delay="100", cf_aig_metadata="{", cf_aig_backoff="linear")
    assert options == RequestOptions(retry_delay_ms=100, backoff="linear")


# --- metadata ----------------------------------------------------------------------------------------


def metadata(text: str | bytes) -> dict[str, Any] | None:
    kept = read_fields({"cf-aig-metadata": text}).metadata
    return None if kept is None else orjson.loads(kept)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"user": "u1"}', {"user": "u1"}),
        ('{"s": "a", "i": 1, "f": 1.5, "b": true, "n": null}', {"s": "a", "i": 1, "f": 1.5, "b": True, "n": None}),
        ('{"nested": {"a": 1}, "list": [1], "flat": 1}', {"flat": 1}),
        ('{"cf.user": "forged", "cf.": 1, "cf": 2, "cfx": 3}', {"cf": 2, "cfx": 3}),
        ('{"": "empty key"}', {"": "empty key"}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"big": 18446744073709551615}', {"big": 2**64 - 1}),
        ('{"ü": "ß"}', {"ü": "ß"}),
        ("{}", None),
        ('{"nested": {}}', None),
        ('{"cf.a": 1}', None),
        ("[1]", None),
        ('"text"', None),
        ("null", None),
        ("", None),
        ("{", None),
        ("user=u1", None),
        ('{"a": "\\ud800"}', None),
        (b'{"user": "Jos\xe9"}', {"user": "José"}),
        (b'{"a": "\xff"', None),
        ("[" * 5000, None),
    ],
)
def test_metadata_is_flat(text: str | bytes, kept: dict[str, Any] | None) -> None:
    assert metadata(text) == kept


def test_of_seven_entries_the_first_five_stay_in_order() -> None:
    given = {f"k{number}": number for number in (7, 3, 5, 1, 6, 2, 4)}
    kept = metadata(orjson.dumps(given).decode())
    assert kept is not None
    assert list(kept.items()) == list(given.items())[:5]


def test_dropped_entries_take_no_place() -> None:
    given = {"cf.a": 0, "nested": {}, "a": 1, "b": 2, "list": [], "c": 3, "d": 4, "e": 5, "f": 6}
    assert metadata(orjson.dumps(given).decode()) == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_metadata_is_bounded_and_shows_no_token_of_ours() -> None:
    token = mint_token()
    given = {"k" * 40_000: "v" * 40_000, token: f"x {token}", "n": 2**63, "f": 1e308}
    kept = orjson.loads(RequestOptions.read({b"cf-aig-metadata": orjson.dumps(given)}).metadata or "")
    assert kept == {"k" * bounds.METADATA_KEY: "v" * bounds.METADATA_VALUE, "agw_***": "x agw_***", "n": 2**63, "f": 1e308}


def test_an_event_id_shows_no_token_of_ours() -> None:
    assert RequestOptions.read({b"cf-aig-event-id": f"t-{mint_token()}".encode()}).event_id == "t-agw_***"


def test_what_is_stored_or_summed_up_does_not_count_for_a_stranger() -> None:
    given = read(**{
        "cf-aig-collect-log": "false", "cf-aig-collect-log-payload": "true", "cf-aig-metadata": '{"user":"ann"}',
        "cf-aig-custom-cost": '{"total_cost":5}', "cf-aig-event-id": "e", "cf-aig-request-timeout": "500",
    })  # fmt: skip
    assert given.of_stranger() == RequestOptions(collect_log=False, event_id="e", request_timeout_ms=500)
    assert NO_OPTIONS.of_stranger() == NO_OPTIONS
