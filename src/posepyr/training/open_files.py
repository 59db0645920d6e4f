"""The limit of open files, of which each batch that a loader's worker hands over takes several."""

import os

ENOUGH = 65536


def allow_open_files() -> int | None:
    """Have this process and those that it starts open as many as the system lets them; how many that is."""
    if os.name != "posix":
        return None
    import resource  # Windows has none.

    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if most == resource.RLIM_INFINITY else min(ENOUGH, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        return wanted
    return now
