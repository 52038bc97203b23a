"""Addresses on a command line: ``HOST:PORT``."""

import ipaddress

from leash_addon.errors import UsageError

LAST_PORT = 65535


def address(
    text: str, *, flag: str = "--listen", example: str = "127.0.0.1:8088"
) -> tuple[str, int]:
    """Read ``HOST:PORT``; localhost is 127.0.0.1. Raises ``UsageError``."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > LAST_PORT:
        msg = f"{flag}: {text!r} is no address; write for example {example}"
        raise UsageError(msg)
    return ("127.0.0.1" if host.lower() == "localhost" else host), int(port)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address; a name is not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown(host: str, port: int) -> str:
    """Write an address as a URL has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
