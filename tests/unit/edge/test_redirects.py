"""Where a provider's `Location` leads: to the gateway's URL of the same place, or nowhere."""

import pytest

from gateway.edge.redirects import leading_lines
from gateway.edge.targeting import split_url
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.targets import Provider, Target
from gateway.providers import registry

CUSTOM = registry.custom("mine", "https://mine.example/base")
BARE = registry.custom("mine", "https://mine.example:8443")
OPENAI, CEREBRAS = registry.find("openai"), registry.find("cerebras")
assert OPENAI is not None
assert CEREBRAS is not None


def line(provider: Provider, location: bytes, *, base: str | None = None, asked: str = "models") -> bytes:
    base = provider.base_url if base is None else base
    origin, path = split_url(f"{base or 'https://res.openai.azure.com'}/{asked}")
    target = Target(provider=provider, origin=origin, path=path, credential=provider.credential, base=base)
    return leading_lines(Route(Surface.PROVIDER_NATIVE, "a", "g", "as-spelt", asked), target, ((b"location", location),))


@pytest.mark.parametrize(
    ("provider", "location", "tail"),
    [
        (CUSTOM, b"https://mine.example/base/models/", "models/"),
        (CUSTOM, b"https://MINE.example:443/base/models/", "models/"),
        (CUSTOM, b"/base/models/?page=2&x=%2F", "models/?page=2&x=%2F"),
        (CUSTOM, b"models/", "models/"),
        (CUSTOM, b"?page=2", "models?page=2"),
        (CUSTOM, b"//mine.example/base/a%20b", "a%20b"),
        (CUSTOM, b"/base/x#fragment", "x"),
        (CUSTOM, b"/base/", ""),
        (BARE, b"https://mine.example:8443/anything", "anything"),
        (BARE, b"/", ""),
        (OPENAI, b"https://api.openai.com/v1/files/1", "files/1"),
        (CEREBRAS, b"/v1/files/1", "v1/files/1"),
    ],
)
def test_what_lies_below_the_base_leads_to_us(provider: Provider, location: bytes, tail: str) -> None:
    assert line(provider, location) == f"location: /v1/a/g/as-spelt/{tail}\r\n".encode()


@pytest.mark.parametrize(
    ("provider", "location"),
    [
        (CUSTOM, b"https://evil.example/base/models"),
        (CUSTOM, b"https://mine.example.evil.example/base/x"),
        (CUSTOM, b"//evil.example/base/models"),
        (CUSTOM, b"http://mine.example/base/models"),
        (CUSTOM, b"https://mine.example:444/base/models"),
        (CUSTOM, b"https://user@mine.example/base/models"),
        (CUSTOM, b"https://mine.example@evil.example/base/models"),
        (CUSTOM, b"https://mine.example\\@evil.example/base"),
        (CUSTOM, b"/\\evil.example/base/x"),
        (CUSTOM, b"/base"),
        (CUSTOM, b"/basement/x"),
        (CUSTOM, b"/other"),
        (CUSTOM, b"/base/../other"),
        (CUSTOM, b"/base/%2e%2e/other"),
        (CUSTOM, b"/base//evil.example/x"),
        (CUSTOM, b"javascript:alert(1)"),
        (CUSTOM, b"data:text/html,x"),
        (CUSTOM, b"https://[::1/base/x"),
        (CUSTOM, b"/base/a b"),
        (CUSTOM, b"/base/\xc3\xa4"),
        (CUSTOM, b""),
        (BARE, b"//evil.example"),
        (OPENAI, b"https://api.openai.com/v1/v1/x"),
        (OPENAI, b"https://api.openai.com/other"),
        (CEREBRAS, b"/files/1"),
    ],
)
def test_anything_else_leads_nowhere(provider: Provider, location: bytes) -> None:
    assert line(provider, location) == b""


def test_without_a_native_url_there_is_no_other() -> None:
    assert line(CUSTOM, b"/base/x", base="") == b"", "a host that the path names"
    target = Target(
        provider=CUSTOM, origin=split_url(CUSTOM.base_url)[0], path="/x", credential=CUSTOM.credential, base=CUSTOM.base_url
    )
    for route in (
        None,
        Route(Surface.COMPAT, "a", "g", endpoint=Endpoint.CHAT),
        Route(Surface.REST_V1, "a", endpoint=Endpoint.CHAT),
    ):
        assert leading_lines(route, target, ((b"location", b"/base/x"),)) == b""


@pytest.mark.parametrize("name", [b"operation-location", b"azure-asyncoperation"])
def test_addresses_to_poll_lead_like_location(name: bytes) -> None:
    target = Target(
        provider=CUSTOM, origin=split_url(CUSTOM.base_url)[0], path="/x", credential=CUSTOM.credential, base=CUSTOM.base_url
    )
    route = Route(Surface.PROVIDER_NATIVE, "a", "g", "as-spelt", "x")
    leads = ((b"location", b"https://evil.example/"), (name, b"https://mine.example/base/operations/1?api-version=2"))
    assert leading_lines(route, target, leads) == name + b": /v1/a/g/as-spelt/operations/1?api-version=2\r\n"
