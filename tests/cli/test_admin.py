"""The admin port of ``leash serve``, and ``leash --remote`` that speaks to it."""

import json
import re
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cli.world import PATIENCE, Done, Leash
from tests.e2e.nursery import Nursery

TOKEN = "leash_" + "t" * 43
BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).encode()
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Gateway:
    """A serving leash: its ports, and what speaks to them."""

    leash: Leash
    port: int
    admin: int

    def call(self, run: str, **headers: str) -> int:
        """Make a call by base URL; return its status."""
        plain = {"content-type": "application/json", "x-loop-id": run, "x-leash-token": TOKEN}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        return fetch(url, BODY, plain | named)[0]

    def get(self, path: str, token: str = TOKEN) -> tuple[int, bytes]:
        """Ask the admin port."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return fetch(f"http://127.0.0.1:{self.admin}{path}", None, headers)

    def remote(self, *words: str) -> Done:
        """Run a command from elsewhere: a home without a ledger."""
        url = f"http://127.0.0.1:{self.admin}"
        return self.leash("--remote", url, *words, LEASH_AUTH_TOKEN=TOKEN, LEASH_DB="/nowhere/l.db")


def fetch(url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return status and body of an answer."""
    request = urllib.request.Request(url, body, headers)
    try:
        with DIRECT.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def ports(lines: list[str]) -> tuple[int, int]:
    """Read where a gateway listens from what it says."""
    said = "".join(lines)
    serving, admin = (
        re.search(rf"{word} on 127\.0\.0\.1:(\d+)", said) for word in ("serving", "admin")
    )
    return (int(serving[1]) if serving else 0, int(admin[1]) if admin else 0)


def start(leash: Leash, *flags: str) -> tuple[Gateway, "object"]:
    """Serve with a token and an admin port; wait until it says where."""
    listen = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    process = leash.start("serve", *listen, *flags, LEASH_AUTH_TOKEN=TOKEN)
    assert process.stderr is not None
    lines: list[str] = []
    while not all(ports(lines)):
        line = process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line)
    return Gateway(leash, *ports(lines)), process


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, provider: str
) -> Iterator[Gateway]:
    """Serve for the tests of this file."""
    leash = Leash(tmp_path_factory.mktemp("gateway"), nursery, provider)
    made, process = start(leash, "--max-calls", "2", "--workers", "2")
    yield made
    process.send_signal(signal.SIGTERM)  # type: ignore[attr-defined]
    _, said = process.communicate(timeout=PATIENCE)  # type: ignore[attr-defined]
    assert process.returncode == 0, said  # type: ignore[attr-defined]


def test_probes_need_no_token_and_the_rest_does(gateway: Gateway) -> None:
    """``/healthz`` and ``/readyz`` answer anyone; metrics and the API only who has the token."""
    assert [gateway.get(path, "")[0] for path in ("/healthz", "/readyz")] == [200, 200]
    assert [gateway.get(path, "")[0] for path in ("/metrics", "/api/runs")] == [401, 401]
    assert gateway.get("/api/runs", "wrong" * 10)[0] == 401
    assert gateway.get("/api/no")[0] == 404
    assert gateway.get("/")[0] == 404


def test_runs_are_read_raised_and_killed_from_elsewhere(gateway: Gateway) -> None:
    """What ``--remote`` prints is what the ledger says; a raise and a kill hold at once."""
    assert [gateway.call("far") for _ in range(3)] == [200, 200, 429]
    (far,) = (row for row in gateway.remote("ps", "--json").json if row["run"] == "far")
    near = gateway.leash("inspect", "far", "--json").json
    assert {name: far[name] for name in far} == {name: near[name] for name in far}
    assert gateway.remote("inspect", "far", "--json").json == near
    assert "far" in gateway.remote("ps").out

    assert gateway.remote("raise", "far", "--max-calls", "+1").code == 0
    assert [gateway.call("far") for _ in range(2)] == [200, 429]
    assert gateway.remote("kill", "far").code == 0
    assert "killed" in gateway.remote("inspect", "far").out
    again = gateway.remote("raise", "far", "--max-calls", "+1")
    assert (again.code, "was killed and stays so" in again.err) == (2, True)
    unknown = gateway.remote("inspect", "farr")
    assert (unknown.code, "did you mean far?" in unknown.err) == (2, True)


def test_the_other_commands_answer_from_elsewhere_too(gateway: Gateway) -> None:
    """Caps, findings and calls in flight are read; what needs the ledger itself says so."""
    assert gateway.remote("caps", "--json").json == []
    assert gateway.remote("findings", "--json").json == []
    assert set(gateway.remote("top", "--json").json) == {"runs", "calls"}
    done = gateway.remote("fsck")
    assert (done.code, "from elsewhere there are ps, top" in done.err) == (2, True)
    wrong = gateway.leash("--remote", "ftp://x", "ps")
    assert (wrong.code, "write http://HOST:PORT" in wrong.err) == (2, True)
    nobody = gateway.leash("--remote", "http://127.0.0.1:1", "ps")
    assert nobody.err.startswith("leash: --remote: http://127.0.0.1:1 does not answer: ")
    assert nobody.code == 125


