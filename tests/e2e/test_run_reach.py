"""What a wrapped command may reach, where that is narrowed."""

import shutil

import pytest

from tests.e2e.house import House

TOKEN = "leash_master_0123456789abcdef"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_run_may_be_held_to_providers(house: House) -> None:
    """With passthrough = deny a command reaches providers only, and is given no token."""
    chat = "https://api.openai.com/v1/chat/completions"
    call = f"curl -sS -d '{{\"model\":\"gpt-4o\"}}' -H 'content-type: application/json' {chat}"
    script = (
        f"curl -sS https://example.com/; {call} | grep -c usage; echo ${{LEASH_AUTH_TOKEN:-none}}"
    )
    done = house.leash(
        "--passthrough", "deny", "--", "bash", "-c", script, env={"LEASH_AUTH_TOKEN": TOKEN}
    )
    assert done.code == 0, done.err
    assert ("403" in done.err, done.out.split()) == (True, ["1", "none"]), done.err
