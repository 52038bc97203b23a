import gzip
import json
import tomllib
from pathlib import Path

import pytest
from msgspec import structs

from leash_addon.cli.main import main
from leash_addon.core.limits import NO_LIMITS
from leash_addon.core.money import Instant
from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found
from leash_addon.ledger import open_ledger
from leash_addon.screen.known import hashes
from tests.ledger.world import make_ask

BAD = "Please open the gate now.\n"
PACK = """
[pack]
name = "gates"
version = 1
[[rule]]
id = "gate.open.now"
title = "Opens the gate"
severity = 1
keywords = ["gate"]
any_of = ['\\bopen the gate now\\b']
why = "Gates are to be shut."
[rule.examples]
match = ["Open the gate now.", "Please open the gate now!"]
no_match = ["Shut the gate.", "Open the door."]
"""
CONFIG = '# mine\n[screening]\npacks = ["./gates.toml"]\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder, the home too, with a pack of one rule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LEASH_CONFIG", raising=False)
    (tmp_path / "gates.toml").write_text(PACK)
    (tmp_path / "leash.toml").write_text(CONFIG)
    return tmp_path


def test_scan_answers_each_line_and_skips_bad_ones(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A gzipped corpus gives a line per text; a bad line is told with its number."""
    lines = [
        {"id": "a", "text": BAD, "channel": "user", "more": 1},
        {"id": 2, "text": "Good day."},
        {"id": "c"},
        {"id": "d", "text": BAD, "channel": "nobody"},
    ]
    packed = gzip.compress("\n".join(map(json.dumps, lines)).encode() + b"\n\nx\xff")
    (folder / "c.jsonl.gz").write_bytes(packed)
    assert main(["rules", "scan", "--jsonl", "c.jsonl.gz"]) == 2
    out, err = capfd.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert [(each["id"], each["fired"]) for each in found] == [("a", True), (2, False)]
    assert found[0]["rules"] != []
    numbers = [line.split(": ")[1] for line in err.splitlines()]
    assert numbers == ["c.jsonl.gz:3", "c.jsonl.gz:4", "c.jsonl.gz:6"]


def test_scan_of_a_file_cut_short_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A damaged gzip file ends the scan with its name."""
    packed = gzip.compress(json.dumps({"id": 1, "text": "x" * 999}).encode())
    (folder / "c.gz").write_bytes(packed[:-9])
    assert main(["rules", "scan", "--jsonl", "c.gz"]) == 2
    assert "c.gz: cannot be read to its end" in capfd.readouterr().err


def test_a_file_is_tried_with_line_and_column(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What fires is told as an editor finds it, and the exit code says so."""
    (folder / "notes.md").write_text("Hello.\n\n" + BAD)
    assert main(["rules", "test", "notes.md", "--json"]) == 1
    hit = json.loads(capfd.readouterr().out)[0]
    place = {"line": 3, "column": 8, "excerpt": BAD[7:-2]}
    assert {key: hit[key] for key in place} == place
    assert main(["rules", "test", "notes.md", "--part", "response"]) == 0


def test_a_disabled_rule_fires_no_more_until_it_is_taken_back(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """``disable`` writes the local file beside the user's own, ``--undo`` takes it out."""
    (folder / "t").write_text(BAD)
    main(["rules", "test", "t", "--json"])
    fired = {hit["rule"] for hit in json.loads(capfd.readouterr().out)}
    for rule in fired:
        assert main(["rules", "disable", rule]) == 0
    assert main(["rules", "test", "t"]) == 0
    for rule in fired:
        assert main(["rules", "disable", rule, "--undo"]) == 0
    assert main(["rules", "test", "t"]) == 1
    assert (folder / "leash.toml").read_text() == CONFIG


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["disable", "override.nothing"], "no rule of the packs in use has this id"),
        (["disable", "x.y.z", "--undo"], "x.y.z is not in screening.disable"),
        (["allow", "xyz"], "'xyz' is not a text's hash"),
        (["show", "x"], "no rule of the packs in use has this id"),
        (["test", "none.txt"], "none.txt: cannot be read (No such file or directory)"),
        (["scan", "--jsonl", "none"], "none: cannot be read (No such file or directory)"),
        (["scan"], "Missing option '--jsonl'"),
        (["check", "./none.toml"], "./none.toml: no such rule pack"),
        (["new", "Mine"], "an id is class.family.name in lower case"),
    ],
)
def test_a_mistake_gets_a_message(
    folder: Path, capfd: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """The exit code is 2, and nothing is written."""
    assert main(["rules", *words]) == 2
    assert message in capfd.readouterr().err
    assert sorted(each.name for each in folder.iterdir()) == ["gates.toml", "leash.toml"]


def test_a_hash_is_allowed_once(folder: Path) -> None:
    """The local file lists it; a second time is told."""
    assert main(["rules", "allow", "A" * 32]) == 0
    assert f'"{"a" * 32}"' in (folder / "leash.local.toml").read_text()
    assert main(["rules", "allow", "a" * 32]) == 2


@pytest.mark.usefixtures("folder")
def test_a_new_rule_is_a_draft_that_keeps_its_promises(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """``new`` makes a pack, adds to it, refuses an id twice; ``check`` finds it sound."""
    assert main(["rules", "new", "ours.paint.wall"]) == 0
    assert main(["rules", "new", "ours.paint.fence"]) == 0
    assert main(["rules", "new", "ours.paint.wall"]) == 2
    assert main(["rules", "check", "./my-rules.toml"]) == 0
    main(["rules", "list", "--pack", "./my-rules.toml", "--json"])
    listed = json.loads(capfd.readouterr().out)
    assert [(each["id"], each["status"]) for each in listed] == [
        ("ours.paint.wall", "draft"),
        ("ours.paint.fence", "draft"),
    ]


def test_a_broken_promise_is_one_line_and_exit_1(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """``check`` prints what is broken to standard output."""
    main(["rules", "new", "ours.paint.wall"])
    pack = folder / "my-rules.toml"
    pack.write_text(pack.read_text().replace(".{0,20}", ".*"))
    assert main(["rules", "check", "./my-rules.toml"]) == 1
    out = capfd.readouterr().out.splitlines()
    assert [line.split(": ")[:2] for line in out] == [["my-rules", "ours.paint.wall"]]


@pytest.mark.usefixtures("folder")
def test_a_rule_is_shown_with_its_proof_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    """``show`` gives the whole rule, ``stats`` counts as many as ``list``."""
    main(["rules", "list", "--json"])
    listed = json.loads(capfd.readouterr().out)
    main(["rules", "show", listed[0]["id"], "--json"])
    assert len(json.loads(capfd.readouterr().out)["match"]) >= 2
    main(["rules", "stats", "--json"])
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert told["classes"][-1]["rules"] == len(listed)
    assert (told["fired"], told["unused"]) == (None, None)
    assert "no findings are counted: " in err
    assert "no ledger there yet" in err


FINDING = Found(
    rule="gate.open.now", part=Part.USER, severity=1, action=Action.REFUSE, block="0" * 32
)
OLD, NEW = Instant(1_700_000_000_000_000), Instant(1_800_000_000_000_000)


def found(path: Path, at: Instant, part: Part) -> None:
    """Put a finding on record."""
    fired = structs.replace(FINDING, part=part)
    with open_ledger(path) as ledger:
        ledger.start_run("r", NO_LIMITS, program="agent", prices="test", now=at)
        ledger.admit(make_ask(f"c{at}", "r", found=(fired,), hostile="no"), at)


def test_stats_tell_how_often_rules_fired(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By part and action, with the last time; --since leaves out what is older."""
    path = folder / "l.db"
    found(path, OLD, Part.USER)
    found(path, NEW, Part.TOOL_RESULT)
    main(["rules", "stats", "--db", str(path), "--json"])
    every = json.loads(capfd.readouterr().out)
    main(["rules", "stats", "--db", str(path), "--json", "--since", "2025-01-01"])
    newer = json.loads(capfd.readouterr().out)
    assert every["fired"] == [
        {
            "rule": "gate.open.now",
            "times": 2,
            "parts": {"user": 1, "tool_result": 1},
            "actions": {"refuse": 2},
            "last": "2027-01-15T08:00:00.000Z",
        }
    ]
    assert (newer["fired"][0]["parts"], every["unused"]) == ({"tool_result": 1}, [])
    main(["rules", "stats", "--db", str(path)])
    out = capfd.readouterr().out
    assert "gate.open.now      2  user 1, tool_result 1  refuse 2  2027-01-15 08:00:00 UTC" in out


def test_rules_that_never_fired_are_listed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Those that may fire at the sensitivity in use; a date that is none is told."""
    path = folder / "l.db"
    found(path, OLD, Part.USER)
    assert main(["rules", "stats", "--db", str(path), "--unused", "--since", "1d"]) == 0
    assert capfd.readouterr().out == "gate.open.now\n"
    assert main(["rules", "stats", "--db", str(path), "--unused"]) == 0
    assert capfd.readouterr().out == ""
    assert main(["rules", "stats", "--db", str(path), "--since", "soon"]) == 2
    assert "--since: 'soon' is no date" in capfd.readouterr().err


OWN = "You are Tiller, which steers boats.\n\nNever run aground, whoever asks for it."


def test_a_prompt_becomes_known(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """``known`` prints hashes and no word of the text; the list is then among those in use."""
    (folder / "prompt.md").write_text(OWN)
    words = ["rules", "known", "prompt.md", "--name", "tiller", "--version", "1"]
    assert main(words) == 0
    out, err = capfd.readouterr()
    assert ("boats" in out, out.count('    "')) == (False, 2)
    assert "2 paragraphs of 1 files" in err
    (folder / "known.toml").write_text(out)
    (folder / "leash.toml").write_text('screening = { known_prompts = ["known.toml"] }')
    assert main(["rules", "known", "--json"]) == 0
    (listed,) = json.loads(capfd.readouterr().out)
    assert (listed["name"], listed["system"], listed["user"]) == ("tiller", 2, 0)


def test_what_two_recordings_share_becomes_known(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The system's words of recorded calls, without what differs between them."""
    for name in ("one", "two"):
        system = f"{OWN}\n\nYou work in the folder /boats/{name}."
        body = {
            "model": "m",
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": "Is this paragraph the user's own?"},
            ],
        }
        request = {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "headers": [],
            "postData": {"text": json.dumps(body)},
        }
        entry = {"request": request, "response": {"status": 200, "headers": [], "content": {}}}
        (folder / f"{name}.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    words = ["rules", "known", "one.har", "two.har", "--name", "tiller", "--version", "1"]
    assert main([*words, "--in-each", "2"]) == 0
    shared = tomllib.loads(capfd.readouterr().out)["agent"][0]["system"]
    assert set(shared) == set(hashes(OWN))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["prompt.md"], "--name: say which agent it is", id="no name"),
        pytest.param(["no.md", "--name", "a", "--version", "1"], "no.md: cannot be", id="gone"),
        pytest.param(
            ["short.md", "--name", "a", "--version", "1"],
            "short.md: no paragraph of 24 to 16384 characters",
            id="nothing to know",
        ),
        pytest.param(
            ["prompt.md", "--name", "a", "--version", "1", "--in-each", "2"],
            "--in-each 2: there are only 1 files",
            id="too few files",
        ),
    ],
)
def test_what_cannot_become_known_is_said(
    folder: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """A message, exit code 2, and nothing printed."""
    (folder / "prompt.md").write_text(OWN)
    (folder / "short.md").write_text("Too short.")
    assert main(["rules", "known", *words]) == 2
    out, err = capfd.readouterr()
    assert (out, said in err) == ("", True)


@pytest.mark.long
def test_the_shipped_packs_keep_their_promises(capfd: pytest.CaptureFixture[str]) -> None:
    """``leash rules check`` has nothing to tell of what ships; scripts/check asks it each time."""
    assert (main(["rules", "check"]), capfd.readouterr().out) == (0, "")
