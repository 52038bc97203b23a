"""A port that speaks TLS, and what bounds the runs behind it."""

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.proxy.ca import Authority, open_authority
from leash_addon.proxy.certs import LeafStore, utc_now
from tests.e2e.gateway import CHAT, MASTER, QUESTION, Gateway, basic, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAME = "gateway.test"


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve one provider for the module."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        yield fake


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make the authority of the operator's company."""
    return open_authority(tmp_path_factory.mktemp("company"), [NAME, "localhost"], utc_now())


def write_certificate(company: Authority, folder: Path) -> tuple[Path, Path]:
    """Write the gateway's certificate chain and its key."""
    entry = LeafStore(company, utc_now).leaf("localhost")
    chain, key = folder / "gateway.pem", folder / "gateway.key"
    chain.write_bytes(
        entry.cert.to_pem() + company.intermediate.public_bytes(serialization.Encoding.PEM)
    )
    key.write_bytes(
        entry.privatekey.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, key


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(
    tmp_path_factory: pytest.TempPathFactory,
    nursery: Nursery,
    provider: FakeProvider,
    company: Authority,
) -> AsyncIterator[Gateway]:
    """Serve with TLS, two runs in memory and none without a name."""
    chain, key = write_certificate(company, tmp_path_factory.mktemp("tls"))
    flags = ("--tls-cert", str(chain), "--tls-key", str(key), "--max-runs", "2")
    root = tmp_path_factory.mktemp("gateway")
    made = await gateway(root, nursery, provider, *flags, "--require-run-id")
    yield made
    assert made.leash.end() == 0


def trusting(*roots: bytes) -> ssl.SSLContext:
    """Trust these roots."""
    return ssl.create_default_context(cadata="\n".join(root.decode() for root in roots))


def client(gate: Gateway, company: Authority, *, user: str | None = None) -> httpx.AsyncClient:
    """Return a client of the base URL, or one whose proxy speaks TLS."""
    url = f"https://localhost:{gate.leash.port}"
    if user is None:
        return httpx.AsyncClient(base_url=url, verify=trusting(company.root_pem), trust_env=False)
    own = (gate.house.home / ".leash" / "ca" / "root.pem").read_bytes()
    proxy = httpx.Proxy(url, auth=(user, MASTER), ssl_context=trusting(company.root_pem))
    return httpx.AsyncClient(proxy=proxy, verify=trusting(own), trust_env=False)


async def test_base_urls_and_proxies_speak_tls(gate: Gateway, company: Authority) -> None:
    """Both kinds of clients are served, the proxy's with TLS to the provider inside TLS to us."""
    async with client(gate, company) as plain:
        headers = {"x-leash-token": MASTER, "x-loop-id": "base"}
        direct = await plain.post(CHAT, json=QUESTION, headers=headers)
    async with client(gate, company, user="proxied") as through:
        tunnelled = await through.post(f"https://api.openai.com{CHAT}", json=QUESTION)
    assert (direct.status_code, tunnelled.status_code) == (200, 200)
    assert [gate.house.balance(run).calls for run in ("base", "proxied")] == [1, 1]


async def test_plain_http_is_told_to_speak_tls(gate: Gateway) -> None:
    """A request in the clear gets 400 that says https, and its token is not looked at."""
    for head in (f"POST {CHAT}", "CONNECT api.openai.com:443", "GET /"):
        async with gate.wire() as wire:
            answer = await wire.ask(head, proxy_authorization=basic("a", MASTER))
        assert (answer.status, "https://" in answer.json["error"]["message"]) == (400, True)


async def test_a_run_is_required(gate: Gateway, company: Authority) -> None:
    """A call that names no run is refused; an agent's session, also in the body, is a name."""
    headers = {"x-leash-token": MASTER}
    session = QUESTION | {"metadata": {"session_id": "in-the-body"}}
    async with client(gate, company) as plain:
        none = await plain.post(CHAT, json=QUESTION, headers=headers)
        body = await plain.post(CHAT, json=session, headers=headers)
        header = await plain.post(CHAT, json=QUESTION, headers={**headers, "session-id": "s-1"})
        path = await plain.post(f"/leash/in-the-path{CHAT}", json=QUESTION, headers=headers)
    answers = [none, body, header, path]
    assert [answer.status_code for answer in answers] == [400, 200, 200, 200], none.text
    assert "no run id" in none.json()["error"]["message"]
    assert [gate.house.balance(run).calls for run in ("in-the-body", "s-1", "in-the-path")] == [
        1
    ] * 3


async def test_runs_beyond_those_that_are_kept_go_on_when_they_come_back(
    gate: Gateway, company: Authority
) -> None:
    """With two runs in memory, five keep their accounts; the ones forgotten are finished."""
    async with client(gate, company) as plain:
        for n in [*range(5), *range(5)]:
            headers = {"x-leash-token": MASTER, "x-loop-id": f"many-{n}"}
            answer = await plain.post(CHAT, json=QUESTION, headers=headers)
            assert answer.status_code == 200
    listed = json.loads(gate.house.leash("ps", "--all", "--json").out)
    many = {run["run"]: (run["status"], run["calls"]) for run in listed if "many" in run["run"]}
    assert [calls for _, calls in many.values()] == [2] * 5
    assert sorted(status for status, _ in many.values()) == ["finished"] * 3 + ["running"] * 2


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        pytest.param(("--tls-cert", "{chain}"), "belong together", id="no key"),
        pytest.param(("--tls-cert", "{key}", "--tls-key", "{key}"), "no certificate", id="a key"),
        pytest.param(
            ("--tls-cert", "{chain}", "--tls-key", "{chain}"), "no private key", id="cert"
        ),
        pytest.param(("--tls-cert", "none", "--tls-key", "{key}"), "cannot be read", id="no file"),
        pytest.param(
            ("--tls-cert", "{chain}", "--tls-key", "{other}"), "is not the key", id="other"
        ),
    ],
)
async def test_a_wrong_certificate_is_said_at_the_start(
    gate: Gateway, company: Authority, tmp_path: Path, flags: tuple[str, ...], complaint: str
) -> None:
    """Whatever is wrong with the files is named, and nothing listens."""
    chain, key = write_certificate(company, tmp_path)
    (tmp_path / "more").mkdir()
    _, other = write_certificate(company, tmp_path / "more")
    words = [word.format(chain=chain, key=key, other=other) for word in flags]
    done = gate.house.leash("serve", "--insecure", "--listen", "127.0.0.1:0", *words)
    assert (done.code, complaint in done.err, "Traceback" in done.err) == (2, True, False), done.err
