"""The lines that ``leash run`` prints before its command starts and after it has ended."""

from collections.abc import Collection, Iterable, Mapping

from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import show_span
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant, Pico, show_usd
from leash_addon.core.verdict import Reason
from leash_addon.ledger import raise_hint
from leash_addon.proxy.coverage import Coverage

DOT = " · "
SUBSCRIPTIONS = frozenset({"claude", "codex"})
"""Programs whose users mostly log in with a subscription."""

NAMED = 3
"""Rules that a line names."""

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_API_KEY")
BASE_URLS = (
    "ANTHROPIC_BASE_URL",
    "OPENAI_API_BASE",
    "OPENAI_BASE_URL",
    "OLLAMA_API_BASE",
    "OLLAMA_HOST",
)


def limits_line(limits: Limits) -> str:
    """List the limits that are on, in their order."""
    parts = [
        limits.max_cost and f"max cost {show_usd(limits.max_cost)}",
        limits.max_cost_per_call and f"max cost per call {show_usd(limits.max_cost_per_call)}",
        limits.max_calls and f"max calls {limits.max_calls}",
        limits.max_inflight and f"max in flight {limits.max_inflight}",
        limits.deadline and f"deadline {show_span(limits.deadline)}",
        limits.rate and f"rate {limits.rate.tokens}/{show_span(limits.rate.seconds)}",
        limits.stall and f"stall {limits.stall}",
        limits.compute_rate and f"compute {show_usd(limits.compute_rate)}/h",
        limits.warn_at and f"warn at {limits.warn_at / 1000:g}",
        limits.count_imputed and limits.counts_money and "subscriptions count",
    ]
    return DOT.join(part for part in parts if part) or "no limit"


def start_line(run: str, limits: Limits, prices: str) -> str:
    """Say which run begins, under which limits and prices."""
    return DOT.join((f"run {run}", limits_line(limits), f"prices {prices}"))


def cost_line(balance: Balance, now: Instant) -> str:
    """Say what a run came to: ``$4.10 tokens + $0.91 compute = $5.01``."""
    tokens = balance.counted()
    if not balance.limits.compute_rate:
        return show_usd(tokens)
    compute = balance.compute(now)
    total = show_usd(Pico(tokens + compute))
    return f"{show_usd(tokens)} tokens + {show_usd(compute)} compute = {total}"


def end_lines(run: str, balance: Balance, now: Instant) -> list[str]:
    """Say how a run ended, what it cost, and how a stopped one may go on."""
    came_to = f"after {count(balance.calls, 'call')}, {cost_line(balance, now)}"
    if balance.stopped is None:
        lines = [f"finished run {run} {came_to}"]
    elif balance.stopped is Reason.KILL:
        lines = [f"killed run {run} {came_to} (kill)"]
    else:
        lines = [f"stopped run {run} {came_to} ({balance.stopped})"]
        hint = raise_hint(run, balance.stopped)
        if hint:
            lines.append(f"to let it go on: {hint}, then leash --run {run} -- ...")
    return lines + _asides(balance)


def _asides(balance: Balance) -> list[str]:
    lines = []
    if balance.imputed:
        counted = "counted" if balance.limits.count_imputed else "did not count"
        lines.append(
            f"{show_usd(balance.imputed)} of it was imputed: a subscription pays for it, so it "
            f"{counted} towards dollar limits"
        )
    if balance.unpriced:
        lines.append(f"the cost of {count(balance.unpriced, 'call')} is not known and in no total")
    return lines


def refused_line(number: int, reasons: Iterable[Reason]) -> str:
    """Say how many calls were refused in a run that was not stopped, and why."""
    why = ", ".join(sorted(reasons))
    return f"refused {count(number, 'call')}" + (f" ({why})" if why else "")


def screened_line(run: str, rules: Collection[str]) -> str:
    """Say which rules fired on the texts of a run, where to look them up, and what helps."""
    named = ", ".join(list(rules)[:NAMED])
    more = f" and {len(rules) - NAMED} more" if len(rules) > NAMED else ""
    look = f"`leash findings --run {run}` shows where"
    return f"screening: {named}{more} fired; {look}, `leash rules allow HASH` lets a text pass"


def ungoverned_lines(run: str, coverage: Coverage) -> list[str]:
    """Say loudly that a run made no governed call, with what was seen for each suspicion."""
    ignored = "nothing at all came to leash" if not _anything(coverage) else "some traffic came"
    distrusted = _seen("handshakes broken off", coverage.distrusted)
    unknown = _seen("tunnelled untouched", coverage.tunnelled)
    where = "or it is on localhost and leash.toml does not name it"
    return [
        f"run {run} made NO GOVERNED CALL: nothing was metered and no limit could hold. Either",
        f"  1. the program ignores its proxy settings ({ignored}), or",
        f"  2. it does not trust leash's CA ({distrusted}), or",
        f"  3. no pack knows its provider ({unknown}), {where}",
    ]


def gaps_line(coverage: Coverage) -> str:
    """Warn of what went to providers, or tried to, without being metered."""
    return f"not everything was metered: {'; '.join(coverage.gaps)}"


def _anything(coverage: Coverage) -> bool:
    return bool(coverage.free or coverage.tunnelled or coverage.distrusted or coverage.mismatched)


def _seen(what: str, hosts: Mapping[str, int]) -> str:
    named = [f"{host} x{number}" for host, number in list(hosts.items())[:5]]
    more = f" and {len(hosts) - 5} more" if len(hosts) > len(named) else ""
    return f"{what}: {', '.join(named) or 'none'}{more}"


def subscription_line(program: str, env: Mapping[str, str], limits: Limits) -> str | None:
    """Say from the start that a subscription's money does not count, where one is likely."""
    if program not in SUBSCRIPTIONS or any(env.get(name) for name in KEY_VARIABLES):
        return None
    if not limits.counts_money or limits.count_imputed:
        return None
    return (
        "what a subscription login pays for is imputed and does not count towards dollar limits; "
        "calls and time still do (--count-imputed counts it)"
    )


def local_server_lines(env: Mapping[str, str], bypassing: Iterable[str]) -> list[str]:
    """Say which variable sends the program to a model server that bypasses leash."""
    names = tuple(bypassing)
    return [
        f"{variable} names a server on this machine, which leash does not govern; name it under "
        "[providers.ollama] in leash.toml"
        for variable in BASE_URLS
        if any(name in env.get(variable, "") for name in names)
    ]


def other_proxy_line(env: Mapping[str, str]) -> str | None:
    """Say that a proxy of the user's own is not used, without the credentials in its address."""
    name = next((each for each in ("HTTPS_PROXY", "https_proxy") if env.get(each)), None)
    if name is None:
        return None
    where = env[name].rpartition("@")[2].rpartition("://")[2]
    return f"{name} named {where}; leash goes to providers directly and does not use that proxy"


def count(number: int, thing: str) -> str:
    """Write a number of things: ``1 call``, ``2 calls``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
