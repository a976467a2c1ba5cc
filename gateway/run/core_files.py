"""No core files: the memory of a worker that crashed holds tokens and provider keys."""

import resource


def forbid_core_files() -> None:
    """For this process and the children it starts later."""
    # 1 byte, not 0: Linux ignores a limit of 0 where core_pattern is a pipe, and takes 1 to mean "not even there" (core(5)).
    # A limit of 0 that the service manager has set already cannot be raised, and systemd's own handler honours it.
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
