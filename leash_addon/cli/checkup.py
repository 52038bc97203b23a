"""What can be checked without a network: ledger, authority, bundle, clock, prices, environment."""

import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path

from leash_addon.cli.engine import Equipment
from leash_addon.cli.environment import DROPPED
from leash_addon.cli.lines import BASE_URLS, other_proxy_line
from leash_addon.cli.options import is_there, now
from leash_addon.cli.probes import Found
from leash_addon.config.prices import Prices
from leash_addon.config.settings import Settings
from leash_addon.errors import LeashError
from leash_addon.ledger import open_ledger
from leash_addon.proxy.bundle import write_bundle

OLD = timedelta(days=60)
"""Age from which published prices are worth an update."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def checked(equipment: Equipment, env: Mapping[str, str], folder: Path) -> Iterator[Found]:
    """Yield one finding after the other. ``folder``: for files that go away."""
    settings = equipment.settings
    yield from _each("ledger", lambda: _ledger(settings))
    yield from _each("permissions", lambda: _permissions(settings))
    yield from _each("authority", lambda: _authority(equipment))
    yield from _each("bundle", lambda: _bundle(equipment, env, folder))
    yield from _each("clock", lambda: _clock(settings))
    yield from _each("prices", lambda: _prices(equipment.prices))
    yield from _each("environment", lambda: _environment(env))


def _each(name: str, check: Callable[[], tuple[str, str]]) -> Iterator[Found]:
    try:
        verdict, why = check()
    except (LeashError, OSError) as error:
        verdict, why = "fail", str(error)
    yield Found(name=name, verdict=verdict, why=why)


def _ledger(settings: Settings) -> tuple[str, str]:
    if not is_there(settings.db):
        return "ok", f"{settings.db}: not there yet, made by the first run"
    with open_ledger(settings.db) as ledger:
        problems = ledger.fsck()
        runs = len(ledger.runs(now()))
    if problems:
        return "fail", f"{len(problems)} problems; leash fsck lists them"
    return "ok", f"{settings.db}: {runs} runs, balances equal the journal"


def _permissions(settings: Settings) -> tuple[str, str]:
    """Name files of leash that others may read or change."""
    home = settings.home
    if not home.exists():
        return "ok", f"{home}: made by the first run"
    secret = [home, home / "secret", home / "ca", *(home / "ca").glob("*.key")]
    if isinstance(settings.db, Path):
        secret.append(settings.db)
    wide = [str(path) for path in secret if path.exists() and path.stat().st_mode & OTHERS]
    if wide:
        return "fail", f"open to others: {', '.join(wide)}; chmod go-rwx mends it"
    return "ok", f"{home} is for you alone"


def _authority(equipment: Equipment) -> tuple[str, str]:
    authority = equipment.authority
    left = authority.root.not_valid_after_utc - datetime.now(UTC)
    names = f"{len(authority.names)} names, SHA-256 {authority.fingerprint[:23]}..."
    if left < timedelta(days=30):
        return "warn", f"the root ends in {left.days} days; {names}"
    return "ok", f"signs for {names}, for {left.days} days more"


def _bundle(equipment: Equipment, env: Mapping[str, str], folder: Path) -> tuple[str, str]:
    files = write_bundle(folder, equipment.authority.root_pem, env)
    text = files.bundle.read_text()
    roots = text.count("BEGIN CERTIFICATE")
    if roots <= 1:
        return "warn", "no public roots found: children will trust leash alone"
    return "ok", f"{roots} roots, leash's among them"


def _clock(settings: Settings) -> tuple[str, str]:
    """Compare the clock with what leash has written: a time before that was set wrong once."""
    if not is_there(settings.db):
        return "ok", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; nothing to compare it with"
    at = now()
    with open_ledger(settings.db) as ledger:
        last = max((one.balance.last_call_at or 0 for one in ledger.runs(at)), default=0)
    if last > at:
        ahead = timedelta(microseconds=last - at)
        return "warn", f"the last call on record is {ahead} ahead of the clock"
    return "ok", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, not before the last call on record"


def _prices(prices: Prices) -> tuple[str, str]:
    """Tell the age of the published prices by when their package was installed."""
    metadata = distribution("genai-prices").locate_file("genai_prices/__init__.py")
    installed = datetime.fromtimestamp(Path(str(metadata)).stat().st_mtime, UTC)
    age = datetime.now(UTC) - installed
    told = f"{prices.describe()}, installed {installed:%Y-%m-%d}"
    if age > OLD:
        return "warn", f"{told}, {age.days} days ago; pip install -U genai-prices"
    return "ok", told


def _environment(env: Mapping[str, str]) -> tuple[str, str]:
    notes = [f"{name} is dropped for children" for name in DROPPED if env.get(name)]
    proxy = other_proxy_line(env)
    notes += [proxy] if proxy else []
    notes += [f"{name} is set: calls go there" for name in BASE_URLS if env.get(name)]
    if "NODE_OPTIONS" in env or "JAVA_TOOL_OPTIONS" in env:
        notes.append("NODE_OPTIONS and JAVA_TOOL_OPTIONS are added to, not replaced")
    return ("warn", "; ".join(notes)) if notes else ("ok", "nothing in it stands in the way")
