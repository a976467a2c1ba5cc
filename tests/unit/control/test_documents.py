"""Settings as JSON: the fields that are made, and that no secret is among them."""

from dataclasses import replace

import orjson
from fakes.settings import CUSTOM, GATEWAY, KEY

from gateway.control.documents import account_json, custom_provider_json, gateway_json, key_json, token_json
from gateway.model.stored import Account
from gateway.model.tokens import Token

TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"d" * 32, status="active", policies=[], condition=None,
    issued_on=1, modified_on=1, older_digest=b"o" * 32, expires_on=2.0,
)  # fmt: skip


def test_made_fields() -> None:
    account = account_json(Account(id="a", name="A", created_at=0))
    assert (account["id"], account["name"], account["created_on"]) == ("a", "A", "1970-01-01T00:00:00.000Z")
    gateway = gateway_json(replace(GATEWAY, id="default"))
    assert (gateway["is_default"], gateway["account_tag"], gateway["modified_at"]) == (True, "a", "1970-01-01T00:00:01.000Z")
    assert (token_json(TOKEN)["expires_on"], token_json(TOKEN)["not_before"]) == ("1970-01-01T00:00:02.000Z", None)


def test_no_secret_is_shown() -> None:
    key = orjson.dumps(key_json(replace(KEY, sealed=b"sealed", preview="sk-…")))
    custom = orjson.dumps(custom_provider_json(replace(CUSTOM, sealed_headers=b"sealed"), {"X-Key": "hidden"}))
    for document in (key, custom, orjson.dumps(token_json(TOKEN))):
        assert b"sealed" not in document
        assert b"hidden" not in document
        assert b"dddd" not in document
    assert b'{\\"X-Key\\":\\"***\\"}' in custom
    assert custom_provider_json(CUSTOM, {})["headers"] is None
