"""A certificate authority of the tests' own, for providers over TLS."""

import ssl
from pathlib import Path

import trustme


class Authority:
    def __init__(self) -> None:
        self._ca = trustme.CA()

    def server_context(self, *names: str) -> ssl.SSLContext:
        """For `FakeProvider(tls=...)`; names default to localhost and both loopback addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("localhost", "127.0.0.1", "::1"))).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context

    def write_bundle(self, path: Path) -> Path:
        """The authority's certificate as a PEM file."""
        self._ca.cert_pem.write_to_path(path)
        return path
