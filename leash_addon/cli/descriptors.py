"""How many connections a process may have open: as many as the system lets it.

A login shell starts programs with 1,024 descriptors, which idle clients alone can use up; then
nobody else gets in. What a program may ask for without privileges (the hard limit) is far more.
"""

import sys


def raise_descriptors() -> int:
    """Raise this process's limit of open files as far as it may; return it, 0 where unknown."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS has a lower limit of its own
        return soft
    return hard
