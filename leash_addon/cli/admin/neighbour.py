"""Who may ask an admin port that asks for no token: programs on this machine, and no web page.

The port listens on loopback then, where every page that a browser here shows can send requests,
also under a name of its own that it lets resolve to 127.0.0.1.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

FROM_A_PAGE = ("origin", "sec-fetch-site")
"""Headers that browsers send and pages cannot leave out
(https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site, read 2026-11-22)."""


def is_neighbour(request: HTTPServerRequest) -> bool:
    """Tell whether a request is a program's that meant this machine, or was typed by a person."""
    said = [request.headers[name] for name in FROM_A_PAGE if name in request.headers]
    return _is_here(request.headers.get("host", "")) and all(word == "none" for word in said)


def _is_here(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
