"""The certificate authority, checked by the programs that will meet it."""

import os
import shutil
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from leash_addon.config.packs import load_providers
from leash_addon.errors import UsageError
from leash_addon.proxy import certs
from leash_addon.proxy.ca import Authority, finish, open_authority, rotate
from leash_addon.proxy.certificates import make_leaf, new_key
from leash_addon.proxy.certs import LeafStore, NotPermittedError, utc_now
from leash_addon.proxy.regions import constraint_names, permits

NOW = datetime.now(UTC)
HOSTS = ("api.openai.com", "api.anthropic.com", "bedrock-runtime.*.amazonaws.com")


def leaf_files(authority: Authority, host: str, directory: Path) -> tuple[Path, Path, Path]:
    """Write root, intermediate and a leaf for ``host``, whether permitted or not."""
    key = new_key()
    leaf = make_leaf(key.public_key(), host, authority.intermediate, authority.key, NOW)
    found = []
    for name, certificate in (
        ("root", authority.root),
        ("intermediate", authority.intermediate),
        ("leaf", leaf),
    ):
        path = directory / f"{name}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        found.append(path)
    return found[0], found[1], found[2]


def openssl_verify(root: Path, intermediate: Path, leaf: Path, host: str) -> bool:
    """Tell whether openssl takes the chain for the host, strictly."""
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
    command += ["-CAfile", str(root), "-untrusted", str(intermediate)]
    done = subprocess.run(
        [*command, "-verify_hostname", host, str(leaf)], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        pytest.param("api.openai.com", True, id="a provider's host"),
        pytest.param("bedrock-runtime.eu-west-3.amazonaws.com", True, id="a regional host"),
        pytest.param("s3.eu-west-3.amazonaws.com", False, id="another host of the same cloud"),
        pytest.param("openai.com", False, id="the parent of a provider's host"),
        pytest.param("example.com", False, id="any other host"),
    ],
)
def test_openssl_accepts_only_permitted_leaves(host: str, accepted: bool, tmp_path: Path) -> None:
    """OpenSSL's strict checks take a leaf for a provider's host and refuse one for another."""
    authority = open_authority(tmp_path / "ca", HOSTS, NOW)
    files = leaf_files(authority, host, tmp_path)
    assert openssl_verify(*files, host) == accepted


def test_store_makes_no_leaf_outside_the_constraints(tmp_path: Path) -> None:
    """A leaf for a host that no pack names is never made."""
    store = LeafStore(open_authority(tmp_path, HOSTS, NOW), utc_now)
    with pytest.raises(NotPermittedError, match=r"example\.com"):
        store.leaf("example.com")


def test_store_keeps_a_leaf_for_half_its_life(tmp_path: Path) -> None:
    """The same leaf is served for three days and another one on the fifth."""
    moment = [NOW]
    store = LeafStore(open_authority(tmp_path, HOSTS, NOW), lambda: moment[0])
    first = store.leaf("api.openai.com")
    moment[0] = NOW + timedelta(days=3)
    assert store.leaf("API.openai.com.") is first
    moment[0] = NOW + timedelta(days=5)
    assert store.leaf("api.openai.com").cert != first.cert


def test_store_forgets_the_oldest_of_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that clients invent below a pattern fill no memory."""
    monkeypatch.setattr(certs, "MOST", 2)
    store = LeafStore(open_authority(tmp_path, ["*.openai.azure.com"], NOW), lambda: NOW)
    first, second, *_ = (store.leaf(f"{name}.openai.azure.com") for name in ("a", "b", "c"))
    assert store.leaf("b.openai.azure.com") is second
    assert store.leaf("a.openai.azure.com") is not first


def test_files_are_private(tmp_path: Path) -> None:
    """The directory has mode 0700 and every file in it 0600."""
    open_authority(tmp_path / "ca", HOSTS, NOW)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "ca").iterdir()}
    assert (stat.S_IMODE((tmp_path / "ca").stat().st_mode), modes) == (0o700, {0o600})


def test_a_missing_parent_is_made_private(tmp_path: Path) -> None:
    """The directory above, which will hold the ledger too, has mode 0700 whatever the umask."""
    open_authority(tmp_path / "home" / "ca", HOSTS, NOW)
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_second_opening_changes_nothing(tmp_path: Path) -> None:
    """The same hosts load the same root and intermediate, with nothing to say."""
    first = open_authority(tmp_path, HOSTS, NOW)
    second = open_authority(tmp_path, reversed(HOSTS), NOW)
    assert (second.root, second.intermediate, second.notice) == (
        first.root,
        first.intermediate,
        "",
    )


def test_fewer_hosts_keep_the_root(tmp_path: Path) -> None:
    """A set of hosts inside the root's constraints gets an intermediate under the same root."""
    first = open_authority(tmp_path, HOSTS, NOW)
    second = open_authority(tmp_path, HOSTS[:1], NOW)
    assert second.root == first.root
    assert second.intermediate != first.intermediate
    assert second.permits("api.anthropic.com") is False


