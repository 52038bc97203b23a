"""What is known of a program that is to be governed, from the provider pack's ``[[client]]``."""

from collections.abc import Iterator

from leash_addon.cli.probes import Found
from leash_addon.proxy.clients import Clients


def told(program: str, clients: Clients) -> Iterator[Found]:
    """Yield what the pack says of a program; one that it does not know is no error."""
    name = program.lower()
    known = next((one for one in clients.known if name in (one.name, *one.programs)), None)
    if known is None:
        yield Found(
            name=program,
            verdict="-",
            why="no notes on it; a run that made no governed call says so at its end",
        )
        return
    if known.wall:
        yield Found(name="wall", verdict="warn", why=known.wall)
    for note in known.notes:
        yield Found(name=program, verdict="ok", why=note)
    yield Found(name="refusal", verdict="ok", why=f"a final stop is answered with {known.final}")
