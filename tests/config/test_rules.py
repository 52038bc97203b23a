from pathlib import Path

import pytest

from leash_addon.config.rules import load_pack, load_packs, shipped_packs
from leash_addon.core.part import Part
from leash_addon.errors import UsageError

RULE = """
[pack]
name = "mine"
version = 1
[[rule]]
id = "my.own.rule"
title = "a gate"
severity = 2
keywords = ["gate"]
any_of = ["open the gate"]
why = "gates"
"""


def written(folder: Path, text: str, name: str = "mine.toml") -> str:
    """Write a pack; return its name."""
    (folder / name).write_text(text, "utf-8")
    return name


def test_every_shipped_pack_loads() -> None:
    """A pack that ships has rules, and no two share an id."""
    packs = load_packs(shipped_packs(), Path())
    assert [pack.name for pack in packs if not pack.rules] == []
    assert "injection" in {pack.name for pack in packs}


def test_a_rule_that_names_no_part_reads_what_others_wrote(tmp_path: Path) -> None:
    """``scan`` defaults to user, tool_result and system; a path starts from the folder given."""
    rule = load_pack(written(tmp_path, RULE), tmp_path).rules[0]
    assert (rule.id, rule.severity, rule.scan) == (
        "my.own.rule",
        2,
        {Part.USER, Part.TOOL_RESULT, Part.SYSTEM},
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('why = "gates"', "", "mine.toml: rule 1 (my.own.rule): why: a text"),
        (
            'why = "gates"',
            'whi = "gates"',
            "mine.toml: rule 1 (my.own.rule): whi: unknown key; did you mean 'why'?",
        ),
        (
            'why = "gates"',
            'why = "gates"\nkeyword = []',
            "mine.toml: rule 1 (my.own.rule): keyword: unknown key; did you mean 'keywords'?",
        ),
        ("severity = 2", "severity = 4", "severity: a whole number from 1 to 3 is needed here"),
        ("version = 1", "version = 1\nkinds = 2", "mine.toml: pack: kinds: unknown key; did you"),
        ("[[rule]]", "[[rules]]", "mine.toml: rules: unknown key; did you mean 'rule'?"),
        ('why = "gates"', 'why = "x"\nscan = ["users"]', "'users' is not one of system, user, as"),
        ('why = "gates"', 'why = "x"\nviews = ["rot"]', "'rot' is not one of base64"),
        ('why = "gates"', 'why = "x"\nstatus = "new"', "'new' is not one of draft, stable, retir"),
        ('any_of = ["open the gate"]', "", "any_of: write at least one pattern"),
        ('["gate"]', '"gate"', "keywords: a list of texts is needed here"),
        ("severity = 2", "severity = ", "mine.toml: is not TOML"),
        ("[[rule]]", "[rule]", "mine.toml: rule: write [[rule]] for each rule"),
        ('why = "gates"', 'why = "x"\nexamples.matches = []', "examples: matches: unknown key"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    """File, rule and key are named, and the key that was meant."""
    with pytest.raises(UsageError) as told:
        load_pack(written(tmp_path, RULE.replace(old, new)), tmp_path)
    assert message in str(told.value)


def test_an_id_belongs_to_one_rule_of_all_packs(tmp_path: Path) -> None:
    """Two packs with one id are refused."""
    names = [written(tmp_path, RULE), written(tmp_path, RULE.replace('"mine"', '"b"'), "b.toml")]
    with pytest.raises(UsageError, match=r"b: my\.own\.rule: the pack 'mine' has a rule of this"):
        load_packs(names, tmp_path)


def test_a_pack_that_does_not_exist_is_told_what_ships(tmp_path: Path) -> None:
    """A misspelt name lists the shipped packs."""
    with pytest.raises(UsageError, match=r"injektion: no such rule pack; leash ships injection"):
        load_packs(["injektion"], tmp_path)


def test_a_folder_is_one_pack(tmp_path: Path) -> None:
    """Every file of a folder adds its rules."""
    (tmp_path / "all").mkdir()
    written(tmp_path / "all", RULE)
    written(tmp_path / "all", RULE.replace("my.own.rule", "my.own.other"), "other.toml")
    pack = load_pack("./all", tmp_path)
    assert [rule.id for rule in pack.rules] == ["my.own.rule", "my.own.other"]
