"""What the admin API answers, as plain values: the same objects that ``--json`` prints."""

from collections.abc import Mapping
from dataclasses import dataclass

from leash_addon.cli import shown
from leash_addon.cli.caps import capped
from leash_addon.cli.inspect_ import coverage
from leash_addon.cli.options import now
from leash_addon.cli.raise_cap import raise_cap
from leash_addon.config.settings import Settings
from leash_addon.ledger import Ledger, Standing
from leash_addon.proxy.account import time_of
from leash_addon.proxy.raising import raised


@dataclass(frozen=True, slots=True)
class Api:
    """Reads and changes one ledger under the settings of the process that serves."""

    settings: Settings

    def runs(self, ledger: Ledger) -> list[shown.Shown]:
        """List every run, the most recently active first."""
        at = now()
        return [_run(one) | shown.run(one, at) for one in ledger.runs(at)]

    def run(self, ledger: Ledger, run: str) -> shown.Shown:
        """Return one run with its calls and what happened to it."""
        at = now()
        standing, entries = ledger.standing(run, at), list(ledger.entries(run))
        return {
            **_run(standing),
            **shown.run(standing, at),
            "coverage": coverage(entries),
            "entries": shown.calls(entries),
            "events": shown.happenings(entries),
        }

    def journal(self, ledger: Ledger, run: str) -> list[object]:
        """Return the journal of a run as it is written: pairs of number and entry."""
        ledger.balance(run)
        return [list(pair) for pair in ledger.entries(run)]

    def calls(self, ledger: Ledger) -> list[object]:
        """Return the calls in flight, as their entries are written."""
        return list(ledger.open_calls())

    def kill(self, ledger: Ledger, run: str, by: str) -> shown.Shown:
        """End a run by hand."""
        at = now()
        ledger.kill(run, at, by=by)
        standing = ledger.standing(run, at)
        return _run(standing) | shown.run(standing, at)

    def raise_run(self, ledger: Ledger, run: str, given: Mapping[str, str], by: str) -> shown.Shown:
        """Change limits of a run: ``{"max_cost": "+5"}``."""
        at = now()
        raised(ledger, run, given, at, by)
        standing = ledger.standing(run, at)
        return _run(standing) | shown.run(standing, at)

    def caps(self, ledger: Ledger, *, every: bool) -> list[shown.Shown]:
        """List the accounts of caps."""
        return capped(ledger, self.settings, now(), every=every)

    def raise_cap(
        self, ledger: Ledger, account: str, given: Mapping[str, str], by: str
    ) -> shown.Shown:
        """Raise a cap for one account and its present window."""
        return {"said": raise_cap(ledger, self.settings, account, given, by=by)}

    def findings(self, ledger: Ledger, run: str | None) -> list[object]:
        """List what screening found, as the entries are written."""
        if run is not None:
            ledger.balance(run)
        return list(ledger.findings(run))

    def tokens(self) -> list[shown.Shown]:
        """List who may use the proxy: never a token, nor its hash."""
        return [
            {
                "name": grant.name,
                "tenant": grant.tenant or None,
                "tags": None if grant.tags is None else dict(grant.tags),
                "expires_at": time_of(grant.expires),
            }
            for grant in self.settings.tokens
        ]


def _run(standing: Standing) -> shown.Shown:
    """Return a run's balance as it is kept: picodollars and microseconds."""
    return {"balance": standing.balance}
