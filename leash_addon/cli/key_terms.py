"""What a virtual key allows, as flags: models, caps and an end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, cast

import click
from msgspec.structs import replace

from leash_addon.config import durations, values
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import SECOND, Instant, show_usd
from leash_addon.core.virtual_keys import VirtualKey
from leash_addon.core.windows import WindowKind
from leash_addon.errors import UsageError
from leash_addon.proxy.account import time_of

type Command = Callable[..., Any]

READERS: Mapping[str, Callable[[object], int]] = {
    "max_cost": values.money,
    "max_calls": values.count,
    "max_tokens": values.count,
}
NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The flags that were given; ``None`` and empty: not given."""

    models: tuple[str, ...] = ()
    ceiling: Mapping[str, int]
    window: WindowKind
    expires: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Self:
        """Read them. Raises ``UsageError``."""
        ceiling = {}
        for name, read in READERS.items():
            if given[name] is not None:
                try:
                    ceiling[name] = read(given[name])
                except ValueError as error:
                    msg = f"--{name.replace('_', '-')}: {error}"
                    raise UsageError(msg) from None
        return cls(
            models=cast("tuple[str, ...]", given["models"]),
            ceiling=ceiling,
            window=WindowKind(str(given["window"])),
            expires=cast("str | None", given["expires"]),
        )

    @property
    def are_given(self) -> bool:
        """Tell whether there is anything to change."""
        return bool(self.models or self.ceiling or self.expires)


def terms_options(command: Command) -> Command:
    """Give a command the flags."""
    for option in (
        click.option(
            "--model",
            "models",
            multiple=True,
            metavar="GLOB",
            help="Only these models; may be given again; '*' is every one.",
        ),
        click.option("--max-cost", metavar="20", help="Dollars in a window; 0 lifts it."),
        click.option("--max-calls", metavar="500", help="Calls in a window; 0 lifts it."),
        click.option("--max-tokens", metavar="1000000", help="Tokens in a window; 0 lifts it."),
        click.option(
            "--per",
            "window",
            type=click.Choice([kind.value for kind in WindowKind]),
            default=WindowKind.MONTH.value,
            show_default=True,
            help="The window that the limits given with it count in.",
        ),
        click.option("--expires", metavar="30d|DATE|never", help="When it ends by itself."),
    ):
        command = option(command)
    return command


def changed(key: VirtualKey, terms: Terms, at: Instant) -> VirtualKey:
    """Return the key with the terms given; those of another window stay."""
    ceiling = key.caps.get(terms.window, Ceiling())
    caps = {**key.caps, terms.window: replace(ceiling, **terms.ceiling)}
    models = tuple(model for model in terms.models if model != "*")
    return replace(
        key,
        models=models if terms.models else key.models,
        caps={window: each for window, each in caps.items() if each != Ceiling()},
        expires_at=_expiry(terms.expires, at) if terms.expires else key.expires_at,
    )


def limits_of(key: VirtualKey) -> str:
    """Write the caps: ``$20.00 a month, 500 calls a day``."""
    found = []
    for window, ceiling in sorted(key.caps.items()):
        span = "in all" if window is WindowKind.TOTAL else f"a {window}"
        parts = (
            ceiling.max_cost and show_usd(ceiling.max_cost),
            ceiling.max_calls and f"{ceiling.max_calls} calls",
            ceiling.max_tokens and f"{ceiling.max_tokens} tokens",
        )
        found += [f"{part} {span}" for part in parts if part]
    return ", ".join(found) or "none"


def until(key: VirtualKey) -> str:
    """Write when it ends."""
    return time_of(key.expires_at) or NEVER


def _expiry(text: str, at: Instant) -> Instant | None:
    if text == NEVER:
        return None
    try:
        if "-" not in text:
            return Instant(at + durations.seconds(text) * SECOND)
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"--expires: {text!r}: write a span (30d), a date (2027-01-31) or never"
        raise UsageError(msg) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Instant(int(moment.timestamp()) * SECOND)
