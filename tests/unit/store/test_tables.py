from dataclasses import fields

import pytest
from sqlalchemy.dialects import sqlite

from gateway.model.gateways import Gateway
from gateway.model.records import LogRecord
from gateway.model.stored import Account, StoredCustomProvider, StoredKey
from gateway.model.tokens import Token
from gateway.store import tables


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (tables.accounts, Account),
        (tables.gateways, Gateway),
        (tables.tokens, Token),
        (tables.provider_keys, StoredKey),
        (tables.custom_providers, StoredCustomProvider),
    ],
)
def test_columns_are_the_fields(table, kind):
    assert [column.name for column in table.columns] == [field.name for field in fields(kind)]
    optional = {field.name for field in fields(kind) if "None" in str(field.type)}
    assert {column.name for column in table.columns if column.nullable} == optional


def test_log_columns_are_the_record_in_order():
    said_later = ("feedback", "score", "model_key")
    assert tuple(column.name for column in tables.records.columns) == (*LogRecord._fields, *said_later)
    optional = {name for name, kind in LogRecord.__annotations__.items() if "None" in str(kind)} | {*said_later}
    assert {column.name for column in tables.records.columns if column.nullable} == optional


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        (None, None),
        ("", ""),
        ("plain", "plain"),
        ("ü😀\n\x01", "ü😀\n\x01"),
        ("a\0b", "a\ufffdb"),
        ("\ud800\udfff", "\ufffd\ufffd"),
    ],
)
def test_text_is_bound_storable(given, bound):
    assert tables.CleanText().process_bind_param(given, sqlite.dialect()) == bound


@pytest.mark.parametrize(
    ("given", "bound"),
    [(None, None), (0, 0), (-5, -5), (2**63 - 1, 2**63 - 1), (2**63, 2**63 - 1), (10**400, 2**63 - 1), (-(10**400), 1 - 2**63)],
)
def test_integers_are_bound_within_64_bits(given, bound):
    assert tables.Whole().process_bind_param(given, sqlite.dialect()) == bound