def test_a_host_outside_makes_a_new_root_and_says_so(tmp_path: Path) -> None:
    """A new host needs a new root, which still permits the old ones, and the notice names it."""
    first = open_authority(tmp_path, HOSTS, NOW)
    second = open_authority(tmp_path, ["llm.example.com"], NOW)
    third = open_authority(tmp_path, HOSTS, NOW)
    assert second.root != first.root
    assert "llm.example.com" in second.notice
    assert (third.root, third.notice) == (second.root, "")


def test_an_old_intermediate_is_renewed(tmp_path: Path) -> None:
    """An intermediate near its end is made anew under the same root."""
    first = open_authority(tmp_path, HOSTS, NOW)
    later = open_authority(tmp_path, HOSTS, NOW + timedelta(days=350))
    assert (later.root, later.intermediate == first.intermediate) == (first.root, False)


def test_readable_key_is_refused(tmp_path: Path) -> None:
    """A key that others can read stops leash with the command that mends it."""
    open_authority(tmp_path, HOSTS, NOW)
    (tmp_path / "root-key.pem").chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        open_authority(tmp_path, HOSTS, NOW)


def test_an_open_directory_is_refused(tmp_path: Path) -> None:
    """A directory that others may look into stops leash with the command that mends it."""
    open_authority(tmp_path / "ca", HOSTS, NOW)
    (tmp_path / "ca").chmod(0o755)
    with pytest.raises(UsageError, match=f"chmod 700 {tmp_path / 'ca'}"):
        open_authority(tmp_path / "ca", HOSTS, NOW)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [".", "root-key.pem"])
def test_another_owner_is_refused(name: str, tmp_path: Path) -> None:
    """A directory or key that belongs to somebody else is not trusted, and the owner is named."""
    open_authority(tmp_path / "ca", HOSTS, NOW)
    os.chown(tmp_path / "ca" / name, 12345, -1)
    with pytest.raises(UsageError, match=r"another user \(uid 12345\); run: chown 0"):
        open_authority(tmp_path / "ca", HOSTS, NOW)


def test_rotation_takes_two_steps(tmp_path: Path) -> None:
    """First both roots are to be trusted and the old signs; then the new one does, alone."""
    directory = tmp_path / "ca"
    first = open_authority(directory, HOSTS, NOW)
    between = rotate(directory, HOSTS, NOW)
    again = rotate(directory, HOSTS, NOW)
    assert (between.root, between.coming) == (first.root, again.coming)
    assert between.root_pem.count(b"BEGIN CERTIFICATE") == 2
    after = finish(directory, HOSTS, NOW)
    assert (after.root, after.coming, after.notice) == (between.coming, None, "")
    assert after.root_pem in between.root_pem
    assert after.intermediate.issuer == after.root.subject
    left = {path.name for path in directory.iterdir()}
    assert left == {"root-key.pem", "root.pem", after.chain_file.name, "lock"}


def test_nothing_is_finished_that_was_not_begun(tmp_path: Path) -> None:
    """Without a next root the present one stays."""
    first = open_authority(tmp_path / "ca", HOSTS, NOW)
    with pytest.raises(UsageError, match="`leash ca rotate` makes one"):
        finish(tmp_path / "ca", HOSTS, NOW)
    assert open_authority(tmp_path / "ca", HOSTS, NOW).root == first.root