def test_a_tenants_run_is_ended_from_elsewhere(gateway: Gateway) -> None:
    """The slash in its name is part of the name, also where that name looks like a command."""
    for run in ("there", "kill"):
        assert gateway.call(run, x_leash_tenant="acme") == 200
        assert gateway.remote("raise", f"acme/{run}", "--max-calls", "+1").code == 0
        assert gateway.remote("kill", f"acme/{run}").code == 0
        assert gateway.remote("inspect", f"acme/{run}", "--json").json["status"] == "killed"


def test_what_is_no_admin_port_is_told(gateway: Gateway) -> None:
    """A server that redirects is not followed with the token; one that speaks no HTTP is named."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as odd:
        port = odd.getsockname()[1]

        def answer() -> None:
            for said in (f"HTTP/1.1 302 x\r\nlocation: http://127.0.0.1:{port}/", "SSH-2.0-x"):
                connection, _ = odd.accept()
                asked.append(connection.recv(65536))
                connection.sendall(said.encode() + b"\r\n\r\n")
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{port}"
        done = [gateway.leash("--remote", url, "ps", LEASH_AUTH_TOKEN=TOKEN) for _ in range(2)]
        thread.join()
    assert [each.code for each in done] == [2, 125]
    assert all("admin port of leash serve" in each.err for each in done), done
    assert len(asked) == 2


def test_without_a_token_no_web_page_is_answered(leash: Leash) -> None:
    """A request that a browser sends for a page, or under a name of its own, changes nothing."""
    listen = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    process = leash.start("serve", "--insecure", *listen)
    assert process.stderr is not None
    lines: list[str] = []
    while not all(ports(lines)):
        lines.append(process.stderr.readline())
    url = f"http://127.0.0.1:{ports(lines)[1]}"
    hostile = ({"host": "evil.example"}, {"origin": "http://evil"}, {"sec-fetch-site": "same-site"})
    kill = [fetch(f"{url}/api/runs/default/kill", b"", headers)[0] for headers in hostile]
    read = [fetch(f"{url}/metrics", None, headers)[0] for headers in hostile]
    plain = [fetch(f"{url}/{path}", None, {})[0] for path in ("metrics", "api/runs")]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert (kill, read, plain) == ([403] * 3, [403] * 3, [200, 200])


def test_metrics_count_the_calls_of_every_worker(gateway: Gateway) -> None:
    """Two workers' calls come out as one figure, with provider and model and without a run."""
    assert gateway.call("before-anybody-asked") == 200
    assert "leash_calls_opened_total{" in gateway.get("/metrics")[1].decode()
    before = counted(gateway)
    assert [gateway.call(f"metered-{number}") for number in range(4)] == [200] * 4
    after = counted(gateway)
    while after - before < 4:  # settlements are written a moment after the answer
        after = counted(gateway)
    assert after - before in {4, 5}  # the one before may have been settled since
    text = gateway.get("/metrics")[1].decode()
    assert "metered-1" not in text
    assert 'leash_calls_opened_total{model="gpt-4o",provider="openai"}' in text


def counted(gateway: Gateway) -> int:
    """Return the settled calls as metrics have them."""
    text = gateway.get("/metrics")[1].decode()
    found = re.findall(r"^leash_calls_settled_total\{[^}]*\} (\S+)$", text, re.MULTILINE)
    return round(sum(map(float, found)))


def test_healthcheck_tells_by_its_exit_code(gateway: Gateway) -> None:
    """0 for a ready gateway, 1 for a port where nobody listens."""
    url = f"http://127.0.0.1:{gateway.admin}/readyz"
    assert gateway.leash("healthcheck", "--url", url).code == 0
    assert gateway.leash("healthcheck", "--url", "http://127.0.0.1:1/readyz").code == 1


def test_an_open_call_ends_and_no_new_one_begins_while_draining(leash: Leash) -> None:
    """After SIGTERM an open call gets its whole answer, nobody new comes in, and the exit is 0."""
    gateway, process = start(leash)
    found: list[int] = []
    slow = threading.Thread(
        target=lambda: found.append(gateway.call("slow", x_fake_delay_ms="2500"))
    )
    slow.start()
    while not gateway.remote("top", "--json").json["calls"]:
        pass
    process.send_signal(signal.SIGTERM)  # type: ignore[attr-defined]
    while gateway.get("/readyz", "")[0] == 200:
        pass
    assert gateway.get("/readyz", "") == (503, b'{"status":"draining"}\n')
    with pytest.raises(urllib.error.URLError):
        gateway.call("late")
    slow.join(PATIENCE)
    _, said = process.communicate(timeout=PATIENCE)  # type: ignore[attr-defined]
    assert (found, process.returncode) == ([200], 0)  # type: ignore[attr-defined]
    assert "draining: 1 call open" in said
    assert leash("fsck").code == 0
