"""Environments of their own for clients, kept beside the interpreter that runs the tests.

An SDK and leash need not agree on the libraries that they share: each gets what it would get on its
user's machine. Made once; where the registry cannot be reached the tests' own packages serve
for Python, and Node's tests are skipped.
"""

import fcntl
import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

FOLDER = Path(sys.prefix) / "clients"
MADE, FAILED = "made", "failed"
AGAIN = 3_600.0
"""Seconds for which a failed installation is not tried again."""

TIMEOUT = 240.0
SDKS = {"anthropic": "anthropic", "google-genai": "google.genai", "openai": "openai"}
"""The module of each package. They are installed together: what they share is fetched once."""


def python_with(package: str) -> Path:
    """Return an interpreter that has ``package``, one of the SDKs, and nothing of leash."""
    folder = FOLDER / "sdks"
    python = folder / "bin" / "python"
    create = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    install = [sys.executable, "-m", "pip", "--python", str(python), "--retries", "0", "install"]
    if _made(folder, [create, [*install, "--quiet", "--no-compile", *SDKS]]):
        return python
    try:
        found = importlib.util.find_spec(SDKS[package])
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"{package} is not installed and cannot be fetched")
    return Path(sys.executable)


def node_with(package: str) -> Path:
    """Return a folder whose ``node_modules`` has ``package``; skip where there can be none."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    folder = FOLDER / f"node-{package}"
    folder.mkdir(parents=True, exist_ok=True)
    install = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=0",
        "--fetch-timeout=60000",
        package,
    ]
    if not _made(folder, [[*install, "--prefix", str(folder)]]):
        pytest.skip(f"npm cannot fetch {package}")
    return folder


def _made(folder: Path, steps: Sequence[Sequence[str]]) -> bool:
    """Take the steps unless that was done; tell whether they succeeded, now or then."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        made, failed = folder / MADE, folder / FAILED
        if made.exists():
            return True
        if failed.exists() and time.time() - failed.stat().st_mtime < AGAIN:
            return False
        succeeded = all(_succeeds(step) for step in steps)
        (made if succeeded else failed).touch()
        return succeeded


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _succeeds(step: Sequence[str]) -> bool:
    try:
        return (
            subprocess.run(step, capture_output=True, timeout=TIMEOUT, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
