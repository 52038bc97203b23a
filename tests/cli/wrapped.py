"""Runs its arguments under leash's wrapper and exits as it says; no proxy."""

import asyncio
import os
import sys

from leash_addon.cli.terminal import open_terminal
from leash_addon.cli.wrap import wrap

ended = asyncio.run(wrap(sys.argv[1:], os.environ, open_terminal()))
if ended.problem:
    print(ended.problem, file=sys.stderr)  # noqa: T201
print(f"wrapper ends with {ended.code}", file=sys.stderr)  # noqa: T201
sys.exit(ended.code)
