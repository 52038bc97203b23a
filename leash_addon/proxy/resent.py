"""One request under way through screening: what is known of it, what is new, what becomes of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from msgspec import Struct

from leash_addon.proxy.verdicts import Judged, Verdict
from leash_addon.wire.asked import Parsed
from leash_addon.wire.known import Known, spliced
from leash_addon.wire.texts import FORMATS, NAMES, Path, Piece, pieces, put_together
from leash_addon.wire.texts.arrays import spans_behind


class Met(Struct, frozen=True, kw_only=True):
    """A piece of a history in which something was found, and where it stands in the request."""

    path: Path
    start: int
    end: int
    verdict: Verdict


@dataclass(slots=True, kw_only=True)
class Resent:
    """One request. ``met``: what was found in what is known of it, in its order."""

    wire_format: str
    parsed: Parsed
    met: tuple[Met, ...] = ()
    found: list[tuple[Path, Verdict]] = field(default_factory=list)

    def new(self) -> Iterator[Piece]:
        """Yield the pieces that are not known."""
        body = self.parsed.body
        return iter(()) if body is None else pieces(self.wire_format, body, self.parsed.known)

    def new_of(self, name: str) -> Iterator[Piece]:
        """Yield the new pieces of one member."""
        return (piece for piece in self.new() if piece.path[0] == name)

    def all(self) -> Iterator[Piece]:
        """Yield all pieces; for that, it is read as a whole."""
        body = self.parsed.whole.body
        return iter(()) if body is None else pieces(self.wire_format, body)

    def hear(self, path: Path, verdict: Verdict) -> None:
        """Take what was found in a new piece."""
        self.found.append((path, verdict))

    @property
    def judged(self) -> list[Judged]:
        """Return the texts in which something was found, in the order of the format's table."""
        order = {NAMES[name]: at for at, name in enumerate(FORMATS.get(self.wire_format, {}))}
        found = [*((each.path, each.verdict) for each in self.met), *self.found]
        found.sort(key=lambda one: (order[str(one[0][0])], *one[0][1:]))
        return [each for _, verdict in found for each in verdict.judged]

    @property
    def changes(self) -> bool:
        """Tell whether something else goes out than came in."""
        verdicts = chain((each.verdict for each in self.met), (each for _, each in self.found))
        return any(each.raw is not None for each in verdicts)

    def put_together(self) -> bytes:
        """Return what goes out."""
        parsed, known = self.parsed, self.parsed.known
        changed = {path: each.raw for path, each in self.found if each.raw is not None}
        spliced = None if known is None else self._spliced(known, changed)
        if spliced is not None:
            return spliced
        if known is not None:
            parsed = parsed.whole
            changed |= {each.path: each.verdict.raw for each in self.met if each.verdict.raw}
        return put_together(parsed.plain, self.all(), changed, inside=parsed.inside)

    def _spliced(self, known: Known, changed: Mapping[Path, bytes]) -> bytes | None:
        """Write what has changed where it stood; ``None``: not all of that is in the history."""
        name, plain = NAMES[known.field], self.parsed.plain
        if any(path[0] != name or len(path) == 1 for path in changed):
            return None
        spans = spans_behind(plain, known, [piece.raw for piece in self.new_of(name)])
        if spans is None:
            return None
        changes = [
            *((each.start, each.end, each.verdict.raw) for each in self.met if each.verdict.raw),
            *((*spans[int(path[1]) - known.count], raw) for path, raw in sorted(changed.items())),
        ]
        return spliced(plain, changes)
