"""The system calls that a jailed command may not make: typing for the terminal outside.

``ioctl(TIOCSTI)`` puts letters into the terminal's input, which the shell that started leash then
reads as commands, outside of the jail; ``TIOCLINUX`` does so on a console. Everything else about
the terminal works. The filter is seccomp's, in classic BPF; it looks at the request's low 32 bits,
as the kernel does (linux/seccomp.h, linux/audit.h and asm/unistd.h of
https://github.com/torvalds/linux/tree/v6.12/include/uapi, read 2026-11-22).
"""

from itertools import chain

type Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
LOAD, EQUALS, RETURN = 0x20, 0x15, 0x06
NUMBER, ARCHITECTURE, SECOND_ARGUMENT = 0, 4, 24
ALLOW, EPERM = 0x7FFF0000, 0x00050001

IOCTLS = (
    (0xC000003E, 16),  # x86-64
    (0xC000003E, 0x40000000 + 514),  # x32
    (0x40000003, 54),  # i386
    (0xC00000B7, 29),  # 64-bit ARM
    (0x40000028, 54),  # ARM
    (0xC00000F3, 29),  # 64-bit RISC-V
    (0xC0000015, 54),  # 64-bit POWER, little-endian
)
"""Architectures, and the number of ``ioctl`` on each."""


def forbidden() -> list[Instruction]:
    """Return the filter."""
    return [*chain.from_iterable(_on(*each) for each in IOCTLS), (RETURN, 0, 0, ALLOW)]


def _on(architecture: int, number: int) -> tuple[Instruction, ...]:
    return (
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUALS, 0, 7, architecture),
        (LOAD, 0, 0, NUMBER),
        (EQUALS, 0, 5, number),
        (LOAD, 0, 0, SECOND_ARGUMENT),
        (EQUALS, 2, 0, TIOCSTI),
        (EQUALS, 1, 0, TIOCLINUX),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, EPERM),
    )
