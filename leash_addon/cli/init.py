"""``leash init``: a commented ``leash.toml``, made from the table of settings."""

from itertools import groupby
from pathlib import Path

import click

from leash_addon.config.load import FILE
from leash_addon.config.settings import KEYS, Key
from leash_addon.errors import UsageError

HEAD = """\
# leash.toml: what is written here holds for every run started in this folder.
# A flag wins over an environment variable, that over leash.local.toml (which leash writes), that
# over this file. Durations are 90s, 15m, 1h30m or 2d; a zero turns a limit off.
"""

SCREENING = """\
# packs = ["injection"]            # and files of your own: "./my-rules.toml"
# signed = "observe"               # or refuse: what annotate and redact are for a signed body
# [screening.action]               # by part: off, observe, annotate, redact or refuse
# user = "refuse"
# tool_result = "annotate"
# system = "off"
# assistant = "off"
# response = "off"                 # of answers: off, observe or cut
"""

CAPS = """
# Caps: what the calls of a scope may spend, make or use in a window, over all runs. Scopes are
# run, user, key, feature, model, ip, tenant and all, or several at once.
# [[cap]]
# per = ["user", "model"]
# match = { model = "gpt-4o*" }
# window = "day"                   # day, week, month or total, in the timezone
# max_cost = 20.00                 # also max_calls, max_tokens
# action = "both"                  # refuse, alert or both
# warn_at = [0.5, 0.8]

# Rate limits cure themselves: a call beyond one is asked to come back.
# [[rate]]
# per = "key"
# requests = "60/1m"               # also tokens = "100000/1m"; burst = 10
"""

PROVIDERS = """
# Where a provider's calls go, and hosts of your own that speak a known format:
# [providers.ollama]
# hosts = ["127.0.0.1:11434"]
"""

BARE = frozenset({"false", "true"})

EXAMPLES = """\b
Examples:
  leash init
"""


@click.command(epilog=EXAMPLES)
def init() -> None:
    """Write leash.toml into this folder, every key in it commented out. Never overwrites."""
    path = Path(FILE)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        msg = f"{FILE} is there already and stays as it is"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{FILE}: cannot be written here ({error.strerror})"
        raise UsageError(msg) from None
    click.echo(f"leash: wrote {FILE}", err=True)


def template() -> str:
    """Return the file's text: every key with its example and what it does."""
    parts = [HEAD]
    for section, keys in groupby(KEYS, key=lambda key: key.section):
        parts.append(f"\n[{section}]\n" if section else "\n")
        parts += [_line(key) for key in keys]
    return "".join([*parts, SCREENING, CAPS, PROVIDERS])


def _line(key: Key) -> str:
    example = key.example if _is_bare(key.example) else f'"{key.example}"'
    line = f"# {key.name} = {example}"
    return f"{line:<34} # {key.about}\n" if key.about else f"{line}\n"


def _is_bare(example: str) -> bool:
    return example in BARE or example.replace(".", "", 1).isdigit()
