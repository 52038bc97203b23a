"""Sets of small numbers as whole numbers, one bit each: many places moved or compared at once."""

from collections.abc import Iterator


def members(places: int) -> Iterator[int]:
    """Yield the members of a set, from the lowest."""
    while places:
        lowest = places & -places
        yield lowest.bit_length() - 1
        places ^= lowest


def onward(places: int, count: int) -> int:
    """Return the numbers that are at most ``count`` more than one of a set."""
    done = 0
    while done < count:
        more = min(done + 1, count - done)
        places |= places << more
        done += more
    return places


def runs(places: int) -> Iterator[tuple[int, int]]:
    """Yield the first number of each run of a set, and the first after it."""
    while places:
        lowest = places & -places
        above = places + lowest
        yield lowest.bit_length() - 1, (above & -above).bit_length() - 1
        places &= above
