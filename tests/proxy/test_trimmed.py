"""mitmproxy's addons: what leash does not use is not imported, and is there when asked for."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
import leash_addon.cli.run, leash_addon.cli.serve
heavy = {"flask", "ldap3", "werkzeug", "mitmproxy.flowfilter", "mitmproxy.contentviews"}
before = sorted(heavy & set(sys.modules))
from mitmproxy import addons
from mitmproxy.addons import dumper
whole = [type(addon).__name__ for addon in addons.default_addons()]
try:
    missing = addons.nothing_of_this_name
except AttributeError as error:
    missing = str(error)
print(json.dumps({"before": before, "dumper": dumper.__name__, "whole": whole, "missing": missing}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """Import what governs in a process of its own, and then look for the other addons."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_governing_imports_no_web_server_and_no_directory_client(told: dict[str, object]) -> None:
    """Starting ``leash run`` or ``serve`` loads neither flask nor ldap3."""
    assert told["before"] == []


def test_the_other_addons_are_found_when_somebody_asks(told: dict[str, object]) -> None:
    """The whole package and each module of it are there, and what is not there is said."""
    whole = told["whole"]
    assert isinstance(whole, list)
    assert (told["dumper"], {"Core", "Proxyserver", "Onboarding"} <= set(whole)) == (
        "mitmproxy.addons.dumper",
        True,
    )
    assert told["missing"] == "module 'mitmproxy.addons' has no attribute 'nothing_of_this_name'"
