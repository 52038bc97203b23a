"""One admission over a run, caps and rate limits: all charged together, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.admission import Admission, Stand, decide_all, opened
from leash_addon.core.ask import Ask, OnBlind
from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.bounds import upper_bound
from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap, accounts_at
from leash_addon.core.decide import decide
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.journal import CallOpened, CallSettled, Tokens
from leash_addon.core.limits import Ceiling, Limits
from leash_addon.core.money import SECOND, ZERO, Instant, Pico, usd
from leash_addon.core.pricing import RateCard, Rates
from leash_addon.core.rate_limits import RateLimit, bucket_at
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import NO_TERMS, Plan, Terms, plan
from leash_addon.core.verdict import Allow, Effect, Reason, Trip
from leash_addon.core.windows import WindowKind

START = Instant(1_795_258_800 * SECOND)  # 2026-11-21 11:00 in UTC
CARD = RateCard(table="t", name="m", rates=Rates(input=Decimal(1), output=Decimal(10)))
RUN = "run:r"
ASK = Ask(
    run="r",
    call="c1",
    accounts=(RUN,),
    provider="openai",
    format="openai.chat",
    model="m",
    input_tokens=100,
    input_bytes=400,
    max_output=1000,
    card=CARD,
    tags={"run": "r", "user": "alice", "model": "m"},
)
USERS = Target(per=(Scope.USER,))
HARD = Holds(mode=HoldMode.HARD)


def daily(
    action: Action = Action.REFUSE,
    target: Target = USERS,
    *,
    max_cost: Pico = ZERO,
    max_calls: int = 0,
    max_tokens: int = 0,
) -> Cap:
    """Return a daily cap."""
    ceiling = Ceiling(max_cost=max_cost, max_calls=max_calls, max_tokens=max_tokens)
    return Cap(target=target, window=WindowKind.DAY, ceiling=ceiling, action=action)


def admit(
    ask: Ask,
    terms: Terms,
    balances: Mapping[str, Balance] | None = None,
    states: Mapping[str, Instant] | None = None,
    now: Instant = START,
) -> tuple[Plan, Admission]:
    """Plan and decide a call over what is given."""
    planned = plan(ask, terms, RUN, now)
    stand = Stand(balances=balances or {}, states=states or {})
    return planned, decide_all(ask, terms, planned, stand, now)


@dataclass(kw_only=True)
class World:
    """A ledger in memory: balances, buckets, open calls."""

    terms: Terms
    balances: dict[str, Balance] = field(default_factory=dict)
    states: dict[str, Instant] = field(default_factory=dict)
    open: list[tuple[Ask, CallOpened]] = field(default_factory=list)
    now: Instant = START
    made: int = 0

    def ask(self, ask: Ask) -> Admission:
        """Let a call ask, and write what the admission says."""
        self.made += 1
        ask = replace(ask, call=f"c{self.made}")
        _, found = admit(ask, self.terms, self.balances, self.states, self.now)
        self.states |= found.states
        if isinstance(found.verdict, Allow):
            entry = opened(ask, found, self.now)
            if found.verdict.max_output is not None:
                ask = replace(ask, max_output=found.verdict.max_output * ask.choices)
            self.open.append((ask, entry))
            self.write(entry, entry.accounts)
        for warned in found.warned:
            self.write(warned, (warned.account,))
        return found

    def settle(self, which: int, share: float) -> None:
        """End an open call at a share of the most that it could come to."""
        ask, entry = self.open.pop(which % len(self.open))
        most = upper_bound(ask, self.terms.holds)
        output = round(share * (ask.max_output or 0))
        self.write(
            CallSettled(
                run=entry.run,
                at=self.now,
                call=entry.call,
                accounts=entry.accounts,
                hold=entry.hold,
                hold_tokens=entry.hold_tokens,
                cost=Pico(round(share * most)),
                confidence=Confidence.MEASURED,
                outcome=Outcome.COMPLETE,
                tokens=Tokens(input=round(share * ask.input_bytes), output=output),
            ),
            entry.accounts,
        )

    def write(self, entry: object, accounts: tuple[str, ...]) -> None:
        """Fold an entry into its accounts."""
        for account in accounts:
            self.balances[account] = fold(self.balances.get(account, EMPTY), entry)  # type: ignore[arg-type]


asks = st.builds(
    lambda user, size, output, clampable: replace(
        ASK,
        input_tokens=-(-size // 4),
        input_bytes=size,
        max_output=output,
        clamp_floor=1 if clampable else None,
        tags={"user": user, "run": "r", "model": "m"},
    ),
    st.sampled_from(["alice", "bob", ""]),
    st.integers(1, 5000),
    st.integers(1, 3000),
    st.booleans(),
)
steps = st.lists(
    st.one_of(asks, st.tuples(st.integers(0, 50), st.floats(0, 1)), st.integers(-3600, 90_000)),
    max_size=60,
)
EVERYONE = Target()
COST, CALLS, TOKENS = usd("0.05"), 12, 15_000


@given(steps, st.booleans())
def test_caps_never_admit_past_the_limit_in_hard_mode(steps: list[object], clamp: bool) -> None:
    """In any interleaving, for money and tokens: spent + held <= limit; calls <= limit."""
    world = World(
        terms=Terms(
            caps=(
                daily(max_cost=COST),
                daily(target=EVERYONE, max_cost=Pico(2 * COST), max_calls=CALLS, max_tokens=TOKENS),
            ),
            holds=Holds(mode=HoldMode.HARD, clamp=clamp),
        )
    )
    for step in steps:
        match step:
            case Ask():
                world.ask(step)
            case (int(which), float(share)) if world.open:
                world.settle(which, share)
            case int(seconds):
                world.now = Instant(world.now + seconds * SECOND)
        for key, balance in world.balances.items():
            for account in accounts_at(world.terms.caps, key):
                ceiling = account.cap.ceiling
                used = balance.tokens.input + balance.tokens.output + balance.held_tokens
                assert balance.spent + balance.held <= (ceiling.max_cost or 10**30)
                assert balance.calls <= (ceiling.max_calls or 10**30)
                assert used <= (ceiling.max_tokens or 10**30)
                assert min(balance.held, balance.held_tokens, balance.open_calls) >= 0


@given(steps)
def test_a_lone_call_is_never_starved_by_held_money(steps: list[object]) -> None:
    """In expected mode a cap with something left and nothing open lets the next call pass."""
    world = World(terms=Terms(caps=(daily(max_cost=COST),)))
    for step in steps:
        match step:
            case Ask():
                planned = plan(step, world.terms, RUN, world.now)
                before = world.balances.get(planned.caps[0].key, EMPTY)
                found = world.ask(step)
                if not before.open_calls:
                    assert isinstance(found.verdict, Allow) is (before.spent < COST)
            case (int(which), float(share)) if world.open:
                world.settle(which, share)
            case _:
                pass


@given(
    steps,
    st.sampled_from(list(HoldMode)),
    st.integers(0, 3),
    st.integers(1, 20),
)
def test_a_refused_call_is_charged_nothing(
    steps: list[object], mode: HoldMode, max_calls: int, rate: int
) -> None:
    """A refusal leaves every balance but its warnings, and every bucket, as it was."""
    bucket = Bucket(units=rate, seconds=60, burst=rate)
    world = World(
        terms=Terms(
            caps=(daily(max_cost=COST), daily(action=Action.BOTH, target=EVERYONE, max_calls=9)),
            rates=(RateLimit(target=USERS, requests=bucket, tokens=bucket),),
            holds=Holds(mode=mode),
        ),
        balances={RUN: Balance(limits=Limits(max_calls=max_calls * 5))},
    )
    for step in steps:
        match step:
            case Ask():
                before = dict(world.balances), dict(world.states)
                found = world.ask(step)
                if isinstance(found.verdict, Trip):
                    assert (found.accounts, found.buckets, found.hold_tokens) == ((), (), 0)
                    assert _charges(world.balances) == _charges(before[0])
                    assert all(world.states[key] <= at for key, at in before[1].items())
                    assert world.states.keys() == before[1].keys()
                else:
                    assert all(
                        world.balances[key].calls == before[0].get(key, EMPTY).calls + 1
                        for key in found.accounts
                    )
            case (int(which), float(share)) if world.open:
                world.settle(which, share)
            case int(seconds):
                world.now = Instant(world.now + seconds * SECOND)


def _charges(balances: Mapping[str, Balance]) -> dict[str, tuple[int, ...]]:
    return {
        key: (one.calls, one.open_calls, one.held, one.held_tokens, one.spent)
        for key, one in balances.items()
        if one.calls
    }


@given(asks, st.integers(0, 10**11), st.integers(0, 10**11), st.integers(0, 3))
def test_without_terms_it_is_the_decision_of_the_run(
    ask: Ask, spent: int, held: int, open_calls: int
) -> None:
    """With no cap and no rate limit the verdict is that of the boundaries alone."""
    balance = Balance(
        spent=Pico(spent), held=Pico(held), open_calls=open_calls, limits=Limits(max_cost=COST)
    )
    _, found = admit(ask, NO_TERMS, {RUN: balance})
    assert found.verdict == decide(ask, balance, START)


def test_one_admission_charges_every_account() -> None:
    """The run, both caps and the bucket are charged, each once."""
    terms = Terms(
        caps=(daily(max_cost=COST), daily(max_calls=9), daily(target=EVERYONE, max_tokens=9000)),
        rates=(RateLimit(tokens=Bucket(units=6000, seconds=60, burst=6000)),),
    )
    _, found = admit(ASK, terms)
    entry = opened(ASK, found, START)
    assert (entry.accounts, entry.hold, entry.hold_tokens, entry.bucket_tokens, entry.capped) == (
        (RUN, "cap:user=alice|day:2026-11-21", "cap:all|day:2026-11-21"),
        Pico(10_100_000_000),
        1100,
        1100,
        True,
    )
    assert entry.buckets == tuple(found.states) == ("rate:all|tokens:6000/60s+6000",)


def test_an_entry_says_who_asked() -> None:
    """The tags of a call are on record, but for what the entry says anyway."""
    ask = replace(ASK, tags={**ASK.tags, "provider": "p", "feature": "search", "key": ""})
    _, found = admit(ask, NO_TERMS)
    assert opened(ask, found, START).tags == {"user": "alice", "feature": "search"}


def test_a_bucket_is_known_by_its_key() -> None:
    """A settlement corrects a bucket that the configuration has forgotten."""
    bucket = Bucket(units=6000, seconds=90, burst=10)
    _, found = admit(ASK, Terms(rates=(RateLimit(target=USERS, tokens=bucket),)))
    assert [bucket_at(key) for key in (*found.buckets, "run:r", "rate:all|x")] == [
        bucket,
        None,
        None,
    ]


FULL = {"cap:user=alice|day:2026-11-21": Balance(spent=COST, calls=3)}
STOPPED = {RUN: Balance(spent=usd("1"), limits=Limits(max_cost=usd("1")))}
DRY = {"rate:all|requests:1/60s+1": Instant(START + 60 * SECOND)}
RATE = RateLimit(requests=Bucket(units=1, seconds=60, burst=1))


@pytest.mark.parametrize(
    ("balances", "states", "expected"),
    [
        pytest.param({}, {}, None, id="room everywhere"),
        pytest.param(FULL, {}, (Reason.CAP, Effect.REFUSE), id="cap"),
        pytest.param({}, DRY, (Reason.RATE_LIMIT, Effect.PASSING), id="rate"),
        pytest.param(FULL, DRY, (Reason.CAP, Effect.REFUSE), id="a refusal over a wait"),
        pytest.param(
            FULL | STOPPED, DRY, (Reason.COST_BUDGET, Effect.STOP), id="a stop over everything"
        ),
    ],
)
def test_the_gravest_trip_answers(
    balances: dict[str, Balance],
    states: dict[str, Instant],
    expected: tuple[Reason, Effect] | None,
) -> None:
    """What ends the run wins over what refuses the call, and that over what asks to wait."""
    _, found = admit(ASK, Terms(caps=(daily(max_cost=COST),), rates=(RATE,)), balances, states)
    trip = found.verdict
    assert ((trip.reason, trip.effect) if isinstance(trip, Trip) else None) == expected


def test_who_must_wait_is_told_the_longest_wait() -> None:
    """Held money that comes back in a second does not hide a bucket that takes a minute."""
    held = {RUN: Balance(held=usd("1"), open_calls=1, limits=Limits(max_cost=usd("1")))}
    _, found = admit(ASK, Terms(rates=(RATE,)), held, DRY)
    assert isinstance(found.verdict, Trip)
    assert (found.verdict.reason, found.verdict.retry_after) == (Reason.HELD, 60.0)


def test_a_raised_cap_lets_calls_pass() -> None:
    """What an account was raised to holds in its window."""
    raised = {key: _raised(one, usd("1")) for key, one in FULL.items()}
    verdicts = [
        admit(ASK, Terms(caps=(daily(max_cost=COST),)), each)[1].verdict for each in (FULL, raised)
    ]
    assert [type(one) for one in verdicts] == [Trip, Allow]


def _raised(balance: Balance, max_cost: Pico) -> Balance:
    return Balance(spent=balance.spent, calls=balance.calls, ceiling=Ceiling(max_cost=max_cost))


@pytest.mark.parametrize(
    ("action", "allowed", "recorded"),
    [
        pytest.param("refuse", False, 0, id="refuse"),
        pytest.param("alert", True, 1, id="alert"),
        pytest.param("both", False, 1, id="both"),
    ],
)
def test_an_action_refuses_or_records_or_both(action: str, allowed: bool, recorded: int) -> None:
    """An alert is recorded once in a window, whether its calls pass or not."""
    world = World(terms=Terms(caps=(daily(action=Action(action), max_cost=COST),)))
    world.balances |= FULL
    found = [world.ask(ASK) for _ in range(3)]
    assert [isinstance(one.verdict, Allow) for one in found] == [allowed] * 3
    assert [len(one.warned) for one in found] == [recorded, 0, 0]


def test_a_call_that_cannot_fit_is_an_alert_too() -> None:
    """With hard holds a cap that is not spent may refuse; `both` records that."""
    cap = daily(action=Action.BOTH, max_cost=usd("0.01"))
    _, found = admit(ASK, Terms(caps=(cap,), holds=HARD))
    left = "the call may come to $0.0114, and $0.0100 of $0.0100 is left"
    assert [one.message for one in found.warned] == [f"Daily spend cap for user alice: {left}"]


@pytest.mark.parametrize(
    ("cap", "on_blind", "imputed", "refused"),
    [
        pytest.param(daily(max_cost=COST), "refuse", False, True, id="a dollar cap needs a price"),
        pytest.param(daily(max_cost=COST), "warn", False, False, id="unless told otherwise"),
        pytest.param(daily(max_calls=9), "refuse", False, False, id="a cap on calls does not"),
        pytest.param(daily(max_cost=COST), "refuse", True, False, id="nor does a subscription"),
        pytest.param(
            daily(action=Action.ALERT, max_cost=COST), "refuse", False, False, id="nor an alert"
        ),
    ],
)
def test_a_dollar_cap_refuses_what_nobody_prices(
    cap: Cap, on_blind: str, imputed: bool, refused: bool
) -> None:
    """Blind is not free, for caps as for runs."""
    ask = replace(ASK, card=None, on_blind=OnBlind(on_blind), imputed=imputed)
    _, found = admit(ask, Terms(caps=(cap,)))
    reasons = [found.verdict.reason] if isinstance(found.verdict, Trip) else []
    assert reasons == ([Reason.UNPRICED_MODEL] if refused else [])


def test_a_subscriptions_call_holds_money_only_where_it_counts() -> None:
    """One cap counts imputed money, the run and another cap do not: only the one holds it."""
    counting = Cap(
        target=EVERYONE,
        window=WindowKind.DAY,
        ceiling=Ceiling(max_cost=COST),
        count_imputed=True,
    )
    world = World(terms=Terms(caps=(daily(max_cost=usd("0.012")), counting), holds=HARD))
    world.balances[RUN] = Balance(limits=Limits(max_cost=usd("0.012")))
    imputed = replace(ASK, imputed=True)
    found = [type(world.ask(one).verdict) for one in (*[imputed] * 4, ASK)]
    assert found == [Allow, Allow, Allow, Allow, Trip]
    held = world.balances["cap:all|day:2026-11-21"]
    assert (held.held, world.balances[RUN].spoken_for()) == (4 * 11_424_000_000, 0)


CLAMP = Holds(mode=HoldMode.HARD, clamp=True)
CLAMPABLE = replace(ASK, clamp_floor=1, max_output=4000)


@pytest.mark.parametrize(
    ("holds", "balance", "ask", "expected"),
    [
        pytest.param(CLAMP, Balance(), CLAMPABLE, None, id="it fits"),
        pytest.param(CLAMP, Balance(spent=usd("0.03")), CLAMPABLE, 1857, id="to what is left"),
        pytest.param(
            CLAMP, Balance(spent=usd("0.03")), replace(CLAMPABLE, max_output=None), 1857, id="none"
        ),
        pytest.param(
            CLAMP,
            Balance(spent=usd("0.03")),
            replace(CLAMPABLE, choices=2, max_output=8000),
            928,
            id="for each choice",
        ),
        pytest.param(
            CLAMP, Balance(spent=usd("0.048")), CLAMPABLE, Reason.COST_BUDGET, id="too little left"
        ),
        pytest.param(
            CLAMP,
            Balance(spent=usd("0.03")),
            replace(CLAMPABLE, clamp_floor=2000),
            Reason.COST_BUDGET,
            id="above the thinking budget",
        ),
        pytest.param(
            CLAMP,
            Balance(spent=usd("0.03")),
            replace(CLAMPABLE, clamp_floor=None),
            Reason.COST_BUDGET,
            id="a signed body",
        ),
        pytest.param(
            CLAMP,
            Balance(held=usd("0.03"), open_calls=1),
            CLAMPABLE,
            1857,
            id="beside open calls, to a usual answer at least",
        ),
        pytest.param(
            CLAMP,
            Balance(held=usd("0.04"), open_calls=1),
            CLAMPABLE,
            Reason.HELD,
            id="rather waits than be cut short",
        ),
        pytest.param(HARD, Balance(spent=usd("0.03")), CLAMPABLE, Reason.COST_BUDGET, id="off"),
        pytest.param(Holds(clamp=True), Balance(spent=usd("0.03")), CLAMPABLE, 1990, id="expected"),
        pytest.param(
            Holds(clamp=True),
            Balance(spent=usd("0.0499")),
            CLAMPABLE,
            1000,
            id="expected, a usual answer at least",
        ),
    ],
)
def test_clamp_lowers_a_call_to_what_is_left(
    holds: Holds, balance: Balance, ask: Ask, expected: int | Reason | None
) -> None:
    """The output limit that fits the rest of the budget, or the reason why none does."""
    stand = Balance(
        spent=balance.spent,
        held=balance.held,
        open_calls=balance.open_calls,
        limits=Limits(max_cost=usd("0.05")),
    )
    verdict = admit(ask, Terms(holds=holds), {RUN: stand})[1].verdict
    found = verdict.max_output if isinstance(verdict, Allow) else verdict.reason
    assert found == expected


def test_clamp_minds_every_limit_at_once() -> None:
    """The tightest of a run's budget, a cap on money and a cap on tokens decides."""
    terms = Terms(caps=(daily(max_cost=usd("0.02")), daily(max_tokens=2000)), holds=CLAMP)
    _, found = admit(CLAMPABLE, terms)
    assert isinstance(found.verdict, Allow)
    assert (found.verdict.max_output, found.verdict.hold) == (576, (1424 + 5760) * 10**6)


def test_a_refused_call_opens_nothing() -> None:
    """There is no entry to be had of a call that was refused."""
    _, found = admit(ASK, Terms(caps=(daily(max_cost=COST),)), FULL)
    with pytest.raises(ValueError, match="it opens nothing"):
        opened(ASK, found, START)


def test_the_accounts_of_a_call_name_its_run_first() -> None:
    """Keys come once each, though two caps share one."""
    planned, _ = admit(ASK, Terms(caps=(daily(max_calls=1), daily(max_cost=COST))))
    assert planned.accounts == (RUN, "cap:user=alice|day:2026-11-21")


@given(st.lists(st.integers(-(10**5), 10**6), min_size=2, max_size=6))
def test_an_earlier_plan_changes_no_plan(seconds: list[int]) -> None:
    """Windows that are used again are the ones that would be worked out anew."""
    caps = tuple(
        Cap(target=USERS, window=kind, ceiling=Ceiling(max_calls=1)) for kind in WindowKind
    )
    terms = Terms(caps=caps)
    last = None
    for moment in (Instant(START + second * SECOND) for second in seconds):
        last = plan(ASK, terms, RUN, moment, last)
        assert last == plan(ASK, terms, RUN, moment)
