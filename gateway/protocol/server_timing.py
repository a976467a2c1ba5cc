"""`Server-Timing` (W3C): where an answer's time went, for whoever looks at it in a browser or a trace. Milliseconds."""


def server_timing(*, own_s: float, upstream_s: float, auth: str = "") -> bytes:
    """The field as a line. `own_s`: from the request's head to the first attempt at a provider; `upstream_s`: from there to
    the provider's head, connecting included; `auth`: where the word on the token came from (`hit`, `miss`, `stale`)."""
    decided = b"auth;desc=%b, " % auth.encode("ascii") if auth else b""
    return b"server-timing: %bgateway;dur=%.3f, upstream;dur=%.3f\r\n" % (decided, own_s * 1000, upstream_s * 1000)
