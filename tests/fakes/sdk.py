"""What every contract test with an official client asserts: what the provider got, and that streams arrive piece by piece."""

from collections.abc import Iterator
from typing import Any, TypeVar

from fakes.provider import FakeProvider, Gate, Received
from fakes.service import Service, Token

T = TypeVar("T")

OWN_KEY = "sk-the-clients-own"
STORED_KEYS = {
    "openai": "sk-stored-openai",
    "anthropic": "sk-ant-stored",
    "google-ai-studio": "AIza-stored",
    "groq": "gsk-stored",
}

UNKNOWN_TOKEN = "agw_" + "0" * 49
"""Of the right length, but not ours."""

NEVER_SENT = ("cookie", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "proxy-authorization", "via")


def assert_clean(received: Received, *tokens: Token) -> None:
    """Nothing of the gateway's own reached the provider: no control header, no credential, no trace of the client's way."""
    foreign = [name for name in received.names if name.startswith(("cf-", "x-auth-")) or name in NEVER_SENT]
    assert foreign == []
    sent = received.target + "\n" + "\n".join(value for _, value in received.headers) + "\n" + received.body.decode("latin-1")
    for token in tokens:
        assert token.value not in sent, "the gateway's token reached the provider"


def assert_forwarded(
    upstream: FakeProvider, token: Token, *, path: str, model: str | None = None, key: str = OWN_KEY
) -> Received:
    """Exactly one request reached the provider: clean, on this path, with this model and this key as bearer."""
    received = upstream.only
    assert_clean(received, token)
    assert received.path == path
    assert received.header("authorization") == f"Bearer {key}"
    if model is not None:
        assert received.json()["model"] == model
    return received


def one_by_one(gate: Gate, stream: Iterator[T], count: int) -> list[T]:
    """The items of a stream, where the provider sends each one only after the client has the one before."""
    seen = []
    for _ in range(count):
        gate.open()
        seen.append(next(stream))
    gate.open_wide()
    return seen


def store_keys(service: Service, gateway_id: str) -> None:
    for provider, secret in STORED_KEYS.items():
        service.management.store_key(gateway_id, provider, secret)


def cloudflare_codes(body: Any) -> list[int]:
    """The codes in an error body, of either shape (specification section 19.1)."""
    listed = body if isinstance(body, list) else body.get("errors") or body.get("error")
    return [entry["code"] for entry in listed]
