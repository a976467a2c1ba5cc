from gateway.protocol.http_date import http_date


def test_the_form_of_rfc_9110() -> None:
    assert http_date(784_111_777.9) == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert http_date(784_111_778.0) == b"Sun, 06 Nov 1994 08:49:38 GMT"
