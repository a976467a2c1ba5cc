"""Whether the hot path that this installation would run is machine code (decision 0014)."""

import logging
from importlib.util import find_spec

from gateway.run.findings import Finding, Verdict, doubtful, good

_log = logging.getLogger("gateway.run")


def hot_path(module: str = "gateway.edge.relay") -> Finding:
    """Looked up, not loaded: the supervisor carries no traffic."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or spec.origin.endswith(".py"):
        return doubtful(
            "the hot path is plain Python, about 1.6 times slower: "
            "the package was built without a C compiler or without Python's headers"
        )
    return good("the hot path is compiled")


def log_unless_compiled() -> None:
    """One line of the service's log, once it is ready."""
    if (finding := hot_path()).verdict is not Verdict.GOOD:
        _log.info("%s", finding.text)
