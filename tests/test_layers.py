"""The picture of the design: arrows point down only, and the pure three stay pure."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import leash_addon

ROOT = Path(leash_addon.__file__).parent
MAY_IMPORT = {
    "errors": set[str](),
    "core": {"errors"},
    "wire": {"core", "errors"},
    "screen": {"core", "errors"},
    "ledger": {"core", "errors"},
    "config": {"core", "wire", "screen", "errors"},
    "audit": {"core", "wire", "config", "errors"},
    "reactions": {"core", "ledger", "config", "errors"},
    "web": {"core", "ledger", "config", "errors"},
    "proxy": {"core", "wire", "screen", "ledger", "config", "reactions", "errors"},
    "cli": {
        "core",
        "wire",
        "screen",
        "ledger",
        "config",
        "audit",
        "reactions",
        "web",
        "proxy",
        "errors",
    },
    "__main__": {"cli"},
    "__init__": set[str](),
}
"""Package or top-level module -> what of ours it may import beside itself and the version."""

PURE = ("core", "wire", "screen")
IMPURE = frozenset(
    {
        *("aiohttp", "asyncio", "builtins", "click", "concurrent", "ctypes", "fcntl"),
        *("genai_prices", "getpass", "glob", "http", "httpx", "importlib", "io", "locale"),
        *("logging", "mitmproxy", "mmap", "multiprocessing", "os", "pathlib", "platform", "pwd"),
        *("random", "resource", "rich", "secrets", "select", "selectors", "shutil", "signal"),
        *("socket", "sqlite3", "sqlite_utils", "ssl", "subprocess", "sys", "syslog"),
        *("tempfile", "threading", "time", "uuid", "warnings"),
    }
)
"""Modules that reach for a clock, a socket, a file, a log, chance or the environment."""

CALLS = frozenset({"open", "print", "input", "eval", "exec", "breakpoint", "__import__"})
CLOCKS = {"now", "utcnow", "today"}


class Import(NamedTuple):
    """One import, absolute."""

    module: Path
    line: int
    name: str


def modules(under: Path = ROOT) -> list[Path]:
    """Return the modules of a folder."""
    return sorted(under.rglob("*.py"))


def imports(module: Path) -> Iterator[Import]:
    """Find every import of a module, also inside functions."""
    package = ["leash_addon", *module.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield Import(module, node.lineno, name.name)
            case ast.ImportFrom(level=0, module=str(origin), names=names):
                if origin == "leash_addon":
                    yield from (
                        Import(module, node.lineno, f"{origin}.{name.name}") for name in names
                    )
                else:
                    yield Import(module, node.lineno, origin)
            case ast.ImportFrom(level=level, module=origin):
                base = package[: len(package) - level + 1]
                yield Import(module, node.lineno, ".".join([*base, *([origin] if origin else [])]))
            case _:
                pass


def part(module: Path) -> str:
    """Return the package or top-level module that a file belongs to."""
    return module.relative_to(ROOT).parts[0].removesuffix(".py")


def shown(found: Import) -> str:
    """Write where an import stands."""
    return f"{found.module.relative_to(ROOT)}:{found.line} imports {found.name}"


def test_every_package_stands_in_the_picture() -> None:
    """A new package is drawn before it is built."""
    assert {part(module) for module in modules()} <= set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_down(package: str) -> None:
    """No package imports one that lies above or beside it."""
    allowed = MAY_IMPORT[package] | {package, "__version__"}
    wrong = [
        shown(found)
        for module in modules()
        if part(module) == package
        for found in imports(module)
        if found.name.split(".")[0] == "leash_addon"
        and (found.name.split(".")[1:2] or ["__version__"])[0] not in allowed
    ]
    assert wrong == []


def test_the_picture_has_no_cycle() -> None:
    """Whatever a package may import may not import it back, by any way."""

    def below(package: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        for lower in MAY_IMPORT[package] - seen:
            seen = below(lower, seen | {lower})
        return seen

    assert [package for package in MAY_IMPORT if package in below(package)] == []


@pytest.mark.parametrize("package", PURE)
def test_the_pure_three_have_no_clock_no_socket_no_file_and_no_log(package: str) -> None:
    """They import nothing that reaches outside."""
    wrong = [
        shown(found)
        for module in modules(ROOT / package)
        for found in imports(module)
        if found.name.split(".")[0] in IMPURE or found.name.startswith("urllib.request")
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PURE)
def test_the_pure_three_call_nothing_that_reaches_outside(package: str) -> None:
    """No ``open``, no ``print``, no ``datetime.now``."""
    wrong = [
        f"{module.relative_to(ROOT)}:{node.lineno}"
        for module in modules(ROOT / package)
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in CALLS)
            or (isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS)
        )
    ]
    assert wrong == []


def test_no_float_touches_money() -> None:
    """Where money is reckoned no number has a point and nothing is turned into a float."""
    names = ("money", "pricing", "rates", "lines", "usage", "reading", "balance", "journal")
    wrong = [
        f"{name}.py:{node.lineno}"
        for name in names
        for node in ast.walk(ast.parse((ROOT / "core" / f"{name}.py").read_text()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]
    assert wrong == []


def test_no_module_is_longer_than_a_reader_bears() -> None:
    """No module has more than 300 lines; most have fewer than 150."""
    lengths = {module: len(module.read_text().splitlines()) for module in modules()}
    long = {str(module.relative_to(ROOT)): n for module, n in lengths.items() if n > 300}
    assert long == {}
