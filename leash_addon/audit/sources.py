"""Files and folders to exchanges: which reader a file needs, and what can be wrong with it."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from leash_addon.audit.exchange import Bad, Read
from leash_addon.audit.flows import read_flows
from leash_addon.audit.har import read_har
from leash_addon.audit.jsonl import numbered, read_jsonl

type Reader = Callable[[IO[bytes], str], Iterator[Read]]

READERS: dict[str, Reader] = {
    ".har": read_har,
    ".mitm": read_flows,
    ".flow": read_flows,
    ".flows": read_flows,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
}
KINDS = ".har, .mitm, .flow or .jsonl (also with .gz)"
GZIP = b"\x1f\x8b"


def read_paths(paths: Iterable[Path]) -> Iterator[Read]:
    """Read every exchange of the files; of folders, the files of a kind that is known."""
    for path in paths:
        if not path.is_dir():
            yield from read_path(path)
            continue
        files = sorted(file for file in path.rglob("*") if _reader(file) and file.is_file())
        if not files:
            yield Bad(_shown(path), f"no file in it is {KINDS}")
        for file in files:
            yield from read_path(file)


def read_path(path: Path) -> Iterator[Read]:
    """Read the exchanges of one file; whatever is wrong with it comes as a ``Bad``."""
    reader = _reader(path)
    if reader is None:
        return iter((Bad(_shown(path), f"not a kind of file that is read; give {KINDS}"),))
    return _opened(path, reader)


def is_recording(path: Path) -> bool:
    """Tell by its name whether a file is of a kind that is read."""
    return _reader(path) is not None


def read_lines(path: Path) -> Iterator[tuple[str, bytes] | Bad]:
    """Read the lines of a text file, also a gzipped one, with the place of each."""
    return _opened(path, numbered)


def _opened[T](path: Path, read: Callable[[IO[bytes], str], Iterator[T]]) -> Iterator[T | Bad]:
    """Read an open file; what opening, unpacking and reading run into comes as a ``Bad``."""
    name = _shown(path)
    try:
        with path.open("rb") as plain:
            packed = plain.peek(2).startswith(GZIP)
            file = gzip.GzipFile(fileobj=plain) if packed else plain
            yield from read(cast("IO[bytes]", file), name)
    except EOFError:
        yield Bad(name, "the gzip ends in the middle; what came before counts")
    except (gzip.BadGzipFile, zlib.error) as e:
        yield Bad(name, f"damaged gzip ({e}); what came before counts")
    except OSError as e:
        yield Bad(name, f"cannot be read ({e.strerror or e})")


def _shown(path: Path) -> str:
    """Return a path that can be printed, also one whose bytes are no text."""
    return str(path).encode("utf-8", "replace").decode()


def _reader(path: Path) -> Reader | None:
    name = path.name.lower().removesuffix(".gz")
    return READERS.get(Path(name).suffix)
