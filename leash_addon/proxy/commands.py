"""Commands of stock mitmproxy: ``:leash.ps``, ``:leash.inspect RUN``, ``:leash.kill RUN`` ...

They read and change the ledger as the commands of the same names do. mitmproxy calls them on its
event loop; each is one short transaction, and a ledger that is busy says so instead of waiting.
"""

import time
from collections.abc import Callable, Sequence

from mitmproxy import command, exceptions

from leash_addon.core.balance import Balance
from leash_addon.core.money import Instant, show_usd
from leash_addon.errors import LeashError, UsageError
from leash_addon.ledger import Ledger, Standing
from leash_addon.proxy.account import Account
from leash_addon.proxy.raising import raised

MOST = 50
"""Runs that are listed."""

BY = "mitmproxy"


class Commands:
    """A sub-addon. ``ledger`` returns the open ledger, ``None`` before leash stands.

    ``reload`` has the settings read anew.
    """

    name = "leash-commands"

    def __init__(
        self, ledger: Callable[[], Ledger | None], reload: Callable[[], None] = lambda: None
    ) -> None:
        """Remember where the ledger comes from."""
        self._ledger, self._reload = ledger, reload

    @command.command("leash.reload")  # type: ignore[untyped-decorator]
    def reload(self) -> None:
        """Read files and options anew; the log says what changed."""
        self._reload()

    @command.command("leash.ps")  # type: ignore[untyped-decorator]
    def ps(self) -> Sequence[str]:
        """List the runs, the most recently active first."""
        return self._asked(lambda ledger, at: [_row(one, at) for one in ledger.runs(at, MOST)])

    @command.command("leash.inspect")  # type: ignore[untyped-decorator]
    def inspect(self, run: str) -> Sequence[str]:
        """Show a run: its status, limits and account."""
        return self._asked(lambda ledger, at: _told(ledger.standing(run, at), at))

    @command.command("leash.kill")  # type: ignore[untyped-decorator]
    def kill(self, run: str) -> str:
        """End a run by hand: its next call is refused."""
        return self._asked(
            lambda ledger, at: f"killed run {run} at {_at(ledger.kill(run, at, by=BY), at)}"
        )

    @command.command("leash.raise")  # type: ignore[untyped-decorator]
    def raise_(self, run: str, limit: str, value: str) -> str:
        """Change a limit of a run: leash.raise RUN max_cost +5."""
        given = {limit.removeprefix("--").replace("-", "_"): value}
        return self._asked(
            lambda ledger, at: f"run {run} stands at {_at(raised(ledger, run, given, at, BY), at)}"
        )

    def _asked[T](self, work: Callable[[Ledger, Instant], T]) -> T:
        ledger = self._ledger()
        if ledger is None:
            msg = "leash is not ready"
            raise exceptions.CommandError(msg)
        try:
            return work(ledger, Instant(time.time_ns() // 1000))
        except (LeashError, UsageError) as error:
            raise exceptions.CommandError(str(error)) from error


def _row(standing: Standing, at: Instant) -> str:
    balance = standing.balance
    open_calls = f", {balance.open_calls} open" if balance.open_calls else ""
    return f"{standing.run}  {standing.status}  {_at(balance, at)}{open_calls}"


def _told(standing: Standing, at: Instant) -> list[str]:
    balance = standing.balance
    limits = Account(balance=balance, now=at).limits()
    shown = (f"{name} {_plain(value)}" for name, value in limits.items())
    return [
        f"run     {standing.run}",
        f"status  {standing.status}" + (f" ({balance.stopped})" if balance.stopped else ""),
        f"limits  {', '.join(shown) or 'none'}",
        f"stands  {_at(balance, at)}, {show_usd(balance.held)} held",
    ]


def _plain(value: object) -> str:
    """Write a limit: amounts come as raw JSON numbers."""
    return bytes(value).decode() if hasattr(value, "__buffer__") else str(value)


def _at(balance: Balance, at: Instant) -> str:
    return Account(balance=balance, now=at).sentence
