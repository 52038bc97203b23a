"""What leash tells of its own port with TLS: the exports for a shell, the health check."""

import asyncio
import json
import re
import shutil
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy.certs import CertStore

from leash_addon.cli.fakeprovider import FakeProvider, Script
from tests.e2e.gateway import CHAT, MASTER, QUESTION, Gateway, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio(loop_scope="module")
URL = f"https://api.openai.com{CHAT}"
BODY = json.dumps(QUESTION)
PYTHON = f"import requests; print(requests.post({URL!r}, json={QUESTION!r}).status_code, end='')"
JSON = "content-type: application/json"
FETCH = f"""fetch({json.dumps(URL)}, {{method: 'POST', body: {json.dumps(BODY)},
    headers: {{'content-type': 'application/json'}}}})
    .then((answer) => process.stdout.write(String(answer.status)))"""
HTTPS = f"""const call = require('https').request({json.dumps(URL)}, {{method: 'POST',
    headers: {{'content-type': 'application/json'}}}},
    (answer) => {{ process.stdout.write(String(answer.statusCode)); answer.resume(); }});
    call.end({json.dumps(BODY)})"""
CLIENTS = [
    pytest.param(
        (
            "curl",
            "-q",
            "-sS",
            "--proxy-cacert",
            "{company}",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            JSON,
            "-d",
            BODY,
            URL,
        ),
        id="curl",
    ),
    pytest.param((sys.executable, "-c", PYTHON), id="requests"),
    pytest.param(("node", "-e", FETCH), id="node, fetch"),
    pytest.param(("node", "-e", HTTPS), id="node, https"),
]


@dataclass(frozen=True, kw_only=True)
class Secured:
    """A gateway whose port speaks TLS. ``company``: the root behind its certificate."""

    gate: Gateway
    company: Path
    chain: Path
    other: Path


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve one provider for the module."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secured(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, provider: FakeProvider
) -> AsyncIterator[Secured]:
    """Serve with a certificate of a company's own authority, for ``localhost``."""
    folder = tmp_path_factory.mktemp("company")
    store = CertStore.from_store(folder, "company", 2048)
    paths = folder / "gateway.pem", folder / "other.pem", folder / "fresh.pem"
    for path, name in zip(paths, ("localhost", "other.test", "localhost"), strict=True):
        names = [x509.DNSName(name), x509.DNSName(path.name)]
        path.write_bytes(store.get_cert(path.name, names).cert.to_pem())
    key = folder / "gateway.key"
    key.write_bytes(
        store.default_privatekey.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    flags = ("--tls-cert", str(paths[0]), "--tls-key", str(key), "--admin", "127.0.0.1:0")
    made = await gateway(tmp_path_factory.mktemp("secured"), nursery, provider, *flags)
    root = folder / "company-ca-cert.pem"
    yield Secured(gate=made, company=root, chain=paths[0], other=paths[1])
    assert made.leash.end() == 0


def checked(secured: Secured, *words: str, **env: str) -> tuple[int, str]:
    """Run the health check with these variables; return its exit code and what it said."""
    found = re.search(r"admin on (\S+)", secured.gate.log_text())
    assert found is not None
    done = secured.gate.house.leash("healthcheck", *words, env={"LEASH_ADMIN": found[1], **env})
    return done.code, done.out + done.err


async def test_the_health_check_takes_the_configured_certificate(secured: Secured) -> None:
    """It asks the admin port of the configuration, with TLS where there is a certificate."""
    ready = (0, '{"status":"ready"}\n')
    assert checked(secured, LEASH_TLS_CERT=str(secured.chain)) == ready
    file = secured.gate.house.work / "tls.toml"
    file.write_text(f'tls_cert = "{secured.chain}"\n')
    assert checked(secured, "--config", str(file)) == ready


async def test_another_certificate_is_no_health(secured: Secured) -> None:
    """Whoever else took the port is not ready, nor is one that is asked in the clear."""
    code, said = checked(secured, LEASH_TLS_CERT=str(secured.other))
    assert (code, "another certificate than" in said) == (1, True)
    assert checked(secured)[0] == 1
    port = re.search(r"admin on \S+:(\d+)", secured.gate.log_text())
    assert port is not None
    code, said = checked(secured, "--url", f"https://127.0.0.1:{port[1]}/readyz")
    assert (code, "certificate verify failed" in said) == (1, True)


async def test_a_renewed_certificate_is_shown_without_a_restart(secured: Secured) -> None:
    """The files are rewritten, and both ports show what stands in them now."""
    fresh = secured.other.with_name("fresh.pem").read_text()
    secured.chain.write_text(fresh)
    found = re.search(r"admin on \S+:(\d+)", secured.gate.log_text())
    assert found is not None
    async with asyncio.timeout(60):
        for port in (secured.gate.leash.port, int(found[1])):
            ask = partial(ssl.get_server_certificate, ("127.0.0.1", port))
            while await asyncio.to_thread(ask) != fresh:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
    assert checked(secured, LEASH_TLS_CERT=str(secured.chain))[0] == 0


@pytest.mark.parametrize("words", CLIENTS)
@pytest.mark.parametrize(
    ("listen", "env"),
    [
        pytest.param("https://localhost:{}", {}, id="named"),
        pytest.param(
            "localhost:{}", {"LEASH_TLS_CERT": "any.pem"}, id="configured", marks=pytest.mark.long
        ),
    ],
)
async def test_the_exports_lead_clients_to_a_proxy_that_speaks_tls(
    secured: Secured, words: tuple[str, ...], listen: str, env: dict[str, str]
) -> None:
    """A shell that evaluates ``leash env`` makes its clients speak TLS to the proxy, too."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    house, run = secured.gate.house, f"env-{words[0].rpartition('/')[2]}"
    before = {"SSL_CERT_FILE": str(secured.company), "LEASH_AUTH_TOKEN": MASTER, **env}
    where = listen.format(secured.gate.leash.port)
    told = house.leash("env", "--json", "--listen", where, "--run", run, env=before)
    words = tuple(word.replace("{company}", str(secured.company)) for word in words)
    done = house.execute(*words, env=json.loads(told.out))
    assert (done.out, done.code) == ("200", 0), done.err
    assert "Java" in told.err
    assert house.balance(run).calls >= 1
