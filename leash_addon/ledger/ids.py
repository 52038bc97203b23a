"""Ids of calls: random enough to be unique, and in order of time.

Ids that grow keep the index of the journal growing at its end, so that a call touches the same few
pages however long the journal is; wholly random ids touched a page each and cost more with size.
"""

import random

from leash_addon.core.money import Instant


def new_call_id(now: Instant, rng: random.Random) -> str:
    """Return an id such as ``0064cd2f8a5c1b-9f3c11d27e0a``: the moment, then 48 random bits."""
    return f"{max(0, now):014x}-{rng.getrandbits(48):012x}"
