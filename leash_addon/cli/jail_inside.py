"""Runs inside the jail, before the command: makes the namespaces, hands the network out, execs.

A script of its own, with the standard library alone: it runs as ``python -I -S FILE ORDER -- CMD``.
The command takes this process over, so that its signals, its terminal, its children and its exit
code are its own. Nothing of the jail is left to it: no capability, no way to one, no descriptor.

The network has one interface, ``lo``, and every address is routed to it: a connection past leash
is answered at once, by nobody. Two sockets of this network go out to leash over the one that was
inherited: one that listens where the proxy seems to be, and one that sees what is tried.

``ORDER`` is JSON: ``how`` (``own``: make the namespaces here; ``bwrap``: have bubblewrap make them;
``made``: they are there), ``fd`` (-1: a trial), ``port``, ``hide``, ``blank``, ``read_only``,
``calls`` (a filter of system calls), ``default`` (signals to set back).

Numbers are those of the kernel's headers: linux/sched.h, mount.h, prctl.h, rtnetlink.h, filter.h
(https://github.com/torvalds/linux/tree/v6.12/include/uapi/linux, read 2026-11-22).
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from typing import Any, NoReturn

FAILED, CANNOT_RUN, NOT_FOUND = 125, 126, 127

NEW_NAMESPACES = 0x10000000 | 0x40000000 | 0x00020000 | 0x08000000  # user, net, mount, ipc
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 32, 4096, 16384, 1 << 19
KEPT_FLAGS = {1: 1, 2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
"""Flags of a mount that a remount must repeat: as ``statvfs`` has them, as ``mount`` takes them."""

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, CLEAR_ALL = 24, 38, 47, 4
PR_SET_SECCOMP, BY_FILTER = 22, 2
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
RTM_NEWROUTE, ACKED_NEW = 24, 0x1 | 0x4 | 0x200 | 0x400
LOCAL_TABLE, BOOT, RTN_LOCAL, RTA_OIF, HOST_SCOPE = 255, 3, 2, 4, 254
SO_ATTACH_FILTER, ETH_P_ALL = 26, 3

CAPABILITIES_3 = 0x20080522

FOR_SETTING_UP = ("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SETPCAP")
"""What bubblewrap leaves until the command begins."""

DEADLY = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
    *(signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2),
)

WATCHED = (
    (0x30, 0, 0, 0),  # A = the first byte
    (0x74, 0, 0, 4),  # A >>= 4: the version
    (0x15, 0, 11, 4),  # not 4: go to IPv6
    (0x20, 0, 0, 16),  # A = where to
    (0x54, 0, 0, 0xFF000000),
    (0x15, 0, 16, 0x7F000000),  # not 127/8: take it
    (0xB1, 0, 0, 0),  # X = the length of the header
    (0x30, 0, 0, 9),  # A = the protocol
    (0x15, 0, 2, 17),
    (0x48, 0, 0, 2),  # of UDP on loopback: A = the port ...
    (0x15, 11, 10, 53),  # ... DNS is taken
    (0x15, 0, 9, 6),
    (0x50, 0, 0, 13),  # of TCP on loopback: A = the flags ...
    (0x15, 8, 7, 0x14),  # ... RST and ACK are taken: nobody listens there
    (0x15, 0, 6, 6),  # neither 4 nor 6: leave it
    (0x20, 0, 0, 24),
    (0x15, 0, 5, 0),
    (0x20, 0, 0, 28),
    (0x15, 0, 3, 0),
    (0x20, 0, 0, 32),
    (0x15, 0, 1, 0),  # ::/96: leave it, the loopback address is in it
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 512),
)
"""A classic BPF program over an IP packet: all but what stays on loopback and finds somebody."""

libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):  # noqa: N818 - what the kernel did
    """A step that the kernel does not allow; the message is for a person."""


def main(argv: list[str]) -> NoReturn:
    """Do as ordered; ends in the command."""
    order, command = json.loads(argv[1]), argv[3:]
    try:
        if order["how"] == "bwrap":
            let_bubblewrap(order, argv[0], command)
        if order["how"] == "own":
            make_namespaces(order)
        hand_out(order)
        give_up_powers()
        filter_calls(order["calls"])
    except (Refused, OSError) as refused:
        complain(order, str(refused))
    if order["fd"] < 0:
        os._exit(0)
    become(command)


def let_bubblewrap(order: dict[str, Any], script: str, command: list[str]) -> NoReturn:
    """Go on inside of bubblewrap. It waits for the command, and must not die of its signals."""
    default = []
    for which in DEADLY:
        if signal.getsignal(which) is not signal.SIG_IGN:
            signal.signal(which, signal.SIG_IGN)
            default.append(int(which))
    words = ["bwrap", "--die-with-parent", "--unshare-user", "--unshare-net", "--unshare-ipc"]
    words += [word for power in FOR_SETTING_UP for word in ("--cap-add", power)]
    words += ["--dev-bind", "/", "/"]
    words += [word for path in order["hide"] for word in ("--tmpfs", path)]
    words += [word for path in order["blank"] for word in ("--dev-bind", os.devnull, path)]
    words += [word for path in order["read_only"] for word in ("--ro-bind", path, path)]
    inside = json.dumps(order | {"how": "made", "default": default})
    words += ["--", sys.executable, "-I", "-S", script, inside, "--", *command]
    if order["fd"] >= 0:
        os.set_inheritable(order["fd"], True)  # noqa: FBT003 - the function's own signature
    try:
        os.execvp(words[0], words)  # noqa: S606 - no shell is meant
    except FileNotFoundError:
        msg = "bubblewrap is not installed (apt-get install bubblewrap)"
        raise Refused(msg) from None


def make_namespaces(order: dict[str, Any]) -> None:
    """Have users, mounts, network and IPC of our own, as the same user."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        os.unshare(NEW_NAMESPACES)
    except OSError as error:
        raise Refused(why_not(error)) from None
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {uid} 1")
    write("/proc/self/gid_map", f"{gid} {gid} 1")
    mount("none", "/", "", MS_REC | MS_SLAVE)
    for path in order["hide"]:
        mount("tmpfs", path, "tmpfs", 0, "mode=700,size=64m")
    for path in order["blank"]:
        mount(os.devnull, path, "", MS_BIND)
    for path in order["read_only"]:
        mount(path, path, "", MS_BIND | MS_REC)  # what is mounted below may not be uncovered
        have = os.statvfs(path).f_flag
        kept = sum(flag for seen, flag in KEPT_FLAGS.items() if have & seen)
        mount("none", path, "", MS_REMOUNT | MS_BIND | MS_RDONLY | kept)
    with contextlib.suppress(OSError):
        os.chdir(os.getcwd())  # noqa: PTH109 - into what is mounted there now


