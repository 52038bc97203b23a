"""A gateway that a firewall redirects to: real namespaces, the README's own rules, plain curl."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy.certs import CertStore, CertStoreEntry

from tests.e2e import netns
from tests.e2e.gateway import MASTER, QUESTION
from tests.e2e.house import BIN, CLIENTS, House
from tests.e2e.netns import AGENT, ELSEWHERE, EXAMPLE, GATE, OPENAI, Lab
from tests.e2e.test_readme import blocks

pytestmark = pytest.mark.long

STRANGER = "10.9.0.200"
CHAT = "https://api.openai.com/v1/chat/completions"
TOML = """
run_from = ["ip"]
passthrough = ["example.com"]
transparent_clients = ["10.9.0.0/25"]
"""
NO_HANDSHAKE = 35
"""curl's exit code when TLS could not be set up."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What curl came back with: its exit code, the status, and the answer's head."""

    code: int
    status: int
    head: str

    @property
    def reason(self) -> str:
        """Return leash's reason for a refusal."""
        found = re.search(r"^x-leash-reason: (\S+)", self.head, re.MULTILINE)
        return found[1] if found else ""


@dataclass(frozen=True, kw_only=True)
class World:
    """The lab, the house that its gateway lives in, and whom the outside trusts."""

    lab: Lab
    house: House
    outside: Path

    def ask(self, url: str, *words: str, trust: Path | None = None, source: str = AGENT) -> Answer:
        """Ask with curl, in the agents' namespace, with no word of a proxy."""
        root = trust or self.house.home / ".leash" / "ca" / "root.pem"
        command = ("curl", "-q", "-sS", "-m", "20", "-D", "-", "-o", "/dev/null", "--cacert", root)
        done = subprocess.run(
            self.lab.within(
                self.lab.agents, *map(str, command), "--interface", source, *words, url
            ),
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        status = re.match(r"HTTP/\S+ (\d+)", done.stdout)
        return Answer(
            code=done.returncode, status=int(status[1]) if status else 0, head=done.stdout
        )

    def chat(self, *words: str, source: str = AGENT) -> Answer:
        """Make one call, of 2.5 cents."""
        body = ("-H", "content-type: application/json", "-d", json.dumps(QUESTION))
        return self.ask(CHAT, *body, *words, source=source)

    def rule(self, *words: str, text: str = "") -> None:
        """Give the gateway's firewall an order."""
        command = self.lab.within(self.lab.gate, *words)
        subprocess.run(command, input=text, text=True, check=True, capture_output=True, timeout=20)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve on the gateway, with two servers of the world outside behind it."""
    if (why := netns.why_not("nft", "iptables", "curl")) is not None:
        pytest.skip(f"transparent mode is not tried here: {why}")
    root = tmp_path_factory.mktemp("transparent")
    store = CertStore.from_store(root, "outside", 2048)
    house = House(
        root=root,
        extra={"LEASH_AUTH_TOKEN": MASTER, "SSL_CERT_FILE": str(root / "outside-ca-cert.pem")},
    )
    (house.work / "leash.toml").write_text(TOML)
    started = []
    with netns.lab() as lab:
        made = World(lab=lab, house=house, outside=root / "outside-ca-cert.pem")
        subprocess.run(
            ["ip", "-n", lab.agents, "address", "add", f"{STRANGER}/24", "dev", netns.LAB_WIRE],
            check=True,
        )
        made.rule("nft", "-f", "-", text=blocks("nft")[0])
        try:
            for name, address in (("api.openai.com", OPENAI), ("example.com", EXAMPLE)):
                entry = store.get_cert(name, [x509.DNSName(name)])
                chain = root / f"{name}.pem"
                chain.write_bytes(_pem(entry) + entry.cert.to_pem())
                script = CLIENTS / "tls_provider.py"
                words = (BIN / "python", script, address, "443", chain)
                started.append(_started(made, *words, sign="serving"))
            serve = (BIN / "leash", "serve", "--listen", "127.0.0.1:0", "--max-cost", "0.04")
            where = ("--transparent", f"{GATE}:8089")
            started.append(_started(made, *serve, *where, sign="serving on"))
            yield made
            for each in started:
                each.terminate()
            assert [each.wait(30) for each in started][-1] == 0
        finally:
            for each in started:
                each.kill()
                each.wait()
                assert each.stdout is not None
                each.stdout.close()


def _pem(entry: CertStoreEntry) -> bytes:
    kind = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return entry.privatekey.private_bytes(serialization.Encoding.PEM, *kind)


def _started(world: World, *words: str | Path, sign: str) -> subprocess.Popen[str]:
    """Start a program on the gateway; it has given its sign when this returns."""
    env = world.house.env | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        world.lab.within(world.lab.gate, *words),
        cwd=world.house.work,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if sign in line:
            return process
    raise AssertionError("".join(said))


def test_a_redirected_client_is_metered_by_its_address_and_refused_over_budget(
    world: World,
) -> None:
    """An agent that knows of no proxy is charged to its address, and its third call is refused."""
    answers = [world.chat() for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].reason == "cost_budget"
    balance = world.house.balance(AGENT)
    assert (balance.calls, balance.spent) == (2, 50_000_000_000)


def test_a_provider_is_reached_by_its_name_whatever_the_client_took_for_its_address(
    world: World,
) -> None:
    """The client looked up an address where nobody listens; leash asks for itself."""
    world.house.leash("raise", AGENT, "--max-cost", "+1")
    answer = world.chat("--resolve", f"api.openai.com:443:{ELSEWHERE}")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("words", "status"),
    [
        pytest.param((), 401, id="from another network"),
        pytest.param(("-H", f"X-Leash-Token: {MASTER}"), 200, id="with a token"),
        pytest.param(("-H", "X-Forwarded-For: 10.9.0.7"), 401, id="who claims to be another"),
    ],
)
def test_who_is_not_of_a_listed_network_needs_a_token(
    world: World, words: tuple[str, ...], status: int
) -> None:
    """A redirected client is let in by its own address, by a token, and by nothing that it says."""
    assert world.chat(*words, source=STRANGER).status == status


@pytest.mark.parametrize(
    ("url", "code"),
    [
        pytest.param("https://example.com/", 0, id="listed, by name"),
        pytest.param("https://other.example.com/", NO_HANDSHAKE, id="no provider, not listed"),
        pytest.param(f"https://{EXAMPLE}/", NO_HANDSHAKE, id="without a name"),
    ],
)
def test_who_is_no_provider_is_denied_unless_listed(world: World, url: str, code: int) -> None:
    """What is listed passes untouched, under its own certificate; everything else is refused."""
    names = ("--resolve", f"other.example.com:443:{EXAMPLE}")
    assert world.ask(url, *names, trust=world.outside).code == code


def test_a_listed_name_leads_to_its_own_address_and_to_no_other(world: World) -> None:
    """A client that gives a listed name for another address reaches the name's."""
    names = ("--resolve", f"example.com:443:{ELSEWHERE}")
    assert world.ask("https://example.com/", *names, trust=world.outside).code == 0


def test_the_rules_for_iptables_redirect_too(world: World) -> None:
    """The README's two lines do what its table for nft does."""
    world.rule("nft", "delete", "table", "inet", "leash")
    lines = next(block for block in blocks("sh") if "iptables" in block).splitlines()
    for line in lines[1:]:
        world.rule(*line.split())
    assert world.chat("--resolve", f"api.openai.com:443:{ELSEWHERE}").status == 200
