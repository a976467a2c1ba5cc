"""Whether the hot path that this installation would run is machine code (decision 0014)."""

from importlib.util import find_spec

from gateway.run.findings import Finding, doubtful, good


def hot_path(module: str = "gateway.edge.relay") -> Finding:
    """Looked up, not loaded: the supervisor carries no traffic."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or spec.origin.endswith(".py"):
        return doubtful(
            "the hot path is plain Python, about 1.6 times slower: "
            "the package was built without a C compiler or without Python's headers"
        )
    return good("the hot path is compiled")
