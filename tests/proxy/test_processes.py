"""Which process a connection comes from, with real processes and sockets."""

import os
import socket
import subprocess
import sys

import pytest

from leash_addon.proxy.processes import LONGEST, Process, lineage, written

CONNECT = "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1]))); s.recv(1)"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_a_connection_is_traced_to_its_process_and_its_ancestors() -> None:
    """A grandchild's connection names the child first, then the grandchild, each with its pid."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"'{sys.executable}' -c \"{CONNECT}\" {port} & echo $!; wait"
        with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as shell:
            client, (_, client_port) = server.accept()
            assert shell.stdout is not None
            grandchild = shell.stdout.readline().strip()
            found = lineage(client_port, port, root=os.getpid())
            strange = lineage(client_port, port, root=1_000_000_000)
            client.close()
    names = [part.partition("[")[0] for part in found.split("/")]
    assert (names[0], names[-1][:6]) == ("sh", "python")
    assert found.split("/")[0] == f"sh[{shell.pid}]"
    assert found.endswith(f"[{grandchild}]")
    assert strange == ""


def test_a_port_that_nobody_has_is_nobodys() -> None:
    """A connection that does not exist has no process."""
    assert lineage(1, 1, root=os.getpid()) == ""


def test_a_long_line_keeps_the_nearest_and_odd_names_are_cleaned() -> None:
    """What is written is bounded and cannot be mistaken for a longer line."""
    line = [Process(number, number - 1, "a/b]" * 4) for number in range(1, 40)]
    text = written(line)
    assert len(text) <= LONGEST
    assert text.endswith("/a_b_a_b_a_b_a_b_[39]")
