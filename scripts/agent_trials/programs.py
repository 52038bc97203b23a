"""The agents that are tried: where they come from, and how each is asked for one turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROMPT = "Say hello."


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One agent. ``package``: its npm package, pinned; empty: a script of ours on Python SDKs.

    ``command``: its words after the executable; ``files``: what its home must hold. ``version``:
    words that make it tell its version.
    """

    name: str
    package: str = ""
    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    version: tuple[str, ...] = ("--version",)

    def executable(self, cache: Path) -> list[str]:
        """Return the words that start it."""
        if self.package:
            return [str(cache / "node_modules" / ".bin" / self.name)]
        return [str(cache / "python" / "bin" / "python"), str(Path(__file__).parent / "sdk.py")]

    def words(self, cache: Path) -> list[str]:
        """Return its whole command line."""
        return [*self.executable(cache), *self.command]


CODEX = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT)

PROGRAMS = (
    Program(
        name="claude",
        package="@anthropic-ai/claude-code@2.1.330",
        command=("-p", PROMPT, "--dangerously-skip-permissions"),
    ),
    Program(name="codex", package="@openai/codex@0.169.0", command=CODEX),
    Program(
        name="gemini",
        package="@google/gemini-cli@0.61.0",
        command=("-p", PROMPT, "--yolo", "--skip-trust"),
    ),
    Program(
        name="opencode",
        package="opencode-ai@1.18.33",
        command=("run", "--model", "openai/gpt-4o", PROMPT),
    ),
    Program(name="openai", command=("openai",), version=("openai", "--version")),
    Program(name="anthropic", command=("anthropic",), version=("anthropic", "--version")),
    Program(name="google-genai", command=("google-genai",), version=("google-genai", "--version")),
)

KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-api03-dummy",
    "OPENAI_API_KEY": "sk-dummy",
    "GEMINI_API_KEY": "dummy",
    "GOOGLE_GENERATIVE_AI_API_KEY": "dummy",
    "IS_SANDBOX": "1",
    "CI": "1",
}
"""What the agents start with: keys that open nothing, and no questions asked."""