def test_every_host_of_the_packs_can_be_signed_for() -> None:
    """Each pattern permits the hosts that it matches; none permits a cloud as a whole."""
    rules = load_providers()
    names = constraint_names([*rules.hosts, *rules.patterns])
    hosts = {
        "bedrock-mantle.us-east-1.api.aws",
        "ark.cn-beijing.volces.com",
        "x.us-east-1.aws.endpoints.huggingface.cloud",
        "adb-1.2.azuredatabricks.net",
        "acme.eu-central-1.aws.snowflakecomputing.com",
        *(host.partition(":")[0] for host in rules.hosts if host[-1].isalpha()),
    } - {"localhost"}
    assert {host for host in hosts if not permits(names, host)} == set()
    clouds = {"amazonaws.com", "googleapis.com", "api.aws", "volces.com", "azure.com"}
    assert {cloud for cloud in clouds if permits(names, f"s3.{cloud}")} == set()


@pytest.mark.parametrize("host", ["googleapis.com", "*.amazonaws.com", "azure.com"])
def test_a_cloud_is_not_permitted_whoever_asks(host: str) -> None:
    """A host that a user configures too widely gets no leaf."""
    assert constraint_names([host]) == ()


def test_broken_file_is_refused(tmp_path: Path) -> None:
    """A file that holds no key names itself in the error."""
    open_authority(tmp_path, HOSTS, NOW)
    (tmp_path / "root-key.pem").write_text("nonsense")
    with pytest.raises(UsageError, match=r"root-key\.pem: not a key"):
        open_authority(tmp_path, HOSTS, NOW)


def test_repr_shows_no_key(tmp_path: Path) -> None:
    """An authority's repr is its fingerprint."""
    authority = open_authority(tmp_path, ["api.openai.com"], NOW)
    assert repr(authority) == f"Authority({authority.fingerprint}, 1 names)"


def test_six_processes_at_once_agree(tmp_path: Path) -> None:
    """Six processes that start on an empty directory all end up with one root."""
    code = (
        "import sys, datetime, pathlib;"
        "from leash_addon.proxy.ca import open_authority;"
        "now = datetime.datetime.now(datetime.UTC);"
        "found = open_authority(pathlib.Path(sys.argv[1]), ['api.openai.com'], now);"
        "print(found.fingerprint)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "ca")], stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    seen = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * 6
    assert len(set(seen)) == 1


@pytest.mark.parametrize(
    ("patterns", "host", "expected"),
    [
        pytest.param(["api.openai.com"], "api.openai.com", True, id="exact"),
        pytest.param(["*.openai.azure.com"], "mine.openai.azure.com", True, id="subtree"),
        pytest.param(
            ["*-aiplatform.googleapis.com"],
            "us-central1-aiplatform.googleapis.com",
            True,
            id="inside a label",
        ),
        pytest.param(
            ["*-aiplatform.googleapis.com"], "storage.googleapis.com", False, id="not a whole cloud"
        ),
        pytest.param(["*"], "example.com", False, id="bare wildcard"),
        pytest.param(["*.com"], "example.com", False, id="a whole top-level domain"),
        pytest.param(["127.0.0.1"], "127.0.0.1", False, id="an address"),
    ],
)
def test_constraints_of_patterns(patterns: list[str], host: str, expected: bool) -> None:
    """A host pattern permits what it means and no cloud or top-level domain as a whole."""
    assert permits(constraint_names(patterns), host) == expected


def test_pythons_strict_verification_takes_the_chain(tmp_path: Path) -> None:
    """Python's own TLS with VERIFY_X509_STRICT completes a handshake against our leaf."""
    authority = open_authority(tmp_path / "ca", HOSTS, NOW)
    entry = LeafStore(authority, utc_now).leaf("api.openai.com")
    key = entry.privatekey.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = tmp_path / "chain.pem"
    public = authority.intermediate.public_bytes(serialization.Encoding.PEM)
    chain.write_bytes(key + entry.cert.to_pem() + public)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(chain)
    client_side = ssl.create_default_context(cadata=authority.root_pem.decode())
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    assert shake_hands(server_side, client_side, "api.openai.com") == ((("DNS", "api.openai.com")),)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> object:
    """Run a handshake in memory and return the names that the client saw."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(down, up, server_hostname=host)
    right = server.wrap_bio(up, down, server_side=True)
    pending = [left, right]
    while pending:
        side = pending.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pending.append(side)
    certificate = left.getpeercert()
    return () if certificate is None else certificate["subjectAltName"]
