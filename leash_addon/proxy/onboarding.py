"""``http://mitm.it/`` through the proxy: the root that a client has to trust, and how.

mitmproxy's own page would offer mitmproxy's authority, which signs nothing here. The page comes in
the clear, so it tells people to compare the fingerprint with ``leash ca`` where leash runs.
"""

import html

from cryptography.hazmat.primitives.serialization import Encoding
from mitmproxy.http import HTTPFlow, Response

from leash_addon.proxy.ca import Authority, fingerprint_of

HOST = "mitm.it"
OK, NOT_FOUND = 200, 404
PEM, DER = "/cert/pem", "/cert/cer"

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>leash</title>
<h1>leash</h1>
<p>This proxy opens TLS connections to model providers, and to nobody else. Clients must trust its
root certificate: <a href="{pem}">PEM</a>, <a href="{der}">DER</a>.</p>
<p>SHA-256 fingerprint:<br><code>{fingerprint}</code></p>{coming}
<p>This page came over a plain connection. Compare the fingerprint with what <code>leash ca</code>
shows where leash runs, before you trust anything; <code>leash trust</code> says how to.</p>
<p>It can sign for {count} names and no others:</p>
<p>{names}</p>
</html>
"""
_COMING = "<p>The next root is on its way (in the PEM file, too):<br><code>{fingerprint}</code></p>"


class Onboarding:
    """Answers for ``mitm.it``, before anything else looks at the request."""

    name = "leash-onboarding"

    def __init__(self, authority: Authority) -> None:
        """Offer this authority's root."""
        self._authority = authority

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Answer a request for the page or the certificate; it never leaves the machine."""
        request = flow.request
        if request.host.lower() != HOST or flow.response is not None:
            return
        request.stream = False
        flow.response = self._answer(request.path.partition("?")[0])

    def _answer(self, path: str) -> Response:
        authority = self._authority
        match path:
            case "/" | "":
                return _made(self._page().encode(), "text/html; charset=utf-8")
            case "/cert/pem":
                return _made(authority.root_pem, "application/x-x509-ca-cert", "leash-root.pem")
            case "/cert/cer":
                der = authority.root.public_bytes(Encoding.DER)
                return _made(der, "application/x-x509-ca-cert", "leash-root.cer")
            case _:
                return Response.make(
                    NOT_FOUND, b"leash: no such page\n", {"content-type": "text/plain"}
                )

    def _page(self) -> str:
        authority, coming = self._authority, ""
        if authority.coming is not None:
            coming = _COMING.format(fingerprint=fingerprint_of(authority.coming))
        return _PAGE.format(
            pem=PEM,
            der=DER,
            fingerprint=authority.fingerprint,
            coming=coming,
            count=len(authority.names),
            names=html.escape(", ".join(authority.names)),
        )


def _made(body: bytes, kind: str, file: str = "") -> Response:
    headers = {"content-type": kind, "cache-control": "no-store"}
    if file:
        headers["content-disposition"] = f'attachment; filename="{file}"'
    return Response.make(OK, body, headers)
