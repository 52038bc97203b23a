"""``leash serve``: one port for proxied clients and for base-URL clients, many runs."""

import json
import shlex
import socket
import ssl

import httpx
import pytest

from leash_addon.cli.fakeprovider import FakeProvider
from leash_addon.core.verdict import Reason
from tests.e2e.house import House
from tests.e2e.nursery import Nursery
from tests.e2e.serving import Serving, serving

PATH = "/v1/chat/completions"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


async def plainly(leash: Serving, **headers: str) -> httpx.Response:
    """Make one call as a base-URL client does."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        url = f"http://127.0.0.1:{leash.port}{PATH}"
        return await client.post(url, json=QUESTION, headers=headers)


async def proxied(house: House, leash: Serving, user: str, **headers: str) -> httpx.Response:
    """Make one call through the same port as a proxy."""
    root = house.home / ".leash" / "ca" / "root.pem"
    trust = ssl.create_default_context(cafile=str(root))
    proxy = f"http://{user}127.0.0.1:{leash.port}"
    async with httpx.AsyncClient(proxy=proxy, verify=trust, trust_env=False, timeout=30) as client:
        return await client.post(f"https://api.openai.com{PATH}", json=QUESTION, headers=headers)


@pytest.mark.asyncio
async def test_one_port_serves_both_kinds_of_clients_each_with_its_run(
    house: House, nursery: Nursery, fake: FakeProvider
) -> None:
    """The proxy user names the run, else X-Loop-Id does, else it is default; each has its limit."""
    leash = await serving(house, nursery, "--max-calls", "1")
    named = {"x-loop-id": "header"}
    answers = [
        await plainly(leash, **named),
        await proxied(house, leash, "user:x@"),
        await plainly(leash),
        await proxied(house, leash, "-:x@", **named),
        await proxied(house, leash, ""),
    ]
    assert leash.end() == 0
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-leash-run"] for answer in answers[3:]] == ["header", "default"]
    assert fake.seen.count == 3
    assert all("x-loop-id" not in one["headers"] for one in fake.seen.requests)  # type: ignore[operator]
    stops = {run: house.balance(run).stopped for run in ("header", "user", "default")}
    assert stops == {"header": Reason.CALL_BUDGET, "user": None, "default": Reason.CALL_BUDGET}


@pytest.mark.asyncio
async def test_the_exports_send_a_shell_through_it(house: House, nursery: Nursery) -> None:
    """After ``eval "$(leash env)"`` curl in that shell is governed as the run that was named."""
    leash = await serving(house, nursery)
    body = shlex.quote(json.dumps(QUESTION))
    done = house.execute(
        "bash",
        "-c",
        f'eval "$(leash env --run shell --listen 127.0.0.1:{leash.port})" && '
        f"curl -sS -H 'content-type: application/json' -d {body} https://api.openai.com{PATH}",
    )
    assert leash.end() == 0
    assert json.loads(done.out)["usage"]["completion_tokens"] == 2_000, done.err
    assert house.balance("shell").calls == 1


@pytest.mark.asyncio
async def test_without_a_limit_it_says_so(house: House, nursery: Nursery) -> None:
    """With no limit none is put on the run default, and a line says that none is."""
    leash = await serving(house, nursery)
    answer = await plainly(leash)
    assert (answer.status_code, leash.end()) == (200, 0)
    said = (house.root / "serve-0").read_text()
    assert 'no limit is set, on the run "default" or any other' in said
    assert "served 1 call in 1 run\n" in said


def test_a_taken_port_ends_it_with_a_message(house: House) -> None:
    """A port that another process holds is named, and the exit code is not 0."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = house.leash("serve", "--insecure", "--listen", f"127.0.0.1:{port}")
    assert (done.code, port in done.err, "Traceback" in done.err) == (125, True, False)


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        pytest.param([], "--insecure", id="not said to be insecure"),
        pytest.param(["--insecure", "--listen", "0.0.0.0:8088"], "--listen", id="every address"),
        pytest.param(["--insecure", "--listen", "8088"], "--listen", id="no address"),
        pytest.param(["--insecure", "--log-level", "loud"], "--log-level", id="no level"),
    ],
)
def test_what_may_not_be_served_exits_2(house: House, flags: list[str], names: str) -> None:
    """An open door is refused by the name of the flag that would open it."""
    done = house.leash("serve", *flags)
    assert (done.code, names in done.err, "Traceback" in done.err) == (2, True, False)
