"""Lists of agents whose prompts are known."""

from pathlib import Path

import pytest

from leash_addon.config.known import Agent, agents_of, as_toml, load_agents, load_known
from leash_addon.config.load import load
from leash_addon.config.screening import AGENTS
from leash_addon.core.part import Part
from leash_addon.errors import UsageError

HASH = "0c4e0d9e5b1f2a3c4d5e6f708192a3b4"
LIST = f'[[agent]]\nname = "a"\nversion = "1"\nsystem = ["{HASH}"]\n'


def test_the_shipped_list_holds_hashes_of_four_agents() -> None:
    """Each has paragraphs of its system's words; nothing in the file is longer than a hash."""
    agents = load_agents(AGENTS)
    assert sorted(each.name for each in agents) == [
        "claude-code",
        "codex",
        "gemini-cli",
        "opencode",
    ]
    assert [each.name for each in agents if len(each.hashes[Part.SYSTEM]) < 50] == []


def test_a_list_is_read_as_it_is_written(tmp_path: Path) -> None:
    """What ``as_toml`` writes, ``load_known`` reads; a path starts from the naming file."""
    agent = Agent(name='o"dd\n', version="1", hashes={Part.SYSTEM: (HASH,), Part.USER: ()})
    (tmp_path / "mine.toml").write_text(as_toml([agent]))
    (tmp_path / "leash.toml").write_text('screening = { known_prompts = ["mine.toml"] }')
    settings = load(env={}, cwd=tmp_path, home=tmp_path)
    (name,) = settings.screening.known_prompts
    assert load_agents(name) == (agent,)
    assert load_known([name]).hashes[Part.SYSTEM] == {HASH}


def test_a_local_file_replaces_the_lists(tmp_path: Path) -> None:
    """None are known where the local file says so; the shipped one where nobody says anything."""
    (tmp_path / "leash.toml").write_text('screening = { known_prompts = ["agents"] }')
    (tmp_path / "leash.local.toml").write_text("screening = { known_prompts = [] }")
    empty = load(env={}, cwd=tmp_path, home=tmp_path).screening
    usual = load(env={}, cwd=tmp_path / "none", home=tmp_path).screening
    assert (empty.known_prompts, usual.known_prompts) == ((), (AGENTS,))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        pytest.param({"agents": []}, "l: agents: unknown key; did you mean 'agent'?", id="key"),
        pytest.param({"agent": {}}, "l: agent: write [[agent]] for each", id="no array"),
        pytest.param(
            {"agent": [{"name": "a", "version": "1", "sytem": []}]},
            "l: agent 1: sytem: unknown key; did you mean 'system'?",
            id="inner key",
        ),
        pytest.param(
            {"agent": [{"name": "a"}]},
            "l: agent 1 (a): version: a text in quotes is needed here",
            id="no version",
        ),
        pytest.param(
            {"agent": [{"name": "a", "version": "1", "system": ["x"]}]},
            "l: agent 1 (a): system: 'x' is no paragraph's hash of 32 digits",
            id="no hash",
        ),
        pytest.param(
            {"agent": [{"name": "a", "version": "1", "tool_result": [HASH]}]},
            "l: agent 1: tool_result: unknown key; known are name, version, system, user",
            id="a tool's output has no pass",
        ),
    ],
)
def test_a_mistake_names_its_place(table: dict[str, object], said: str) -> None:
    """File, agent and key, and what to write instead."""
    with pytest.raises(UsageError) as caught:
        agents_of(table, "l")
    assert said in str(caught.value)


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The path is named, and the list that ships."""
    with pytest.raises(UsageError, match=r"known_prompts: .*no\.toml: cannot be read .*'agents'"):
        load_known([str(tmp_path / "no.toml")])
    (tmp_path / "bad.toml").write_text("[[agent]")
    with pytest.raises(UsageError, match=r"bad\.toml: is not TOML"):
        load_known([str(tmp_path / "bad.toml")])
