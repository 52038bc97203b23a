"""How agents are started so that their prompts show: ways of working, models, kinds of folders."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from scripts.agent_trials.programs import KEYS
from scripts.agent_trials.world import Home

type Files = Mapping[str, str]
"""Texts by path in a home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One way to start an agent. ``words``: after its name; the prompt comes last.

    ``files``: what its home must hold, by the home's path. ``variables``: of its environment.
    ``at_a_terminal``: it talks to a person there and does not end by itself.
    """

    agent: str
    words: tuple[str, ...] = ()
    files: Callable[[Path], Files] = field(default=lambda home: {})  # noqa: ARG005
    variables: Files = MappingProxyType({})
    at_a_terminal: bool = False

    def furnish(self, here: Home) -> None:
        """Prepare a home."""
        here.furnish(self.files(here.path))
        here.extra.update(self.variables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder that an agent finds itself in: nothing of it is like that of another."""

    prompt: str
    files: Files = MappingProxyType({})
    committed: tuple[str, ...] = ()

    def furnish(self, here: Home) -> None:
        """Write the files, and make it a repository where some are to be committed."""
        here.furnish({f"work/{name}": text for name, text in self.files.items()})
        who = ("-c", "user.name=n", "-c", "user.email=n@example.com")
        commit = (*who, "commit", "-q", "-m", self.prompt)
        steps = (("init", "-q"), ("add", *self.committed), commit)
        for words in steps if self.committed else ():
            subprocess.run(["git", *words], cwd=here.work, env=here.environment, check=True)


PLACES = (
    Place(prompt="Say hello."),
    Place(
        prompt="Name a plum.",
        files={
            "shop.md": "# A fruit shop\n",
            "src/plums.py": "PLUMS = 3\n",
            **dict.fromkeys(("CLAUDE.md", "AGENTS.md", "GEMINI.md"), "# Shop\n\nTabs, please.\n"),
        },
        committed=("shop.md", "CLAUDE.md", "AGENTS.md", "GEMINI.md"),
    ),
    Place(
        prompt="Count to four.",
        files={
            "boats.txt": "Two boats lie in the harbour.\n",
            "lib/boats.js": "exports.boats = 2;\n",
            "more.txt": "x\n",
            **dict.fromkeys(("CLAUDE.md", "AGENTS.md", "GEMINI.md"), "# Boats\n\nNo tabs.\n"),
        },
        committed=("boats.txt", "lib"),
    ),
)


def _claude(home: Path) -> Files:
    project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    asked = {"approved": [KEYS["ANTHROPIC_API_KEY"][-20:]], "rejected": []}
    told = {"hasCompletedOnboarding": True, "theme": "dark", "customApiKeyResponses": asked}
    return {".claude.json": json.dumps(told | {"projects": {str(home / "work"): project}})}


def _codex(home: Path) -> Files:
    trusted = f'[projects."{home}/work"]\ntrust_level = "trusted"\n'
    key = {"OPENAI_API_KEY": KEYS["OPENAI_API_KEY"]}
    return {".codex/config.toml": trusted, ".codex/auth.json": json.dumps(key)}


def _gemini(home: Path) -> Files:  # noqa: ARG001 - as for the others
    auth = {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}}
    return {".gemini/settings.json": json.dumps({"security": auth})}


RUN = ("run", "--model")
EXEC = ("exec", "--skip-git-repo-check")
EVERY_TOOL: Files = MappingProxyType({"ENABLE_TOOL_SEARCH": "false"})
SCENES = (
    Scene(agent="claude", words=("-p",)),
    Scene(agent="claude", words=("--model", "haiku", "-p")),
    Scene(agent="claude", words=("--permission-mode", "plan", "-p")),
    Scene(agent="claude", words=("-p",), variables=EVERY_TOOL),
    Scene(agent="claude", words=("--model", "claude-sonnet-4-5", "-p")),
    Scene(agent="claude", words=("--model", "claude-sonnet-4-5", "-p"), variables=EVERY_TOOL),
    Scene(agent="claude", words=("--agent", "Explore", "-p")),
    Scene(agent="claude", words=("--agent", "statusline-setup", "-p")),
    Scene(agent="claude", files=_claude, at_a_terminal=True),
    Scene(agent="codex", words=EXEC),
    Scene(agent="codex", words=(*EXEC, "-m", "gpt-5"), files=_codex),
    Scene(agent="codex", words=(*EXEC, "-m", "gpt-5.1-codex-max"), files=_codex),
    Scene(agent="codex", files=_codex, at_a_terminal=True),
    Scene(agent="gemini", words=("--yolo", "--skip-trust", "-p")),
    Scene(agent="gemini", words=("--skip-trust", "-m", "gemini-2.5-flash", "-p")),
    Scene(agent="gemini", words=("-i",), files=_gemini, at_a_terminal=True),
    Scene(agent="opencode", words=(*RUN, "openai/gpt-4o")),
    Scene(agent="opencode", words=(*RUN, "openai/gpt-5")),
    Scene(agent="opencode", words=(*RUN, "openai/gpt-5.3-codex")),
    Scene(agent="opencode", words=(*RUN, "anthropic/claude-sonnet-4-5")),
    Scene(agent="opencode", words=(*RUN, "google/gemini-2.5-pro")),
    Scene(agent="opencode", words=("run", "--agent", "plan", "--model", "openai/gpt-5")),
)
