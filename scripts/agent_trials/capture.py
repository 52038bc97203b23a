"""Which paragraphs agents send of themselves: ``rules/known_prompts.toml``, hashes and no text.

Every agent is started in several ways, each time in folders that have nothing in common, with
other words of its user. A paragraph that comes in two of them is the agent's own.
"""

import argparse
import fcntl
import os
import platform
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from leash_addon.config.known import PARTS, Agent, as_toml, load_known
from leash_addon.config.screening import AGENTS
from leash_addon.core.part import Part
from leash_addon.screen.known import hashes, paragraphs
from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Route
from leash_addon.wire.texts import Text, pieces, texts_in
from scripts.agent_trials.install import cache
from scripts.agent_trials.programs import PROGRAMS
from scripts.agent_trials.scenes import PLACES, SCENES, Place, Scene
from scripts.agent_trials.world import LEASH, PATIENCE, Fake, Home, fake_provider, home

FLAGS = ("--run", "shown", "--passthrough", "deny", "--max-calls", "3", "--websocket", "downgrade")
PLACES_OF_ITS_OWN = 2
SETTLING = 3.0
"""Seconds that an agent at a terminal has for more calls after its first."""
ROWS, COLUMNS = 40, 120
WHERE_IS_THE_CURSOR, THERE = b"\x1b[6n", b"\x1b[1;1R"
NAMES = {"claude": "claude-code", "gemini": "gemini-cli"}
HEAD = """\
# Prompts of known agents: SHA-256 of their paragraphs with white space evened out, 32 digits.
# Written by scripts/known-prompts; the texts themselves are their authors' and not here.
# A paragraph of this list is not screened in the part under which it stands.

"""

type Seen = dict[Part, Counter[str]]
"""How many places each paragraph came in."""


def sent(scene: Scene, place: Place) -> list[dict[str, object]]:
    """Return the requests of an agent that works in a place."""
    flags = () if scene.at_a_terminal else ("--tool-loop",)
    with fake_provider(*flags) as fake, home() as here:
        scene.furnish(here)
        place.furnish(here)
        program = str(cache() / "node_modules" / ".bin" / scene.agent)
        words = [*LEASH, *FLAGS, "--upstream", fake.url, "--", program, *scene.words, place.prompt]
        (_at_a_terminal if scene.at_a_terminal else _alone)(words, here, fake)
        return list(fake.seen()["requests"])


def _alone(words: list[str], here: Home, fake: Fake) -> None:  # noqa: ARG001 - as the other
    null = subprocess.DEVNULL
    subprocess.run(
        words,
        cwd=here.work,
        env=here.environment,
        stdin=null,
        stdout=null,
        stderr=null,
        timeout=PATIENCE,
        check=False,
    )


def _at_a_terminal(words: list[str], here: Home, fake: Fake) -> None:
    """Show it a terminal until it has asked its model, and a little longer."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    env = {name: value for name, value in here.environment.items() if name != "CI"}
    env["TERM"] = "xterm-256color"
    process = subprocess.Popen(
        words,
        cwd=here.work,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    end = time.monotonic() + PATIENCE
    asked = False
    try:
        while time.monotonic() < end and process.poll() is None:
            if select.select([ours], [], [], 0.5)[0]:
                said = os.read(ours, 65536)
                if WHERE_IS_THE_CURSOR in said:
                    os.write(ours, THERE)
            if not asked and fake.seen()["count"]:
                asked, end = True, time.monotonic() + SETTLING
    except OSError:
        pass  # it has closed its terminal
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        os.close(ours)
        _end_what_is_left(here)


def _end_what_is_left(here: Home) -> None:
    """End the servers that an agent started for itself and left behind: those that name its home.

    https://man7.org/linux/man-pages/man5/proc_pid_cmdline.5.html (read 2026-11-22).
    """
    home_of_it = os.fsencode(here.path)
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if home_of_it in each.read_bytes():
                os.kill(int(each.parent.name), signal.SIGKILL)
        except OSError:
            continue  # it has ended by itself


def texts(requests: list[dict[str, object]]) -> Iterator[Text]:
    """Yield what requests say, as screening reads it."""
    for request in requests:
        wire_format = str(request["format"])
        raw = msgspec.json.encode(request["body"])
        body = parse_request(Route(provider="any", format=wire_format), {}, raw).body
        for piece in pieces(wire_format, body) if body is not None else ():
            yield from texts_in(piece).texts


def known_percent(requests: list[dict[str, object]]) -> int:
    """Return how much of the system's words in requests is known, of what is no white space."""
    listed = load_known([AGENTS])
    every = left = 0
    for text in texts(requests):
        if text.part is Part.SYSTEM:
            rest = listed.rest(text.text, text.part, [leaf.start for leaf in text.leaves])
            every += len("".join(text.text.split()))
            left += len("".join(rest.split()))
    return 100 - round(100 * left / every) if every else 0


def varies(paragraph: str) -> bool:
    """Tell whether a paragraph holds what is another tomorrow or on another machine."""
    now = datetime.now(UTC)
    dates = (f"{now:%Y-%m-%d}", f"{now:%b %d}", f"{now:%B %-d}", f"{now:%-m/%-d/%Y}")
    return any(each in paragraph for each in (*dates, platform.release(), str(cache())))


def own_paragraphs(text: Text) -> Iterator[str]:
    """Yield the hashes of the paragraphs of one text that do not vary."""
    starts = [leaf.start for leaf in text.leaves]
    for start, end in paragraphs(text.text, starts):
        if not varies(text.text[start:end]):
            yield from hashes(text.text[start:end])


def seen_in(scene: Scene) -> Seen:
    """Return what an agent says of itself when it is started in one way."""
    found: Seen = {part: Counter() for part in PARTS}
    for place in PLACES:
        here: dict[Part, set[str]] = {part: set() for part in PARTS}
        requests = sent(scene, place)
        for text in texts(requests):
            if text.part in here:
                here[text.part].update(own_paragraphs(text))
        for part in PARTS:
            found[part].update(here[part])
        counts = ", ".join(f"{len(here[part])} {part}" for part in PARTS)
        said = f"{len(requests)} calls, paragraphs: {counts}"
        print(scene.agent, *scene.words, f"({said})", file=sys.stderr, flush=True)
    return found


def agents(names: list[str]) -> Iterator[Agent]:
    """Yield what is known of each agent."""
    for name in names:
        package = next(one.package for one in PROGRAMS if one.name == name)
        known: dict[Part, set[str]] = {part: set() for part in PARTS}
        for scene in (each for each in SCENES if each.agent == name):
            for part, counted in seen_in(scene).items():
                known[part].update(
                    each for each, times in counted.items() if times >= PLACES_OF_ITS_OWN
                )
        yield Agent(
            name=NAMES.get(name, name),
            version=package.rpartition("@")[2],
            hashes={part: tuple(sorted(found)) for part, found in known.items()},
        )


def main() -> int:
    """Write the list."""
    named = sorted({scene.agent for scene in SCENES})
    parser = argparse.ArgumentParser(prog="scripts/known-prompts")
    parser.add_argument("--only", nargs="+", choices=named, default=named)
    parser.add_argument("--to", type=Path, help="write it here; default: to standard output")
    asked = parser.parse_args()
    written = HEAD + as_toml(agents(asked.only))
    if asked.to is None:
        sys.stdout.write(written)
    else:
        asked.to.write_text(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
