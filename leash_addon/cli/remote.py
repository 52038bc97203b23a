"""``leash --remote URL``: the commands that read and end runs, spoken to a ``serve`` elsewhere.

It has the methods of a ledger that those commands use, and asks the admin API for each.
"""

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import quote, urlsplit

import click
import msgspec

from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallOpened, Entry, Screened
from leash_addon.core.money import Instant
from leash_addon.errors import LeashError, LedgerError, UsageError
from leash_addon.ledger import Ledger, Standing

TOKEN = "LEASH_AUTH_TOKEN"  # noqa: S105 - the variable's name
PATIENCE = 30.0
_ENTRIES: msgspec.json.Decoder[list[tuple[int, Entry]]] = msgspec.json.Decoder(
    list[tuple[int, Entry]]
)


@dataclass(frozen=True, slots=True)
class Remote:
    """An admin port. ``url``: ``http://HOST:PORT``; the token is never shown."""

    url: str
    token: str = field(repr=False)

    def __enter__(self) -> Self:
        """Return itself; there is nothing to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """There is nothing to close."""

    def runs(self, now: Instant, limit: int | None = None) -> list[Standing]:  # noqa: ARG002
        """Return the runs, the most recently active first."""
        return [standing_of(row) for row in self.ask("runs")][:limit]

    def standing(self, run: str, now: Instant) -> Standing:  # noqa: ARG002 - as a ledger has it
        """Return one run's balance and status."""
        return standing_of(self.ask(f"runs/{_quoted(run)}"))

    def balance(self, run: str) -> Balance:
        """Return what a run stands at."""
        return standing_of(self.ask(f"runs/{_quoted(run)}")).balance

    def entries(self, run: str) -> Iterator[tuple[int, Entry]]:
        """Yield a run's journal."""
        yield from _ENTRIES.decode(self._ask(f"runs/{_quoted(run)}/journal"))

    def open_calls(self) -> list[CallOpened]:
        """Return the calls that are in flight."""
        return msgspec.json.decode(self._ask("calls"), type=list[CallOpened])

    def findings(self, run: str | None = None) -> list[Screened]:
        """Return what screening found."""
        which = "" if run is None else f"?run={_quoted(run)}"
        return msgspec.json.decode(self._ask(f"findings{which}"), type=list[Screened])

    def kill(self, run: str, now: Instant, *, by: str = "") -> Balance:  # noqa: ARG002
        """End a run by hand."""
        return standing_of(self.ask(f"runs/{_quoted(run)}/kill", {"by": by})).balance

    def raise_run(self, run: str, given: Mapping[str, str], by: str) -> Balance:
        """Change limits of a run."""
        body = {**given, "by": by}
        return standing_of(self.ask(f"runs/{_quoted(run)}/raise", body)).balance

    def raise_cap(self, account: str, given: Mapping[str, str], by: str) -> list[str]:
        """Raise a cap's account; return what to tell."""
        found = self.ask("caps/raise", {**given, "account": account, "by": by})
        return [str(line) for line in found["said"]]

    def ask(self, path: str, body: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return what the API answers, as JSON has it. Raises ``UsageError``, ``LedgerError``."""
        return json.loads(self._ask(path, body))

    def _ask(self, path: str, body: Mapping[str, str] | None = None) -> bytes:
        coded = None if body is None else msgspec.json.encode(dict(body))
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.url}/api/{path}", coded, headers)  # noqa: S310
        direct = urllib.request.build_opener(
            _NoDetour,
            urllib.request.ProxyHandler({}),  # a proxy that is set here may be the one asked about
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        )
        try:
            with direct.open(request, timeout=PATIENCE) as answer:
                found: bytes = answer.read()
                is_json = answer.headers.get_content_type() == "application/json"
        except urllib.error.HTTPError as error:
            _fail(self.url, error)
        except HTTPException:
            is_json = False
        except OSError as error:
            reason = getattr(error, "reason", error)
            msg = f"--remote: {self.url} does not answer: {reason}"
            raise LeashError(msg) from None
        if not is_json:
            msg = f"--remote: {self.url}: what answers there is no admin port of leash serve"
            raise LeashError(msg)
        return found


class _NoDetour(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the address that was given."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Take it for an answer."""


def _fail(url: str, error: urllib.error.HTTPError) -> NoReturn:
    try:
        said = json.loads(error.read())["error"]["message"]
    except (ValueError, KeyError, TypeError):
        said = f"it answered with {error.code}; is this the admin port of leash serve?"
    if error.code in {401, 429}:
        msg = f"--remote: {url}: {said} ({TOKEN} holds it)"
        raise UsageError(msg)
    if error.code >= 500:  # noqa: PLR2004 - HTTP
        msg = f"--remote: {url}: {said}"
        raise LedgerError(msg)
    raise UsageError(said)


def _quoted(run: str) -> str:
    return quote(run, safe="")


def standing_of(row: Mapping[str, object]) -> Standing:
    """Read a run of the API back."""
    return msgspec.convert(
        {"run": row["run"], "status": row["status"], "balance": row["balance"]}, Standing
    )


def remote_of(url: str) -> Remote:
    """Return what speaks to an admin port; raises ``UsageError`` for an address that is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        msg = f"--remote: {url}: write http://HOST:PORT, the --admin address of leash serve"
        raise UsageError(msg)
    return Remote(f"{parts.scheme}://{parts.netloc}", os.environ.get(TOKEN, ""))


def current() -> Remote | None:
    """Return the admin port that this command line speaks to, if it names one."""
    context = click.get_current_context(silent=True)
    found = context.find_root().obj if context else None
    return found if isinstance(found, Remote) else None


type Source = Ledger | Remote
"""Where a command reads: the ledger itself, or one behind an admin port."""
