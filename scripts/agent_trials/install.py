"""Installs the agents into a cache: from npm by their pinned versions, and the Python SDKs."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

from scripts.agent_trials.programs import PROGRAMS

SDKS = ("openai>=3", "anthropic>=2", "google-genai>=2.8")


def cache() -> Path:
    """Return the folder that the agents live in."""
    return Path(os.environ["LEASH_AGENTS_CACHE"])


def is_installed(folder: Path, package: str) -> bool:
    """Tell whether a package is there in the version that is wanted."""
    name, _, wanted = package.rpartition("@")
    try:
        found = json.loads((folder / "node_modules" / name / "package.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(found["version"] == wanted)


def install_packages(folder: Path, packages: list[str]) -> None:
    """Install npm packages and run their own set-up, which some npm versions leave out."""
    run = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*run, "--prefix", str(folder), *packages], check=True, stdout=sys.stderr)
    for package in packages:
        home = folder / "node_modules" / package.rpartition("@")[0]
        setup = json.loads((home / "package.json").read_text()).get("scripts", {})
        if "postinstall" in setup:
            subprocess.run(["sh", "-c", setup["postinstall"]], cwd=home, check=True)


def main() -> int:
    """Install what is missing; 1 when npm or pip cannot."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    packages = [one.package for one in PROGRAMS if one.package]
    missing = [one for one in packages if not is_installed(folder, one)]
    try:
        if missing:
            install_packages(folder, missing)
        if not (folder / "python" / "bin" / "python").exists():
            venv.create(folder / "python", with_pip=True)
        pip = [str(folder / "python" / "bin" / "python"), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, *SDKS], check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"agents: the programs cannot be installed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
