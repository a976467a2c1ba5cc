"""Why a request failed, as one word each: a closed set, for the request log, metrics and the service's own log.

A request that the gateway refused has the name of its fault (model/faults.py) as its cause.
"""

from typing import Final

UPSTREAM_CAUSES: Final = {
    "dns": "The provider's name cannot be resolved",
    "refused": "The provider refuses the connection",
    "unreachable": "The provider cannot be reached",
    "connect_timeout": "The connection to the provider was not made in time",
    "certificate_expired": "The provider's certificate has expired",
    "certificate": "The provider's certificate cannot be trusted",
    "tls": "The provider does not agree on TLS",
    "timeout": "The provider did not answer in time",
    "reset": "The provider reset the connection",
    "closed": "The provider closed the connection before its answer was whole",
    "not_http": "The provider's answer is not HTTP",
    "busy": "No connection to the provider came free in time",
    "forbidden_address": "The provider's name leads to an address that custom providers may not use",
    "descriptors": "The gateway has no file descriptor left for a connection",
}
"""Why a provider gave no answer, or half of one → in words."""

CLIENT_GONE: Final = "client_gone"
PROVIDER_ERROR: Final = "provider_error"
"""The provider answered, with an error."""
