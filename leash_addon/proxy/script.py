"""For stock mitmproxy: ``mitmdump -s "$(leash addon)" --set leash_max_cost=5``."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve()

# mitmproxy runs this file by its path and leaves its folder in front of every other; the modules
# here must not stand in for anybody's `account` or `policy`. The package may be a checkout.
sys.path[:] = [each for each in sys.path if Path(each).resolve() != HERE.parent]
if str(HERE.parents[2]) not in sys.path:
    sys.path.append(str(HERE.parents[2]))

from leash_addon.proxy.stock import Stock  # noqa: E402 - found through the path above

addons = [Stock()]
