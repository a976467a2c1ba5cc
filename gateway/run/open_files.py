"""Whether the process may have as many files open as it will want to."""

import resource
from typing import Final

from gateway.run.findings import Finding, bad, doubtful, good

_FEW_FILES: Final = 1_024
_ENOUGH_FILES: Final = 16_384


def open_files() -> Finding:
    """Of this process, whose limits its children inherit."""
    return judged(*resource.getrlimit(resource.RLIMIT_NOFILE))


def judged(soft: int, hard: int) -> Finding:
    """`soft` counts; a service of thousands of streams holds two descriptors for each."""
    if soft == resource.RLIM_INFINITY or soft >= _ENOUGH_FILES:
        return good(f"{'any number of' if soft == resource.RLIM_INFINITY else soft} open files are allowed")
    text = f"only {soft} open files are allowed, two for each request under way; raise LimitNOFILE= or ulimit -n"
    more = f" (up to {hard} without privileges)" if hard > soft else ""
    return bad(text + more) if soft < _FEW_FILES else doubtful(text + more)
