"""TLS on the public listener: certificate and key from files, read again by each generation of workers."""

import os
import ssl
import stat

from gateway.run.layers import ConfigError


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """For TLS 1.2 and later, HTTP/1.1 only. `certificate`: PEM, the chain from our own upwards. Raises ConfigError."""
    _check_private(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a terminal nobody can be asked for a passphrase.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError:
        raise ConfigError(f"{certificate} and {key}: are no PEM certificate chain and its key without passphrase") from None
    except OSError as error:
        raise ConfigError(f"{certificate}: cannot be read ({error.strerror})") from None
    return context


def _check_private(key: str) -> None:
    """A group may read it, as certificate tools often arrange; everybody may not."""
    try:
        mode = stat.S_IMODE(os.stat(key).st_mode)
    except OSError as error:
        raise ConfigError(f"{key}: cannot be read ({error.strerror})") from None
    if mode & 0o007:
        raise ConfigError(f"{key}: everybody may read this key; run: chmod 640 {key}")
