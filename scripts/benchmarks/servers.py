"""Start and stop what is measured: the upstream, bare mitmdump, the trimmed Master, leash serve."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Wait until the port takes connections."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            msg = f"{process.args!r} ended with {process.returncode}"
            raise RuntimeError(msg)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    msg = f"{process.args!r} did not listen on {port}"
    raise RuntimeError(msg)


@contextlib.contextmanager
def running(
    command: list[str], port: int, home: Path, extra: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a home of its own until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEASH_")}
    environment = {**kept, "HOME": str(home), **(extra or {})}
    log = (home / f"{port}.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        wait_for(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def upstream(port: int) -> list[str]:
    """Return the command of the instant provider."""
    return [sys.executable, str(HERE / "upstream.py"), str(port)]


def mitmdump(port: int, provider: int, home: Path, *, stream: bool = False) -> list[str]:
    """Return the command of stock mitmdump: every flow goes to the instant provider.

    Its script rewrites the destination and nothing else, as leash's ``--upstream`` does.
    """
    script = home / "redirect.py"
    script.write_text(
        "def request(flow):\n"
        "    request = flow.request\n"
        f"    request.scheme, request.host, request.port = 'http', '127.0.0.1', {provider}\n"
        + ("def responseheaders(flow):\n    flow.response.stream = True\n" if stream else "")
    )
    # A certificate made from the provider's own would need the provider, and there is none here.
    options = ["connection_strategy=lazy", "upstream_cert=false", f"confdir={home / 'mitm'}"]
    sets = [part for option in options for part in ("--set", option)]
    return [str(BIN / "mitmdump"), "-q", "-p", str(port), "-s", str(script), *sets]


def trimmed(port: int, provider: int) -> list[str]:
    """Return the command of leash's own Master with a redirect in leash's place."""
    return [sys.executable, str(HERE / "trimmed.py"), str(port), str(provider)]


def leash(port: int, provider: int, database: Path, *flags: str) -> list[str]:
    """Return the command of ``leash serve`` with its ledger on disk."""
    return [
        *(str(BIN / "leash"), "serve", "--insecure", "--listen", f"127.0.0.1:{port}"),
        *("--upstream", f"http://127.0.0.1:{provider}", "--db", str(database)),
        *("--max-cost", "900000", "--log-level", "error", *flags),
    ]


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process, in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found.group(1)) if found else 0
