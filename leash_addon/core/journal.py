"""Journal entries: the immutable rows that every account is a fold of.

A call is two entries. ``CallOpened`` comes before anything goes upstream and holds what the call
is expected to cost; ``CallSettled`` replaces the hold by what it did cost. Between the two the
money counts as gone, so parallel calls cannot all squeeze through the last dollar, and a crash
leaves a hold, not a gap.

Entries hold accounting only: no prompt, no reply, no key, no command line.
"""

from msgspec import Struct

from leash_addon.core.limits import NO_LIMITS, Ceiling, Limits
from leash_addon.core.loops import Turn
from leash_addon.core.money import ZERO, Instant, Pico
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.screening import Found
from leash_addon.core.verdict import Effect, Reason


class Tokens(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token counts of a settled call; what the provider did not say counts as zero here.

    ``cache_read`` and ``cache_write`` are parts of ``input``, ``reasoning`` of ``output``.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        """Add count by count."""
        return Tokens(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            reasoning=self.reasoning + other.reasoning,
        )

    def __sub__(self, other: "Tokens") -> "Tokens":
        """Take off count by count; a difference may be negative."""
        return Tokens(
            input=self.input - other.input,
            output=self.output - other.output,
            cache_read=self.cache_read - other.cache_read,
            cache_write=self.cache_write - other.cache_write,
            reasoning=self.reasoning - other.reasoning,
        )


class _Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    run: str
    at: Instant


class RunStarted(_Entry, frozen=True, kw_only=True, tag="run_started"):
    """A process began to govern the run: the first time, or again after an end or a crash.

    ``program``: the child's base name, never its arguments. ``owner``: the process's random id.
    """

    owner: str
    limits: Limits = NO_LIMITS
    program: str = ""
    prices: str = ""


class RunFinished(_Entry, frozen=True, kw_only=True, tag="run_finished"):
    """The wrapped command ended, with this exit code.

    ``coverage``: what passed through the proxy and what passed it by, counted; see
    ``proxy.coverage``.
    """

    owner: str
    exit_code: int = 0
    coverage: dict[str, int] = {}


class LimitsRaised(_Entry, frozen=True, kw_only=True, tag="limits_raised"):
    """Someone changed the limits on the record. ``limits`` are the new ones, whole."""

    limits: Limits
    by: str = ""


class RunKilled(_Entry, frozen=True, kw_only=True, tag="run_killed"):
    """Someone ended the run by hand."""

    by: str = ""


class RunStopped(_Entry, frozen=True, kw_only=True, tag="run_stopped"):
    """A boundary ended the run; it stays ended until someone raises that limit."""

    reason: Reason
    message: str = ""


class CallOpened(_Entry, frozen=True, kw_only=True, tag="call_opened"):
    """A call was admitted; nothing has gone upstream yet.

    ``accounts``: keys of the balances that it is charged to, the run's own included.
    ``imputed``: a subscription pays for it. ``hold_tokens``: held against limits on tokens, and
    what the call counts as where nobody reports its own. ``estimate``: what the call is booked at
    when nobody reports and nothing was held. ``buckets``: token buckets that ``bucket_tokens`` were
    taken from each, corrected when it ends. ``capped``: a dollar cap counts it, so it must come
    back with a cost. ``tags``: who asked, by scope; run, model and provider have fields of their
    own.
    """

    call: str
    accounts: tuple[str, ...]
    hold: Pico
    provider: str
    format: str
    model: str = ""
    client: str = ""
    imputed: bool = False
    hold_tokens: int = 0
    estimate: Pico = ZERO
    buckets: tuple[str, ...] = ()
    bucket_tokens: int = 0
    capped: bool = False
    tags: dict[str, str] = {}


class CallSettled(_Entry, frozen=True, kw_only=True, tag="call_settled"):
    """A call ended, exactly once.

    ``hold`` and ``hold_tokens`` repeat the opened call's, so that folding is local.
    ``cost``: picodollars, ``None`` when unpriced. ``usage``: the reported counts by the names of
    the normalised usage, only those that were reported. ``priced_by``/``priced_as``: the price
    table, and the model name found in it. ``took``, ``first_byte``: microseconds.
    ``reply``: fingerprint of the answer; ``turn``: of its tool calls, with their names.
    ``flag``: the reason this call stopped the run, if it did. ``response_id``: keyed hash of a
    stored answer's id, so that a later poll is not billed again.
    ``plan``: what the subscription that pays said of its own limits.
    """

    call: str
    accounts: tuple[str, ...]
    hold: Pico
    cost: Pico | None
    confidence: Confidence
    outcome: Outcome
    imputed: bool = False
    tokens: Tokens = Tokens()
    usage: dict[str, int | str] = {}
    model: str = ""
    priced_by: str = ""
    priced_as: str = ""
    status: int | None = None
    took: int | None = None
    first_byte: int | None = None
    reply: str | None = None
    turn: Turn | None = None
    response_id: str | None = None
    flag: Reason | None = None
    notes: tuple[str, ...] = ()
    hold_tokens: int = 0
    plan: dict[str, str] = {}


class CallAdjusted(_Entry, frozen=True, kw_only=True, tag="call_adjusted"):
    """The true settlement of a call that had been swept: differences to what was booked."""

    call: str
    accounts: tuple[str, ...]
    cost: Pico
    confidence: Confidence
    imputed: bool = False
    tokens: Tokens = Tokens()
    usage: dict[str, int | str] = {}
    model: str = ""
    priced_by: str = ""
    priced_as: str = ""
    reply: str | None = None
    notes: tuple[str, ...] = ()


class CallRefused(_Entry, frozen=True, kw_only=True, tag="call_refused"):
    """A call was answered by leash itself; nothing was spent.

    ``account``: the key of the cap's account or the bucket that said no; empty: the run's own.
    """

    reason: Reason
    effect: Effect
    provider: str = ""
    format: str = ""
    model: str = ""
    client: str = ""
    account: str = ""


class Screened(_Entry, frozen=True, kw_only=True, tag="screened"):
    """Rules fired on texts of a call that were new to its run; no text is kept.

    ``of``: id of the call, whether it was admitted or not. ``more``: rules that fired beside those
    in ``found``.
    """

    of: str
    found: tuple[Found, ...]
    more: int = 0
    provider: str = ""
    model: str = ""
    client: str = ""


class Warned(_Entry, frozen=True, kw_only=True, tag="warned"):
    """A fraction of a limit was reached; each limit warns once until it is raised.

    ``account``: the cap's account that it is booked on; empty: the run's own.
    """

    limit: str
    at_thousandths: int
    message: str = ""
    account: str = ""


class CapRaised(_Entry, frozen=True, kw_only=True, tag="cap_raised"):
    """Someone raised a cap for one account and window, on the record. ``run`` is empty.

    ``ceiling``: the new limits, whole; a limit is never lowered by it.
    """

    account: str
    ceiling: Ceiling
    by: str = ""


type Entry = (
    RunStarted
    | RunFinished
    | LimitsRaised
    | RunKilled
    | RunStopped
    | CallOpened
    | CallSettled
    | CallAdjusted
    | CallRefused
    | Screened
    | Warned
    | CapRaised
)
