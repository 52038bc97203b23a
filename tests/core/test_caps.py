"""Caps: which accounts a call is charged to, what they say, and what is recorded once."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from leash_addon.core.after import stop_after
from leash_addon.core.ask import OnBlind
from leash_addon.core.balance import EMPTY, Balance
from leash_addon.core.bounds import Size
from leash_addon.core.cap_trips import Alert, check, due
from leash_addon.core.caps import Action, Cap, CapAccount, accounts_at, accounts_for
from leash_addon.core.holds import HoldMode
from leash_addon.core.journal import CallSettled, Tokens
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.verdict import Effect, Reason, Trip
from leash_addon.core.windows import WindowKind

BERLIN = ZoneInfo("Europe/Berlin")
NOON = Instant(1_795_258_800 * SECOND)  # 2026-11-21 12:00 in Berlin
ALICE = {"user": "alice", "model": "gpt-4o"}
DAILY = Cap(
    target=Target(per=(Scope.USER,)),
    window=WindowKind.DAY,
    ceiling=Ceiling(max_cost=usd("20")),
)
CALL = Size(hold=usd("1"), estimate=usd("0.1"), hold_tokens=1000, tokens=100)


def account(cap: Cap = DAILY, now: Instant = NOON) -> CapAccount:
    """Return Alice's account of a cap."""
    return accounts_for([cap], ALICE, now, BERLIN)[0]


def capped(ceiling: Ceiling, *, action: Action = Action.REFUSE) -> Cap:
    """Return a daily cap for each user."""
    return Cap(
        target=Target(per=(Scope.USER,)), window=WindowKind.DAY, ceiling=ceiling, action=action
    )


def test_a_call_is_charged_to_every_cap_that_concerns_it() -> None:
    """Each cap has an account by its scopes and window; a pattern that does not fit has none."""
    caps = [
        DAILY,
        Cap(window=WindowKind.TOTAL, ceiling=Ceiling(max_calls=1)),
        Cap(
            target=Target(per=(Scope.USER, Scope.MODEL), match={"model": "gpt-4o*"}),
            window=WindowKind.MONTH,
            ceiling=Ceiling(max_calls=1),
        ),
        Cap(
            target=Target(match={"model": "claude*"}),
            window=WindowKind.DAY,
            ceiling=Ceiling(max_calls=1),
        ),
    ]
    assert [one.key for one in accounts_for(caps, ALICE, NOON, BERLIN)] == [
        "cap:user=alice|day:2026-11-21",
        "cap:all|total",
        "cap:user=alice,model=gpt-4o|model~gpt-4o*|month:2026-11",
    ]


def test_caps_that_count_other_calls_have_other_accounts() -> None:
    """The pattern is part of the key: two caps per user on two models never mix."""
    caps = [
        Cap(
            target=Target(per=(Scope.USER,), match={"model": pattern}),
            window=WindowKind.DAY,
            ceiling=Ceiling(max_calls=1),
        )
        for pattern in ("gpt*", "*4o")
    ]
    assert len({one.key for one in accounts_for(caps, ALICE, NOON, BERLIN)}) == 2


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(ALICE, id="plain"),
        pytest.param({"user": "a,b=|%", "model": "x|y~z"}, id="delimiters"),
        pytest.param({}, id="nobody"),
    ],
)
def test_a_stored_key_leads_back_to_its_cap(tags: dict[str, str]) -> None:
    """What a key was made from is found by the key, under the same name."""
    caps = [
        Cap(
            target=Target(per=(Scope.MODEL, Scope.USER), match={"user": "*"}),
            window=WindowKind.WEEK,
            ceiling=Ceiling(max_calls=1),
        ),
        Cap(window=WindowKind.TOTAL, ceiling=Ceiling(max_calls=1)),
    ]
    made = accounts_for(caps, tags, NOON, UTC)
    found = [accounts_at(caps, one.key) for one in made]
    assert [[(one.cap, one.label) for one in each] for each in found] == [
        [(one.cap, one.label)] for one in made
    ]


@pytest.mark.parametrize("key", ["run:a", "cap:all", "cap:a|b|c|d", "cap:all|year:2026", ""])
def test_a_key_of_something_else_leads_nowhere(key: str) -> None:
    """A key that no cap made has no account."""
    assert accounts_at([Cap(ceiling=Ceiling(max_calls=1))], key) == ()


