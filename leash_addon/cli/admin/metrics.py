"""Metrics for Prometheus, folded from the journal.

They are the ledger's: every proxy that shares it tells the same figures, those of other workers
and machines included, counted from when this process began. No run, user or key is a label.
https://prometheus.io/docs/practices/naming/ (2026-11)
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from leash_addon import __version__
from leash_addon.core.journal import CallOpened, CallRefused, CallSettled, Entry, Screened, Warned
from leash_addon.core.money import SECOND
from leash_addon.ledger import Ledger

PICO = 10**12
OVERLAP = 2_000
"""Entries that are looked at again: on a server, numbers are given before they are committed."""

MOST_MODELS = 200
"""Models told apart; those that come later are one: names come from request bodies."""

SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters that follow one journal."""

    def __init__(self) -> None:
        """Count nothing yet; ``begin`` or the first ``follow`` sets where the journal begins."""
        self._registry = registry = CollectorRegistry()
        self._began: int | None = None
        self._seq = 0
        self._seen: set[int] = set()
        self._callers: dict[str, tuple[str, str]] = {}
        self._models: set[str] = set()
        who = ("provider", "model")

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(name, about, labels, registry=registry)

        self._opened = counter("leash_calls_opened", "Calls admitted.", *who)
        self._settled = counter("leash_calls_settled", "Calls that ended.", *who, "outcome")
        self._cost = counter("leash_cost_dollars", "Booked cost.", *who, "confidence")
        self._tokens = counter("leash_tokens", "Tokens reported.", *who, "kind")
        self._unpriced = counter("leash_calls_unpriced", "Calls without a cost.", *who)
        self._refused = counter("leash_refusals", "Calls refused.", "reason")
        self._warned = counter("leash_warnings", "Limits of which a fraction was reached.", "limit")
        self._findings = counter("leash_findings", "Screening rules that fired.", "rule", "action")
        self._took = Histogram(
            "leash_call_seconds", "From admission to end.", buckets=SECONDS, registry=registry
        )
        self._first = Histogram(
            "leash_first_byte_seconds", "To the first byte.", buckets=SECONDS, registry=registry
        )
        self._open = Gauge("leash_calls_open", "Calls in flight.", registry=registry)
        self._held = Gauge("leash_held_dollars", "Money held for them.", registry=registry)
        self._runs = Gauge("leash_runs", "Runs by status.", ("status",), registry=registry)
        Gauge("leash_build", "1, with the version.", ("version",), registry=registry).labels(
            __version__
        ).set(1)

    def written(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self._registry)

    def begin(self, ledger: Ledger) -> int:
        """Count what comes after the journal's present end; return where that was."""
        if self._began is None:
            self._began = self._seq = ledger.last_seq()
        return self._began

    def follow(self, ledger: Ledger, now: Callable[[], int]) -> None:
        """Take in what the journal has got since last time, and what stands open now."""
        began = self.begin(ledger)
        for seq, entry in ledger.entries_after(max(began, self._seq - OVERLAP)):
            if seq not in self._seen:
                self._seen.add(seq)
                self._seq = max(seq, self._seq)
                self._take(entry)
        self._seen = {seq for seq in self._seen if seq > self._seq - OVERLAP}
        calls = ledger.open_calls()
        self._open.set(len(calls))
        self._held.set(sum(call.hold for call in calls) / PICO)
        self._runs.clear()
        for standing in ledger.runs(now()):  # type: ignore[arg-type]  # microseconds
            self._runs.labels(str(standing.status)).inc()

    def _take(self, entry: Entry) -> None:
        match entry:
            case CallOpened():
                who = (entry.provider, self._model(entry.model))
                self._callers[entry.call] = who
                self._opened.labels(*who).inc()
            case CallSettled():
                self._end(entry)
            case CallRefused():
                self._refused.labels(str(entry.reason)).inc()
            case Warned():
                self._warned.labels(entry.limit).inc()
            case Screened():
                for found in entry.found:
                    self._findings.labels(found.rule, found.action).inc()
            case _:
                pass

    def _end(self, entry: CallSettled) -> None:
        who = self._callers.pop(entry.call, ("", self._model(entry.model)))
        self._settled.labels(*who, str(entry.outcome)).inc()
        if entry.cost is None:
            self._unpriced.labels(*who).inc()
        else:
            self._cost.labels(*who, str(entry.confidence)).inc(entry.cost / PICO)
        for kind in ("input", "output", "cache_read", "cache_write", "reasoning"):
            self._tokens.labels(*who, kind).inc(max(0, getattr(entry.tokens, kind)))
        if entry.took is not None:
            self._took.observe(entry.took / SECOND)
        if entry.first_byte is not None:
            self._first.observe(entry.first_byte / SECOND)

    def _model(self, name: str) -> str:
        if name not in self._models and len(self._models) >= MOST_MODELS:
            return "(others)"
        self._models.add(name)
        return name
