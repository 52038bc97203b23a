"""Rate limits: token buckets for a scope, on requests and on tokens; they cure themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from leash_addon.core.boundaries import show_span
from leash_addon.core.buckets import Bucket, Taken
from leash_addon.core.money import SECOND
from leash_addon.core.scopes import Tags, Target, joined, label
from leash_addon.core.verdict import Effect, Reason, Trip


class Unit(StrEnum):
    """What a bucket counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """So many requests, or tokens, or both, in a time, for each account of the target.

    Raises ``ValueError`` when it limits nothing.
    """

    target: Target = field(default_factory=Target)
    requests: Bucket | None = None
    tokens: Bucket | None = None

    def __post_init__(self) -> None:
        """Refuse a rate limit that limits nothing."""
        if self.requests is None and self.tokens is None:
            msg = "it limits nothing; give requests or tokens"
            raise ValueError(msg)

    def buckets(self) -> Iterator[tuple[Unit, Bucket]]:
        """Yield the buckets that each account has."""
        if self.requests is not None:
            yield Unit.REQUESTS, self.requests
        if self.tokens is not None:
            yield Unit.TOKENS, self.tokens


class Drawn(Struct, frozen=True, kw_only=True):
    """A bucket that a call draws from. ``pattern``: as its limit's key has it."""

    key: str
    unit: Unit
    bucket: Bucket
    pattern: str

    @property
    def label(self) -> str:
        """Name whose bucket it is, for people."""
        return label(self.key.partition(":")[2].partition("|")[0], self.pattern)

    def cost(self, tokens: int) -> int:
        """Return what a call takes that probably uses so many tokens."""
        return 1 if self.unit is Unit.REQUESTS else tokens


def buckets_for(limits: Iterable[RateLimit], tags: Tags) -> tuple[Drawn, ...]:
    """Return the buckets that a call draws from, each once, in the order of their limits."""
    found: dict[str, Drawn] = {}
    for limit in limits:
        if not limit.target.concerns(tags):
            continue
        scopes, pattern = limit.target.key(tags), limit.target.pattern
        for unit, bucket in limit.buckets():
            key = joined("rate", scopes, pattern, f"{unit}:{bucket.key}")
            found[key] = Drawn(key=key, unit=unit, bucket=bucket, pattern=pattern)
    return tuple(found.values())


def bucket_at(key: str) -> Bucket | None:
    """Return the bucket that a stored key names, whatever the configuration says today."""
    _, found, shape = key.rpartition("|")[2].partition(":")
    counts, _, burst = shape.partition("s+")
    units, _, seconds = counts.partition("/")
    if not found or not all(part.isascii() and part.isdigit() for part in (units, seconds, burst)):
        return None
    return Bucket(units=int(units), seconds=int(seconds), burst=int(burst))


def rate_trip(drawn: Drawn, taken: Taken) -> Trip | None:
    """Ask to come back when the bucket has room for the call."""
    if not taken.wait:
        return None
    rate = f"{drawn.bucket.units} {drawn.unit} per {show_span(drawn.bucket.seconds)}"
    wait = taken.wait / SECOND
    return Trip(
        reason=Reason.RATE_LIMIT,
        effect=Effect.PASSING,
        message=f"the rate limit of {rate} for {drawn.label} is used up for {wait:.1f}s",
        retry_after=wait,
        account=drawn.key,
    )