def test_the_message_is_what_users_expect() -> None:
    """A refusal says what was exceeded, whose, how far, and when it resets in local time."""
    trip = check(
        account(), Balance(spent=usd("20.5")), CALL, NOON, mode=HoldMode.EXPECTED, tz=BERLIN
    )
    assert trip == Trip(
        reason=Reason.CAP,
        effect=Effect.REFUSE,
        message=(
            "Daily spend cap exceeded for user alice: $20.50 of $20.00 spent; "
            "it resets at 2026-11-22 00:00 CET, in 12h"
        ),
        account="cap:user=alice|day:2026-11-21",
        resets_at=Instant(NOON + 12 * 3600 * SECOND),
    )


@pytest.mark.parametrize(
    ("seconds", "effect", "retry_after"),
    [
        pytest.param(61, Effect.REFUSE, None, id="too long to wait"),
        pytest.param(60, Effect.PASSING, 60.0, id="a minute"),
        pytest.param(0.5, Effect.PASSING, 1.0, id="at once"),
    ],
)
def test_only_a_near_reset_is_worth_waiting_for(
    seconds: float, effect: Effect, retry_after: float | None
) -> None:
    """Within a minute of its reset a cap asks to come back; before that it refuses for good."""
    midnight = account().window.end
    assert midnight is not None
    now = Instant(midnight - round(seconds * SECOND))
    trip = check(account(), Balance(spent=usd("20")), CALL, now, mode=HoldMode.EXPECTED, tz=BERLIN)
    assert isinstance(trip, Trip)
    assert (trip.effect, trip.retry_after) == (effect, retry_after)


FULL, HELD, YES = Effect.REFUSE, Effect.PASSING, None
SOME = Balance(spent=usd("15"), held=usd("4.5"), open_calls=2, calls=9)
ALONE = Balance(spent=usd("19.5"), calls=9)


@pytest.mark.parametrize(
    ("mode", "balance", "effect"),
    [
        pytest.param("expected", ALONE, YES, id="a lone call may overshoot"),
        pytest.param("hard", ALONE, FULL, id="a lone call that cannot fit"),
        pytest.param("settled", ALONE, YES, id="nothing is held, alone"),
        pytest.param("expected", SOME, HELD, id="beside open calls"),
        pytest.param("hard", SOME, HELD, id="beside open calls, hard"),
        pytest.param("settled", SOME, YES, id="nothing is held, beside others"),
        pytest.param("settled", Balance(spent=usd("20")), FULL, id="spent is spent"),
    ],
)
def test_hold_modes_differ_in_what_they_let_overshoot(
    mode: str, balance: Balance, effect: Effect | None
) -> None:
    """Held money makes a call wait; hard never lets one start that cannot fit."""
    trip = check(account(), balance, CALL, NOON, mode=HoldMode(mode), tz=BERLIN)
    assert (trip.effect if isinstance(trip, Trip) else None) == effect


@pytest.mark.parametrize(
    ("ceiling", "balance", "message"),
    [
        pytest.param(
            Ceiling(max_calls=9), SOME, "Daily call cap exceeded for user alice: 9 of 9", id="calls"
        ),
        pytest.param(
            Ceiling(max_tokens=100),
            Balance(tokens=Tokens(input=90, output=20)),
            "Daily token cap exceeded for user alice: 110 of 100 tokens",
            id="tokens",
        ),
        pytest.param(
            Ceiling(max_tokens=2000),
            Balance(tokens=Tokens(input=90), held_tokens=1000, open_calls=1),
            "1000 of the daily token cap of 2000 for user alice is held by calls that are open (1)",
            id="tokens held",
        ),
        pytest.param(
            Ceiling(max_cost=usd("20")),
            SOME,
            "$4.50 of the daily spend cap of $20.00 for user alice is held",
            id="money held",
        ),
    ],
)
def test_each_measure_says_what_is_used_up(
    ceiling: Ceiling, balance: Balance, message: str
) -> None:
    """Calls, tokens and money each have their own words."""
    trip = check(account(capped(ceiling)), balance, CALL, NOON, mode=HoldMode.EXPECTED, tz=BERLIN)
    assert isinstance(trip, Trip)
    assert trip.message.startswith(message)


def test_an_alert_lets_the_call_pass() -> None:
    """A cap that only alerts answers with an alert where another would refuse."""
    cap = capped(Ceiling(max_cost=usd("20")), action=Action.ALERT)
    answer = check(
        account(cap), Balance(spent=usd("25")), CALL, NOON, mode=HoldMode.HARD, tz=BERLIN
    )
    assert answer == Alert(
        account=account(cap),
        message="Daily spend cap exceeded for user alice: $25.00 of $20.00 spent",
    )


