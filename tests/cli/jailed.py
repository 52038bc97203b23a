"""Looks around in a jail and prints what it finds as JSON; its argument is a port outside."""

import contextlib
import fcntl
import json
import os
import socket
import sys
import urllib.request
from pathlib import Path

TIOCSTI = 0x5412


def reached(host: str, port: int) -> str:
    """Try to connect past leash."""
    try:
        socket.create_connection((host, port), timeout=30).close()
    except OSError as error:
        return type(error).__name__
    return "reached"


def written(path: Path) -> str:
    """Try to change a file."""
    try:
        path.write_text("x")
    except OSError as error:
        return type(error).__name__
    return "written"


def called() -> int:
    """Make a model call through leash."""
    body = json.dumps({"model": "gpt-4o", "messages": []}).encode()
    request = urllib.request.Request("https://api.openai.com/v1/chat/completions", body)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


def tunnelled() -> str:
    """Try to have leash connect elsewhere."""
    try:
        urllib.request.urlopen("https://elsewhere.example/", timeout=30).close()
    except OSError as error:
        return str(error)
    return "reached"


def peeked(pid: int) -> str:
    """Try to read another process's environment."""
    try:
        Path(f"/proc/{pid}/environ").read_bytes()
    except OSError as error:
        return type(error).__name__
    return "read"


def typed() -> str:
    """Try to type a letter for the shell outside, into what is no terminal."""
    with Path(os.devnull).open() as device:
        try:
            fcntl.ioctl(device, TIOCSTI, b"#")
        except OSError as error:
            return os.strerror(error.errno or 0)
    return "typed"


leash = int(os.environ["LEASH_PID_FOR_TEST"])
found: dict[str, object] = {
    "called": called(),
    "a host by leash": tunnelled(),
    "an address": reached("203.0.113.7", 443),
    "another host's loopback": reached("127.0.0.1", int(sys.argv[1])),
    "leash's folder": sorted(path.name for path in (Path.home() / ".leash").iterdir()),
    "leash.toml": written(Path("leash.toml")),
    "another file": written(Path("other.txt")),
    "leash's environment": peeked(leash),
    "typing for the shell outside": typed(),
    "powers": {
        line.split()[1]
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("Cap")
    }.pop(),
}
with contextlib.suppress(OSError):
    socket.getaddrinfo("api.example.com", 443)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
    datagram.sendto(b"x", ("203.0.113.9", 443))
sys.stdout.write(json.dumps(found))
sys.exit(7)
