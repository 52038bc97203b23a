"""``leash healthcheck``: ask a serving leash whether it is ready, for containers.

Where it asks, and how, comes from the same file and variables as ``leash serve``. An answer over
TLS counts only when it comes with the certificate that is configured, or one that the system
trusts: whoever else took the port must not pass for a healthy leash.
"""

import ipaddress
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from leash_addon.cli.addresses import address, shown
from leash_addon.cli.options import config_option, read_settings
from leash_addon.errors import LeashError, UsageError

DEFAULT_ADMIN = "127.0.0.1:9090"
OK = 200
MOST = 200
"""Bytes of an answer that are shown."""

EXAMPLES = """\b
Examples:
  leash healthcheck
  LEASH_ADMIN=0.0.0.0:9090 LEASH_TLS_CERT=gateway.pem leash healthcheck
  leash healthcheck --url http://127.0.0.1:9090/healthz

Exit codes: 0 when it says yes, 1 when it says no or nothing.
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--url",
    envvar="LEASH_HEALTH_URL",
    help="The probe; by default /readyz on the port of --admin, https where there is tls_cert.",
)
@click.option(
    "--admin",
    metavar="HOST:PORT",
    default=DEFAULT_ADMIN,
    show_default=True,
    envvar="LEASH_ADMIN",
    help="Where leash serve has its --admin port.",
)
@click.option("--tls-cert", metavar="FILE", help="The certificate of leash serve (tls_cert).")
@click.option("--timeout", type=click.FloatRange(0.1), default=3.0, show_default=True)
@config_option
@click.pass_context
def healthcheck(
    ctx: click.Context,
    /,
    *,
    url: str | None,
    admin: str,
    tls_cert: str | None,
    timeout: float,
    config: Path | None,
) -> None:
    """Exit with 0 when the leash serve of this configuration is ready, and with 1 when it is not.

    It asks this machine for the port of --admin, also where that is bound to every address.
    """
    try:
        pinned = read_settings(config, tls_cert=tls_cert).tls_cert
        url = url or url_of(admin, secure=pinned is not None)
        status, said = ask(urlsplit(url), pinned, timeout)
    except LeashError as error:
        click.echo(str(error), err=True)
        ctx.exit(1)
    except (OSError, HTTPException, ValueError) as error:
        click.echo(f"{url} does not answer: {error}", err=True)
        ctx.exit(1)
    if status != OK:
        click.echo(f"{status} {said}", err=True)
        ctx.exit(1)
    click.echo(said)


def url_of(admin: str, *, secure: bool) -> str:
    """Return the readiness probe on an admin port, asked from its own machine."""
    host, port = address(admin, flag="--admin", example=DEFAULT_ADMIN)
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it asks, and does not listen
        host = every.get(str(ip), host)
    return f"{'https' if secure else 'http'}://{shown(host, port)}/readyz"


def ask(where: SplitResult, pinned: Path | None, timeout: float) -> tuple[int, str]:
    """Ask a probe; return its status and what it says. ``pinned``: a PEM file, the leaf first.

    Raises ``UsageError``, ``OSError``, ``HTTPException``; ``ValueError`` for what is no URL.
    """
    if where.scheme not in {"http", "https"} or not where.hostname:
        msg = "write for example http://127.0.0.1:9090/readyz"
        raise ValueError(msg)
    if where.scheme == "http":
        plain = HTTPConnection(where.hostname, where.port, timeout=timeout)
        return _said(plain, where)
    wanted = None if pinned is None else leaf_of(pinned)
    context = ssl.create_default_context()
    if wanted is not None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # one leaf alone counts
    secure = HTTPSConnection(where.hostname, where.port, timeout=timeout, context=context)
    secure.connect()
    if wanted is not None and secure.sock.getpeercert(binary_form=True) != wanted:
        secure.close()
        msg = f"{where.geturl()}: answers with another certificate than {pinned}"
        raise UsageError(msg)
    return _said(secure, where)


def leaf_of(chain: Path) -> bytes:
    """Return the first certificate of a PEM file, as it goes over the wire. Raises UsageError."""
    try:
        return x509.load_pem_x509_certificates(chain.read_bytes())[0].public_bytes(Encoding.DER)
    except OSError as error:
        msg = f"{chain}: cannot be read ({error.strerror})"
    except ValueError:
        msg = f"{chain}: holds no certificate in PEM"
    raise UsageError(msg)


def _said(connection: HTTPConnection, where: SplitResult) -> tuple[int, str]:
    try:
        connection.request("GET", where.path or "/")
        answer: HTTPResponse = connection.getresponse()
        return answer.status, answer.read(MOST).decode(errors="replace").strip()
    finally:
        connection.close()
