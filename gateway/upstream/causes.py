"""UpstreamFailure → one word of `model.causes.UPSTREAM_CAUSES`: what an operator would look into."""

import errno
import socket
import ssl
from typing import Final

from gateway.upstream.port import Cause, Stage, UpstreamFailure

_CERTIFICATE_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""
_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})


def cause_of(failure: UpstreamFailure) -> str:
    """The cause, from what failed and from the exception behind it."""
    behind = failure.__cause__
    match failure.cause:
        case Cause.TIMEOUT:
            return "connect_timeout" if failure.stage is Stage.DIAL else "timeout"
        case Cause.LOST:
            return _lost(behind)
        case Cause.BROKEN:
            return "not_http"
        case Cause.BUSY:
            return "busy"
        case Cause.FORBIDDEN:
            return "forbidden_address"
        case Cause.UNREACHABLE:
            return _unreachable(behind)


def _lost(behind: BaseException | None) -> str:
    if isinstance(behind, ssl.SSLError):
        return "tls"
    return "reset" if isinstance(behind, ConnectionResetError | BrokenPipeError) else "closed"


def _unreachable(behind: BaseException | None) -> str:
    if isinstance(behind, socket.gaierror | UnicodeError):
        return "dns"
    if isinstance(behind, ssl.SSLCertVerificationError):
        return "certificate_expired" if behind.verify_code == _CERTIFICATE_EXPIRED else "certificate"
    if isinstance(behind, ssl.SSLError | ConnectionAbortedError):
        return "tls"
    if isinstance(behind, ConnectionRefusedError):
        return "refused"
    if isinstance(behind, ConnectionResetError):
        return "reset"
    if isinstance(behind, OSError) and behind.errno in _NO_DESCRIPTORS:
        return "descriptors"
    return "unreachable"
