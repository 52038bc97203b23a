"""``leash rules show ID``: one rule in full."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import click
import msgspec

from leash_addon.cli.options import json_option
from leash_addon.cli.rules.sources import chosen_packs, pack_options
from leash_addon.errors import UsageError
from leash_addon.screen.rule import Pack, Rule

EXAMPLES = """\b
Examples:
  leash rules show override.ignore.previous
"""


@click.command("show", epilog=EXAMPLES)
@click.argument("rule_id", metavar="ID")
@pack_options
@json_option
def show_(*, rule_id: str, packs: Sequence[str], config: Path | None, as_json: bool) -> None:
    """Show a rule: what it looks for, why, and the texts that prove it."""
    rule = rule_of(chosen_packs(config, packs), rule_id)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rule)))
        return
    for line in _told(rule):
        click.echo(line)


def rule_of(packs: Sequence[Pack], rule_id: str) -> Rule:
    """Find a rule by its id. Raises ``UsageError`` with the id that was probably meant."""
    rules = {rule.id: rule for pack in packs for rule in pack.rules}
    if rule_id not in rules:
        close = get_close_matches(rule_id, rules, 1)
        hint = f"did you mean {close[0]!r}?" if close else "`leash rules list` shows them"
        msg = f"{rule_id}: no rule of the packs in use has this id; {hint}"
        raise UsageError(msg)
    return rules[rule_id]


def _told(rule: Rule) -> Iterator[str]:
    yield f"{rule.id}: {rule.title}"
    yield f"  severity  {rule.severity} (1 strict .. 3 loose), {rule.status}"
    yield f"  reads     {', '.join(sorted(rule.scan))}"
    if rule.views:
        yield f"  views     {', '.join(sorted(rule.views))}"
    yield f"  why       {rule.why}"
    lists = {
        "keywords": rule.keywords,
        "any of": rule.any_of,
        "fires on": rule.match,
        "not on": rule.no_match,
        "misses": rule.known_miss,
        "errs on": rule.known_false_alarm,
        "replaces": rule.replaces,
        "see": rule.references,
    }
    for name, texts in lists.items():
        for n, text in enumerate(texts):
            shown = text if name == "any of" and text.isprintable() else repr(text)
            yield f"  {'' if n else name:<9} {shown}"
