"""Promises: every kind of credential, on or off, on both trees: the exact status and shape, and nothing at the provider when it
is refused (16); whatever bytes a token is made of, nobody is asked about them (13).
"""

from typing import NamedTuple

import pytest
from fakes.edge import ACCOUNT, RunningEdge, gateway, key, runner
from fakes.injections import INJECTIONS
from fakes.provider import FakeProvider

from gateway.link.frames import Patch, Revoke
from gateway.model.tokens import Permission, mint_token

BODY = b'{"model":"openai/m","messages":[]}'
FIELDS = {"native": "cf-aig-authorization", "rest": "Authorization"}
SHAPES = {
    "native": {"success", "result", "messages", "error", "name", "httpCode", "internalCode", "message", "description"},
    "rest": {"success", "result", "messages", "errors", "error"},
}


class Row(NamedTuple):
    kind: str
    on: int
    off: int
    rest: int


ROWS = [
    Row("absent", 401, 200, 401),
    Row("empty", 401, 200, 401),
    Row("malformed", 401, 200, 401),
    Row("wrong scheme", 401, 200, 401),
    Row("duplicate", 400, 400, 400),
    Row("over 8 KB", 401, 200, 401),
    Row("over 64 KB", 431, 431, 431),
    Row("valid", 200, 200, 200),
    Row("expired", 401, 200, 401),
    Row("revoked", 401, 200, 401),
    Row("another gateway's", 401, 200, 401),
]


async def values(edge: RunningEdge, kind: str, target: str, field: str) -> list[str]:
    """The field's values, one for each time it comes; what is revoked was in use before."""
    valid = edge.admit()
    elsewhere = runner(grants={ACCOUNT: {Permission.RUN: frozenset({"elsewhere"})}})
    if kind == "revoked":
        used = {"Authorization": "Bearer sk-own", field: f"Bearer {valid}"}
        assert (await edge.ask("POST", target, used, BODY)).status == 200
        edge.link.principals.clear()
        edge.link.deliver(Revoke(edge.digest(valid)))
    return {
        "absent": [],
        "empty": [""],
        "malformed": ["Bearer undefined"],
        "wrong scheme": [f"Basic {valid}"],
        "duplicate": [f"Bearer {valid}", f"Bearer {valid}"],
        "over 8 KB": [f"Bearer {valid}{'x' * 8192}"],
        "over 64 KB": [f"Bearer {valid}{'x' * 65_536}"],
        "valid": [f"Bearer {valid}"],
        "expired": [f"Bearer {edge.admit(runner(expires_on=1.0))}"],
        "revoked": [f"Bearer {valid}"],
        "another gateway's": [f"Bearer {edge.admit(elsewhere)}"],
    }[kind]


@pytest.mark.parametrize("authentication", [True, False], ids=["on", "off"])
@pytest.mark.parametrize("tree", ["native", "rest"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.kind)
async def test_every_credential(edge: RunningEdge, provider: FakeProvider, row: Row, tree: str, authentication: bool) -> None:
    entry = gateway("default", authentication=authentication, keys=[key("openai", "sk-stored")])
    edge.link.deliver(Patch(2, gateways=(entry,)))
    target = edge.native("default", "openai/x") if tree == "native" else edge.rest("v1/chat/completions")
    presented = await values(edge, row.kind, target, FIELDS[tree])
    seen = len(provider.requests)
    # A stored key is for who was let in: on an open gateway the request brings its own.
    own = [("Authorization", "Bearer sk-own")] if tree == "native" else []
    answer = await edge.ask("POST", target, [*((FIELDS[tree], value) for value in presented), *own], BODY)
    assert answer.status == (row.rest if tree == "rest" else row.on if authentication else row.off)
    assert len(provider.requests) - seen == (answer.status == 200)
    if answer.status == 401:
        told = answer.json()
        assert (told["success"], told.keys()) == (False, SHAPES[tree])
        assert (told["internalCode"] if tree == "native" else told["errors"][0]["code"]) == (
            2009 if tree == "native" else 10000
        )
    elif answer.status in (400, 431):
        assert not answer.json()["success"]
        assert answer.header("connection") == "close"


HOSTILE = {
    "injections": [text for text in INJECTIONS if text.isascii() and text.isprintable()],
    "of our shape": [mint_token()[:-6] + tail for tail in ("'--abc", '";a;b;', "%00%00", "\\x00ab", "OR 1=1")],
    "no UTF-8": ["\xff\xfe" * 26, mint_token()[:-1] + "\xe9", "\x80"],
    "controls": ["a\x00b", mint_token() + "\x00", "\x01", "a\x7fb"],
    "long": ["x" * 8192, mint_token() * 150, mint_token() * 1100],
    "too long": ["x" * 65_536, mint_token() * 1300],
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("tree", ["native", "rest"])
async def test_nobody_is_asked_about_bytes_that_are_no_token(
    edge: RunningEdge, provider: FakeProvider, kind: str, tree: str
) -> None:
    target = edge.native("g1", "openai/x") if tree == "native" else edge.rest("v1/chat/completions")
    for text in HOSTILE[kind]:
        answer = await edge.ask("POST", target, {FIELDS[tree]: f"Bearer {text}"}, BODY)
        assert answer.status == {"controls": 400, "too long": 431}.get(kind, 401), text
    assert edge.link.asked == []
    assert provider.connections == []
