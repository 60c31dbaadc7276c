"""How many files the process may hold open, and what they are for: a connection is one of them."""

import sys

from relay.setting_types import SettingsError

if sys.platform != "win32":
    import resource

# The log, listening, resolving names, temporary files; some of them for clients that are told it is busy.
_RESERVE = 100
_SPARE = 32
_MOST_REQUESTS = 10_000
_UNLIMITED = 1_048_576


def raise_limit() -> None:
    """Use the most that the system allows this process (RLIMIT_NOFILE)."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def shares(max_requests: int | None) -> tuple[int, int]:
    """The most requests in progress, as RELAY_MAX_REQUESTS says or else as fit in, and the most connections.

    A request takes two descriptors, its client's and the upstream's. Raises SettingsError for too many.
    """
    limit = _limit()
    fitting = max((limit - _RESERVE) // 2, 1)
    if max_requests is not None and max_requests > fitting:
        raise SettingsError(
            f"RELAY_MAX_REQUESTS='{max_requests}' is invalid where a process may have {limit} files open: "
            f"allowed is at most {fitting}"
        )
    requests = max_requests or min(fitting, _MOST_REQUESTS)
    return requests, max(limit - _RESERVE - requests, 1) + _SPARE


def _limit() -> int:
    if sys.platform == "win32":
        return _UNLIMITED
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else min(soft, _UNLIMITED)
