import pytest

from gateway.protocol.field_text import readable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", ""),
        (b"Jose", "Jose"),
        ("José".encode(), "José"),
        (b"Jos\xe9", "José"),
        (b"\xff\xfe", "ÿþ"),
        ("é\xff".encode(), "éÿ"),
    ],
)
def test_values_are_utf_8_or_else_latin_1(value: bytes, text: str) -> None:
    assert readable(value) == text
