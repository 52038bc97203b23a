"""Whether a request is for this port, and how any call is sent to another server."""

from urllib.parse import urlsplit

from mitmproxy.http import HTTPFlow, Request

from leash_addon.proxy.base_urls import LOOPBACK
from leash_addon.proxy.front import HERE


def is_for_us(flow: HTTPFlow, names: tuple[str, ...]) -> bool:
    """Tell whether a plain request is for this listener: a base-URL client.

    One in absolute form is, too, when it names us as its host.
    """
    if flow.request.host == HERE:
        return True
    address = flow.client_conn.sockname
    if not address or flow.request.port != address[1]:
        return False
    host = flow.request.host.lower()
    return host in LOOPBACK or host == address[0] or host in names


def send_to_url(request: Request, base: str) -> None:
    """Point a request at another server; its path comes after the base URL's own."""
    parts = urlsplit(base)
    request.scheme = parts.scheme
    # The setters of port and host each rewrite the Host header; once is enough.
    request.data.port = parts.port or (443 if parts.scheme == "https" else 80)
    request.host = parts.hostname or ""
    if parts.path.rstrip("/"):
        request.path = parts.path.rstrip("/") + request.path
