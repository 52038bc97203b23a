"""The trust files that children get."""

import shutil
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from leash_addon.errors import UsageError
from leash_addon.proxy.bundle import Bundle, write_bundle
from leash_addon.proxy.ca import open_authority
from leash_addon.proxy.ca_files import pem_of
from leash_addon.proxy.certificates import ROOT_LIFE, new_key

NOW = datetime.now(UTC)


@pytest.fixture
def root_pem(tmp_path: Path) -> bytes:
    """Make our root."""
    return open_authority(tmp_path / "ca", ["api.openai.com"], NOW).root_pem


@pytest.fixture
def inherited(tmp_path: Path) -> Path:
    """Write a bundle of the user's own, with a root that no system has."""
    path, key = tmp_path / "corporate.pem", new_key()
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Corporate")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + ROOT_LIFE)
    path.write_bytes(pem_of(builder.sign(key, hashes.SHA256())))
    return path


@pytest.fixture
def bundle(tmp_path: Path, root_pem: bytes, inherited: Path) -> Bundle:
    """Write the trust files for an environment that names the inherited bundle."""
    environ = {"REQUESTS_CA_BUNDLE": str(inherited), "SSL_CERT_FILE": "/nowhere.pem"}
    return write_bundle(tmp_path / "run", root_pem, environ)


def test_bundle_adds_to_the_system_roots(bundle: Bundle, root_pem: bytes, inherited: Path) -> None:
    """The bundle holds the system's roots, the inherited ones and ours."""
    text = bundle.bundle.read_bytes()
    assert text.count(b"BEGIN CERTIFICATE") > 50
    assert (root_pem in text, inherited.read_bytes() in text) == (True, True)


def test_upstream_file_lacks_our_root(bundle: Bundle, root_pem: bytes, inherited: Path) -> None:
    """Upstream, the inherited roots are trusted and our own authority is not."""
    text = bundle.upstream.read_bytes()
    assert (root_pem in text, inherited.read_bytes() in text) == (False, True)


def test_upstream_file_lacks_every_leashs_root(tmp_path: Path, root_pem: bytes) -> None:
    """A root of leash's own that the system or an inherited bundle trusts is left out as well."""
    installed = tmp_path / "installed.pem"
    another = open_authority(tmp_path / "another", ["llm.example.com"], NOW).root_pem
    installed.write_bytes(root_pem + another)
    environ = {"SSL_CERT_FILE": str(installed)}
    text = write_bundle(tmp_path / "run", root_pem, environ).upstream.read_bytes()
    assert text.count(b"BEGIN CERTIFICATE") > 50
    assert (root_pem in text, another in text) == (False, False)


def test_root_file_holds_one_certificate(bundle: Bundle, root_pem: bytes) -> None:
    """The additive variables get our root alone."""
    assert bundle.root.read_bytes() == root_pem


def test_files_are_private(bundle: Bundle) -> None:
    """Every file has mode 0600."""
    files = (bundle.bundle, bundle.root, bundle.truststore, bundle.upstream)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_root_twice_is_written_once(tmp_path: Path, root_pem: bytes, inherited: Path) -> None:
    """A root that several variables name appears once."""
    environ = {"SSL_CERT_FILE": str(inherited), "CURL_CA_BUNDLE": str(inherited)}
    bundle = write_bundle(tmp_path / "run", root_pem, environ)
    assert bundle.bundle.read_bytes().count(inherited.read_bytes().splitlines()[1]) == 1


def test_unwritable_directory_is_named(tmp_path: Path, root_pem: bytes) -> None:
    """A directory that cannot be made is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file/run"):
        write_bundle(tmp_path / "file" / "run", root_pem, {})


@pytest.mark.skipif(shutil.which("keytool") is None, reason="no JDK is installed")
def test_java_reads_the_truststore(bundle: Bundle) -> None:
    """Java's keytool lists our certificates as trusted entries."""
    command = ["keytool", "-list", "-storetype", "PKCS12", "-keystore", str(bundle.truststore)]
    done = subprocess.run(
        [*command, "-storepass", bundle.truststore_password],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count("trustedCertEntry") > 50
