"""Field values as text."""


def readable(value: bytes) -> str:
    """UTF-8, and where it is none Latin-1, which HTTP/1.1 once said a value was (RFC 9110 section 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
