"""``python -m leash_addon`` is the ``leash`` command."""

import sys

from leash_addon.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
