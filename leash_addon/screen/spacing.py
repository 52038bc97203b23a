"""White space, told apart into three: a blank, the end of a line, the end of a paragraph."""

import re
from typing import Final

BREAK: Final = "\f"
BREAKS: Final = "\f\n\f"
PARAGRAPH: Final = f"\n{BREAK}\n"
SPACES: Final = b"\t\v\f\x1c\x1d\x1e\x1f"
KEPT: Final = b"\t\n\v\f\r\x1c\x1d\x1e\x1f"
CONTROLS: Final = bytes(code for code in (*range(32), 127) if code not in KEPT)
BLANKED: Final = bytes.maketrans(SPACES, b" " * len(SPACES))
LOWERED: Final = BLANKED.lower()
"""The same for ASCII, and small letters for capitals."""
RUNS: Final = ("        ", "  ")
"""Blanks that become one: long runs first, as code has them."""
WHITE: Final = " \n\f"
ASCII: Final = bytes(range(128))
SYMBOLS: Final = (
    "[\u1201-\u12cf\u12d1-\u139f\u232b-\u245f\u24eb-\u27ff\u2801-\u2a0b\u2add-\u2bff\u3400-\ua4cf"
    "\ua4f5-\ua61f\ua7fb-\ua8cf\uaa5a-\uab31\uabfa-\ud7ff\ue000-\uf8ff\U00012000-\U0001342f"
    "\U00013460-\U000160ff\U00017000-\U0001bc9f\U0001f252-\U0001fbef\U00020000-\U0002f7ff\U0002fa1e-\U000dffff"
    "\U000e1000-\U0010ffff]"
)
"""Ideographs, syllables, symbols, private use: nothing looks like them or is dropped from them."""
WHOLE: Final = re.compile(f"{SYMBOLS}{SYMBOLS}*")
"""A run of them; written so, ``re`` skips quickly to where one begins."""
LONE: Final = "surrogatepass"
"""Half a surrogate pair, which JSON can bring, goes through bytes and back."""


def telling(text: str) -> str:
    """Return what is left of a text without ASCII and what always stands for itself."""
    return WHOLE.sub("", text.encode(errors=LONE).translate(None, ASCII).decode(errors=LONE))


def visible(text: str, table: bytes = BLANKED) -> str:
    """Drop ASCII controls that are no white space; write other blanks than a space as one.

    By bytes: the code points of a longer character have none below 128, and it is ten times
    as fast as a search in a string.
    """
    return text.encode(errors=LONE).translate(table, CONTROLS).decode(errors=LONE)


def spaced(text: str, table: bytes = BLANKED) -> str:
    r"""Write any run of white space as ``" "``, ``"\n"`` or (a blank line) ``"\n\f\n"``."""
    text = visible(text, table)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" in text:
        text = _lines(text)
    if RUNS[-1] in text:
        for run in RUNS:
            while run in text:
                text = text.replace(run, " ")
    return text


def _lines(text: str) -> str:
    """Drop what blanks stand at the ends of lines, but for the first and last of the text."""
    first, *lines, last = text.split("\n")
    lines = [line.strip(" ") or BREAK for line in lines]
    lines.append(last.lstrip(" "))
    text = "\n".join([first.rstrip(" "), *lines])
    while BREAKS in text:
        text = text.replace(BREAKS, BREAK)
    return text


def joined(left: str, right: str) -> str:
    """Put two folded texts together; white space on both sides of the seam becomes one run."""
    if left[-1:].strip(WHITE) or right[:1].strip(WHITE) or not (left and right):
        return left + right
    head, rest = left.rstrip(WHITE), right.lstrip(WHITE)
    seam = left[len(head) :] + right[: len(right) - len(rest)]
    if "\f" in seam or seam.count("\n") > 1:
        return head + PARAGRAPH + rest
    return head + ("\n" if "\n" in seam else " ") + rest


def seen(text: str) -> int:
    """Count the characters that are neither white space nor controls."""
    return len(visible("".join(text.split())))