def why_not(error: OSError) -> str:
    """Say what forbids namespaces."""
    if error.errno == errno.ENOSPC:
        return "the system allows no more of them (sysctl user.max_user_namespaces)"
    if error.errno == errno.EINVAL:
        return "this kernel was built without them"
    return (
        f"the system does not let this user make them ({error.strerror}); see sysctl "
        "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, or a "
        "container's seccomp profile"
    )


def hand_out(order: dict[str, Any]) -> None:
    """Set the network up and give its two sockets to leash, which says when it has them."""
    raise_loopback()
    route_everything(socket.AF_INET)
    with contextlib.suppress(Refused):  # a kernel without IPv6 has nothing to route
        route_everything(socket.AF_INET6)
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    attach_filter(packets)
    packets.bind(("lo", ETH_P_ALL))
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", order["port"]))
    listening.listen(1024)
    if order["fd"] >= 0:
        with socket.socket(fileno=order["fd"]) as door:
            told = json.dumps({"pid": os.getpid()}).encode()
            socket.send_fds(door, [told], [listening.fileno(), packets.fileno()])
            if door.recv(1) != b"!":
                os._exit(FAILED)
    packets.close()
    listening.close()


def raise_loopback() -> None:
    """Bring ``lo`` up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def route_everything(family: int) -> None:
    """Make every address of a family one of this machine's own."""
    scope = HOST_SCOPE if family == socket.AF_INET else 0
    route = struct.pack("=BBBBBBBBI", family, 0, 0, 0, LOCAL_TABLE, BOOT, scope, RTN_LOCAL, 0)
    route += struct.pack("=HHI", 8, RTA_OIF, socket.if_nametoindex("lo"))
    head = struct.pack("=IHHII", 16 + len(route), RTM_NEWROUTE, ACKED_NEW, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(head + route)
        (code,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    if code:
        msg = f"its network cannot be set up ({os.strerror(-code)})"
        raise Refused(msg)


def attach_filter(packets: socket.socket) -> None:
    """Have only those packets that tell of an attempt."""
    found, _held = packed(WATCHED)
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, found)


def packed(program: Any) -> tuple[bytes, Any]:  # noqa: ANN401 - JSON, or a tuple
    """Return a BPF program as the kernel takes it, and what must be kept until it has."""
    held = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    return struct.pack("HL", len(program), ctypes.addressof(held)), held


def give_up_powers() -> None:
    """Lose every capability of the new namespaces for good, also as root."""
    libc.prctl(PR_CAP_AMBIENT, CLEAR_ALL, 0, 0, 0)
    capability = 0
    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    head, none = struct.pack("=Ii", CAPABILITIES_3, 0), bytes(24)
    kept = libc.capset(head, none) != 0 or libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
    if capability == 0 or kept:
        msg = "its powers cannot be given up"
        raise Refused(msg)


def filter_calls(program: list[list[int]]) -> None:
    """Have the kernel refuse some system calls, to every process from here on."""
    found, _held = packed(program)
    if libc.prctl(PR_SET_SECCOMP, BY_FILTER, ctypes.c_char_p(found), 0, 0) != 0:
        msg = "this kernel filters no system calls (CONFIG_SECCOMP_FILTER)"
        raise Refused(msg)


def become(command: list[str]) -> NoReturn:
    """Be the command from here on."""
    for number in json.loads(sys.argv[1])["default"]:
        signal.signal(number, signal.SIG_DFL)
    for which in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(which, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    except FileNotFoundError:
        sys.stderr.write(f"leash: {command[0]}: command not found\n")
        code = NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"leash: {command[0]}: cannot be run: {error.strerror}\n")
        code = CANNOT_RUN
    sys.stderr.flush()
    os._exit(code)


def complain(order: dict[str, Any], message: str) -> NoReturn:
    """Tell leash what is missing, and end."""
    if order["fd"] < 0:
        sys.stdout.write(message)
        sys.stdout.flush()
    else:
        with contextlib.suppress(OSError), socket.socket(fileno=order["fd"]) as door:
            door.send(json.dumps({"problem": message}).encode())
    os._exit(FAILED)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount something."""
    words = (source.encode(), os.fsencode(target), kind.encode() or None)
    if libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None) != 0:
        msg = f"{target} cannot be covered ({os.strerror(ctypes.get_errno())})"
        raise Refused(msg)


def write(path: str, text: str) -> None:
    """Write a file of the kernel's."""
    with open(path, "w") as file:  # noqa: PTH123 - imports cost time here
        file.write(text)


if __name__ == "__main__":
    main(sys.argv)
