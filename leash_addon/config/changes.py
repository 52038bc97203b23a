"""What differs between two readings of the settings, and what of it a running proxy takes over.

A limit, a cap or a price may change under a proxy that runs; where it listens, what it may reach
and whom it believes are as they were when it started.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from leash_addon.config.settings import KEYS, Key, Settings
from leash_addon.core.boundaries import show_span
from leash_addon.core.limits import TokenWindow
from leash_addon.core.money import Pico, show_usd

MONEY = frozenset({"max_cost", "max_cost_per_call", "compute_rate"})
TOKENS = "[[token]]"
TABLES = ("[[cap]]", "[[rate]]", TOKENS, "[providers]")
TAKEN = frozenset(
    {
        *(key.flat for key in KEYS if key.section in {"limits", "holds"}),
        *("prices", "timezone", "on_blind", "refusal", "no_inject", "websocket"),
        *("cut", "stall_mask", "stall_exempt"),
    }
)
"""Settings that a running proxy takes over, by flat name; tables of ``TABLES``, too."""

ELSEWHERE = frozenset({"screening"})
"""What watches its own files and says itself what has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Names of what differs: with values in ``taken`` where they are short; see ``TAKEN``."""

    taken: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def changes(
    old: Settings, new: Settings, *, begun: Settings, taken: frozenset[str] = TAKEN
) -> Changes:
    """Compare. ``begun``: those that the process started with. ``taken``: what it takes over."""
    tables = tuple(_tables(old, new))
    asks = bool(begun.tokens)  # whether anybody is asked for one at all is settled at the start
    return Changes(
        taken=(
            *(
                _shown(key, old, new)
                for key in KEYS
                if key.flat in taken and _differ(key, old, new)
            ),
            *(name for name in tables if asks or name != TOKENS),
        ),
        restart=(
            *(
                key.dotted
                for key in KEYS
                if key.flat not in taken | ELSEWHERE and _differ(key, begun, new)
            ),
            *([TOKENS] if new.tokens and not asks else []),
        ),
    )


def taken_over(begun: Settings, new: Settings) -> Settings:
    """Return what a process goes on with that began with ``begun`` and has read ``new``."""
    plain = [key.name for key in KEYS if key.flat in TAKEN and not key.section]
    return replace(
        begun,
        limits=new.limits,
        holds=new.holds,
        caps=new.caps,
        rates=new.rates,
        screening=new.screening,
        providers=new.providers,
        tokens=new.tokens,
        given=new.given,
        **{name: getattr(new, name) for name in plain},
    )


def _differ(key: Key, old: Settings, new: Settings) -> bool:
    return bool(_value(key, old) != _value(key, new))


def _value(key: Key, settings: Settings) -> object:
    if key.section == "screening":
        return settings.screening
    place = getattr(settings, key.section) if key.section else settings
    return getattr(place, key.name)


def _tables(old: Settings, new: Settings) -> Iterable[str]:
    pairs = (
        (old.caps, new.caps),
        (old.rates, new.rates),
        (old.tokens, new.tokens),
        (old.providers, new.providers),
    )
    return (name for name, (one, other) in zip(TABLES, pairs, strict=True) if one != other)


def _shown(key: Key, old: Settings, new: Settings) -> str:
    if key.section != "limits":
        return key.dotted
    return f"{key.name} {_limit(key, old)} -> {_limit(key, new)}"


def _limit(key: Key, settings: Settings) -> str:
    value = _value(key, settings)
    match value:
        case TokenWindow(tokens=tokens, seconds=seconds):
            return f"{tokens}/{show_span(seconds)}"
        case bool():
            return "on" if value else "off"
        case int() if value and key.name in MONEY:
            return show_usd(Pico(value))
        case int() if value and key.name == "deadline":
            return show_span(value)
        case _:
            return str(value or "off")