@pytest.mark.parametrize(
    ("count_imputed", "imputed", "spent", "refused"),
    [
        pytest.param(False, True, "30", False, id="a subscription's call is not counted"),
        pytest.param(False, False, "10", False, id="imputed money is not counted"),
        pytest.param(True, False, "10", True, id="imputed money is counted on request"),
        pytest.param(True, True, "10", True, id="and its calls are refused"),
    ],
)
def test_imputed_money_counts_only_on_request(
    count_imputed: bool, imputed: bool, spent: str, refused: bool
) -> None:
    """What a subscription covers fills a cap, and is stopped by it, only with count_imputed."""
    cap = Cap(
        target=Target(per=(Scope.USER,)),
        window=WindowKind.DAY,
        ceiling=Ceiling(max_cost=usd("20")),
        count_imputed=count_imputed,
    )
    balance = Balance(spent=usd(spent), imputed=usd("15"))
    answer = check(
        account(cap), balance, CALL, NOON, mode=HoldMode.EXPECTED, tz=BERLIN, imputed=imputed
    )
    assert isinstance(answer, Trip) is refused


@pytest.mark.parametrize(
    ("action", "spent", "expected"),
    [
        pytest.param("refuse", "9.99", [], id="before the first fraction"),
        pytest.param("refuse", "10", [500], id="at it"),
        pytest.param("refuse", "20", [500, 800], id="refuse alone records no alert"),
        pytest.param("alert", "20", [500, 800, 1000], id="alert"),
        pytest.param("both", "21", [500, 800, 1000], id="both"),
    ],
)
def test_each_fraction_is_recorded_when_it_is_reached(
    action: str, spent: str, expected: list[int]
) -> None:
    """Fractions asked for warn; the whole is an alert where the action says so."""
    cap = Cap(
        target=Target(per=(Scope.USER,)),
        window=WindowKind.DAY,
        ceiling=Ceiling(max_cost=usd("20")),
        action=Action(action),
        warn_at=(500, 800),
    )
    found = due(account(cap), Balance(spent=usd(spent)), run="r", now=NOON)
    assert [one.at_thousandths for one in found] == expected


def test_nothing_is_recorded_twice_until_the_limit_is_raised() -> None:
    """A warning that the account has stays silent; a raised limit warns at its own fraction."""
    cap = Cap(window=WindowKind.DAY, ceiling=Ceiling(max_cost=usd("20")), warn_at=(500,))
    whose = account(cap)
    balance = Balance(spent=usd("12"))
    first = due(whose, balance, run="r", now=NOON)
    warned = replace(balance, warned=tuple(one.limit for one in first))
    raised = replace(warned, ceiling=Ceiling(max_cost=usd("24")))
    counts = [len(due(whose, each, run="r", now=NOON)) for each in (balance, warned, raised)]
    assert counts == [1, 0, 1]


@pytest.mark.parametrize(
    ("raised", "limit"),
    [
        pytest.param(None, "20", id="never raised"),
        pytest.param(Ceiling(max_cost=usd("50")), "50", id="raised"),
        pytest.param(Ceiling(max_cost=usd("5")), "20", id="a raise never lowers"),
        pytest.param(Ceiling(max_calls=3), None, id="lifted"),
    ],
)
def test_a_raise_holds_for_its_account(raised: Ceiling | None, limit: str | None) -> None:
    """The account allows its cap or what it was raised to, whichever is more."""
    ceiling = account().ceiling(replace(EMPTY, ceiling=raised))
    assert ceiling == Ceiling(max_cost=Pico(0) if limit is None else usd(limit))


def test_a_cap_without_a_limit_is_refused() -> None:
    """A cap must limit something."""
    with pytest.raises(ValueError, match="it limits nothing"):
        Cap(ceiling=Ceiling())


@pytest.mark.parametrize(
    ("capped", "on_blind", "stops"),
    [
        pytest.param(True, "refuse", True, id="under a dollar cap"),
        pytest.param(False, "refuse", False, id="under none"),
        pytest.param(True, "allow", False, id="unless it was allowed"),
    ],
)
def test_a_call_that_comes_back_blind_stops_its_run(
    capped: bool, on_blind: str, stops: bool
) -> None:
    """A dollar cap needs every call's cost, as a run's own budget does."""
    blind = CallSettled(
        run="r",
        at=NOON,
        call="c",
        accounts=("run:r",),
        hold=Pico(0),
        cost=None,
        confidence=Confidence.UNPRICED,
        outcome=Outcome.COMPLETE,
    )
    stop = stop_after(blind, EMPTY, OnBlind(on_blind), capped=capped)
    assert (stop is not None) is stops
