"""One of our tokens is found in every form a decoder could undo, and nothing else is taken for one."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.tokens import mint_token
from gateway.protocol.token_search import holds_token

TOKEN = mint_token()


def escaped(text: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in text)


FORMS: dict[str, str] = {
    "bare": TOKEN,
    "quoted": f'Bearer "{TOKEN}"',
    "behind a tab": f"Bearer\t{TOKEN}",
    "with escapes of quoted text": '"agw\\_' + TOKEN[4:] + '"',
    "underscore escaped": TOKEN.replace("_", "%5F"),
    "in lower case": TOKEN.replace("_", "%5f"),
    "twice": TOKEN.replace("_", "%255F"),
    "three times": TOKEN.replace("_", "%25255f"),
    "many times": TOKEN.replace("_", "%" + "25" * 50 + "5F"),
    "first letter escaped": "%61" + TOKEN[1:],
    "all of it": escaped(TOKEN),
    "all of it, twice": quote(escaped(TOKEN)),
    "all of it, each character twice": escaped(escaped(TOKEN)),
    "in a list": f"a, b, {TOKEN}, c",
    "cut short": TOKEN[:20],
    "in RFC 8187 form": "UTF-8''" + TOKEN.replace("_", "%5F"),
    "Base64 of an escaped one in a query": "a=1&b=" + quote(b64encode(TOKEN.encode()).decode()),
    "Base64 of Base64": b64encode(b64encode(f"x:{TOKEN}".encode()) + b"%").decode() + "%",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_found(form: str) -> None:
    assert holds_token(form.encode())
    assert holds_token(b"x-any: before " + form.encode() + b" after\r\n")


@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("around", [b"Basic %b", b"Basic %b=", b"=?utf-8?B?%b?=", b"a.%b.c"])
def test_found_in_base64(encode: Callable[[bytes], bytes], around: bytes, before: bytes, after: bytes) -> None:
    encoded = encode(before + TOKEN.encode() + after)
    assert holds_token(around % encoded)
    assert holds_token(around % encoded.rstrip(b"="))


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"Bearer sk-ant-api03-abc_def",
        b"agw",
        b"agw_",
        b"agw_short",
        pytest.param(b"AGW_" + TOKEN[4:].encode(), id="another prefix"),
        b"magw-12345678",
        b"100%",
        b"%zz%5F",
        b"a%20b%2Fc",
        b"%25" * 1000,
        b"YWd3X",
        b"YWd3XYWd3XYWd3XYWd3XYWd3X",
        b"xFnd1xhZ3dfxxxxxxxxxxxxxx",
        b64encode(b"user:password-agw"),
        b64encode(b"user:agw_none"),
        b"\\",
        b"\xff\xfe%",
    ],
)
def test_nothing_else(plain: bytes) -> None:
    assert not holds_token(plain)


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(raw: bytes) -> None:
    assert holds_token(raw + TOKEN.encode())
    assert holds_token(raw) in (True, False)
