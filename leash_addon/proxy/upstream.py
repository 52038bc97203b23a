"""Where a request goes: base-URL clients to their provider, and any call to another server."""

from urllib.parse import urlsplit

from mitmproxy.http import HTTPFlow, Request

from leash_addon.wire.routes import Providers

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_BY_PATH = (
    ("/v1/messages", "anthropic"),
    ("/v1/complete", "openai"),
    ("/v1beta/", "gemini"),
    ("/v1alpha/", "gemini"),
    ("/v1/", "openai"),
)
"""Path prefixes of base-URL clients and the provider that they mean; the first match decides."""


def is_for_us(flow: HTTPFlow, names: tuple[str, ...]) -> bool:
    """Tell whether a plain request names this listener as its host: a base-URL client."""
    address = flow.client_conn.sockname
    if not address or flow.request.port != address[1]:
        return False
    host = flow.request.host.lower()
    return host in LOOPBACK or host == address[0] or host in names


def base_url_host(path: str, providers: Providers) -> str | None:
    """Return the provider's host that a path of a base-URL client means, if any."""
    path = path.partition("?")[0]
    name = next((name for prefix, name in _BY_PATH if path.startswith(prefix)), None)
    if name == "openai" and path.startswith("/v1/models/") and ":" in path:
        name = "gemini"
    rule = providers.find(name) if name else None
    return rule.hosts[0] if rule and rule.hosts else None


def send_to_host(request: Request, host: str) -> None:
    """Point a request at a provider's own server."""
    request.scheme, request.port = "https", 443
    request.host = host


def send_to_url(request: Request, base: str) -> None:
    """Point a request at another server; its path comes after the base URL's own."""
    parts = urlsplit(base)
    request.scheme = parts.scheme
    # The setters of port and host each rewrite the Host header; once is enough.
    request.data.port = parts.port or (443 if parts.scheme == "https" else 80)
    request.host = parts.hostname or ""
    if parts.path.rstrip("/"):
        request.path = parts.path.rstrip("/") + request.path
