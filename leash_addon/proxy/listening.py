"""How a shared proxy listens, beside its one port: its certificate, and mitmproxy's other modes."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from mitmproxy import certs

from leash_addon.config.settings import Settings
from leash_addon.errors import UsageError
from leash_addon.proxy.crowd import Room, room_for
from leash_addon.proxy.patience import ENDLESS, Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """``certificate``: the listener's own, ``None`` for plain HTTP. ``asks``: it asks for tokens.

    ``socks5``, ``transparent``: further ports, as mitmproxy writes them (``HOST:PORT``). ``web``:
    where mitmweb's interface listens, ``None`` for nowhere. ``patience``, ``room``: how long, and
    how many, clients may be.
    """

    certificate: certs.CertStoreEntry | None = field(default=None, repr=False)
    asks: bool = False
    socks5: str | None = None
    transparent: str | None = None
    web: tuple[str, int] | None = None
    patience: Patience = ENDLESS
    room: Room = field(default_factory=Room)

    @property
    def web_options(self) -> dict[str, object]:
        """Return mitmweb's options."""
        if self.web is None:
            return {}
        return {"web_host": self.web[0], "web_port": self.web[1], "web_open_browser": False}

    @property
    def modes(self) -> list[str]:
        """Name the further modes as mitmproxy does."""
        found = [("socks5", self.socks5), ("transparent", self.transparent)]
        return [f"{mode}@{where}" for mode, where in found if where]


def patience_of(settings: Settings) -> Patience:
    """Return how long clients may take."""
    return Patience(
        head=settings.head_timeout, body=settings.body_timeout, idle=settings.idle_timeout
    )


def room_of(settings: Settings, descriptors: int) -> Room:
    """Return how many clients there may be where so many files may be open; 0: not known."""
    return room_for(
        descriptors, in_all=settings.max_connections, from_one=settings.max_connections_per_ip
    )


def listener_certificate(settings: Settings) -> certs.CertStoreEntry | None:
    """Read the listener's certificate chain and key. Raises ``UsageError``: place and mend."""
    chain, key = settings.tls_cert, settings.tls_key
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        msg = "tls_cert and tls_key belong together: a certificate chain and its key, both PEM"
        raise UsageError(msg)
    found = _certificates(chain)
    private = load_key(key)
    if found[0].public_key() != private.public_key():  # type: ignore[attr-defined]
        msg = f"{key}: is not the key of {chain}"
        raise UsageError(msg)
    return certs.CertStoreEntry(
        cert=certs.Cert(found[0]),
        privatekey=private,  # type: ignore[arg-type]  # any key that OpenSSL takes
        chain_file=chain,
        chain_certs=[certs.Cert(each) for each in found[1:]],
    )


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
    except ValueError:
        msg = f"{path}: holds no certificate in PEM"
    raise UsageError(msg)


def load_key(path: Path) -> object:
    """Read a private key without a password. Raises ``UsageError``."""
    try:
        return load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
    except (ValueError, TypeError):
        msg = f"{path}: holds no private key in PEM without a password"
    raise UsageError(msg)
