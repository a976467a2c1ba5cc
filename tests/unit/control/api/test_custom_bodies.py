import pytest
from pydantic import ValidationError

from gateway.control.api.custom_bodies import ProviderBody, address_problem, headers_of


@pytest.mark.parametrize(
    "url",
    [
        "https://llm.example.com",
        "https://llm.example.com:8443/base",
        "https://8.8.8.8",
        "https://[2606:4700::1111]/",
        "HTTPS://x.example",
        "https://xn--strae-oqa.example",
        "https://xn--ls8h.example",
        "https://ab--c.example",
        "https://my_host.example",
        "https://llm.example.com.",
        "https://llm.example.com:65535",
        "https://" + "a" * 63 + ".example",
        "https://1a.example",
    ],
)
def test_public_addresses_are_taken(url: str) -> None:
    assert address_problem(url, allow_private=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "llm.example.com",
        "http://llm.example.com",
        "file:///etc/passwd",
        "https://",
        "https://user@llm.example.com",
        "https://:pw@llm.example.com",
        "https://llm.example.com/?a=b",
        "https://llm.example.com/#f",
        "https://llm.example.com\\@evil.example",
        "https://llm.example.com/a b",
        "https://llm.example.com/\r\nx",
        "https://llm.example.com:0x50",
        "https://127.0.0.1",
        "https://10.1.2.3",
        "https://192.168.0.1",
        "https://169.254.169.254",
        "https://0",
        "https://0.0.0.0",
        "https://2130706433",
        "https://0177.0.0.1",
        "https://0x7f000001",
        "https://127.1",
        "https://127.0.0.1.",
        "https://[::1]",
        "https://[fe80::1]",
        "https://[fd00::1]",
        "https://[::ffff:169.254.169.254]",
        "https://localhost",
        "https://LOCALHOST.",
        "https://api.localhost",
        "https://[::1",
        "https://ex\u00e4mple.com",
        "https://%43%7C/",
        "https://ex%61mple.com",
        "https://xn--/",
        "https://xn--a.example",
        "https://a.xn--80ak6aa92e\x2d.example",
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 127 + "toolong",
        "https://-a.example",
        "https://a-.example",
        "https://a..example",
        "https://.example",
        "https://a,b.example",
        "https://[1::2::3]",
        "https://[2606:4700::1111%25eth0]",
        "https://[2606:4700::zz]",
        "https://[8.8.8.8]",
        "https://llm.example.com:0",
        "https://llm.example.com:65536",
        "https://llm.example.com:-1",
        "https://llm.example.com:+443",
        "https://llm.example.com/a/../b",
        "https://llm.example.com/%2e%2E/",
        "https://256.8.8.8",
        "https://8.8.8.8.8",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    assert address_problem(url, allow_private=False) is not None


@pytest.mark.parametrize("url", ["https://%43%7C/", "https://xn--/", "http://0x7f.1", "http://2130706433", "http://[::1::2]"])
def test_no_switch_makes_an_impossible_host_possible(url: str) -> None:
    assert address_problem(url, allow_private=True) is not None


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://10.0.0.1", "http://vllm.internal"])
def test_an_operator_may_allow_private_ones(url: str) -> None:
    assert address_problem(url, allow_private=True) is None
    assert address_problem("ftp://x", allow_private=True) is not None


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        (None, {}),
        ("", {}),
        (" ", {}),
        ("***", {}),
        ("{}", {}),
        ('{"x-a": "1", "Authorization": "k"}', {"x-a": "1", "Authorization": "k"}),
    ],
)
def test_header_text(text: str | None, headers: dict[str, str]) -> None:
    body = ProviderBody.model_validate({"headers": text})
    assert headers_of(body.headers) == headers


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "[]",
        '{"x": "1", "X": "2"}',
        '{"x": null}',
        '{"x": {}}',
        '{"": "v"}',
        '{"x y": "v"}',
        '{"x": "a\\nb"}',
        '{"x": "\u00e4"}',
    ]
    + [
        f'{{"{name}": "v"}}'
        for name in (
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Connection",
            "cf-aig-authorization",
            "Via",
            "CDN-Loop",
            "Content-Encoding",
            "accept-encoding",
        )
    ],
)
def test_header_text_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        ProviderBody.model_validate({"headers": text})
