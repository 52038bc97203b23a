"""What the port itself answers: who it is, its certificate authority, where a path would lead."""

from hashlib import sha256
from ssl import PEM_cert_to_DER_cert

import msgspec
from mitmproxy.http import Request, Response

CA_PATH = "/ca.pem"

END = "-----END CERTIFICATE-----\n"
JSON = {"content-type": "application/json"}


def page_of(request: Request, root_pem: bytes) -> Response | None:
    """Return our own answer to a request for this port; ``None``: it is for a provider.

    ``root_pem``: of our certificate authority; empty when mitmproxy has its own.
    """
    if request.method not in {"GET", "HEAD"}:
        return None
    path = request.path.partition("?")[0]
    if path == "/":
        return Response.make(200, msgspec.json.encode(_welcome(root_pem)), JSON)
    if path == CA_PATH and root_pem:
        return Response.make(200, root_pem, {"content-type": "application/x-pem-file"})
    return None


def fingerprint(pem: bytes) -> str:
    """Return the SHA-256 of a certificate, the first of several, as ``leash ca`` shows it."""
    first, end, _ = pem.decode().partition(END)
    digest = sha256(PEM_cert_to_DER_cert(first + end)).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _welcome(root_pem: bytes) -> dict[str, object]:
    found: dict[str, object] = {
        "leash": "this port governs what AI agents spend",
        "proxy": "HTTPS_PROXY=http://RUN:TOKEN@HOST:PORT, and trust the authority",
        "base_url": "http://HOST:PORT/v1, or /to/PROVIDER/..., or /leash/RUN/v1; "
        "headers X-Leash-Token and X-Loop-Id",
    }
    if root_pem:
        found["authority"] = {"pem": CA_PATH, "sha256": fingerprint(root_pem)}
    return found
