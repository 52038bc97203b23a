"""A history that comes again is known by its bytes, and nothing comes out otherwise for that."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.config.screening import USUAL, Level, ScreeningSettings
from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found
from leash_addon.proxy import histories
from leash_addon.proxy.acting import Blocked
from leash_addon.proxy.screening import Screening
from leash_addon.wire.asked import Parsed, parse_request
from leash_addon.wire.routes import Route
from leash_addon.wire.texts import pieces
from tests.proxy.test_screening import BAD, screening

CHAT = Route(provider="openai", format="openai.chat")
EVERY = (Part.SYSTEM, Part.USER, Part.ASSISTANT, Part.TOOL_RESULT)
LONG = {"role": "assistant", "content": "word " * 1_000}


ENGINE = screening().engine


def screener(actions: Mapping[Part, Action] | None = None) -> Screening:
    """Return what screens, without a memory."""
    return Screening(
        ENGINE, ScreeningSettings(level=Level.MEDIUM, actions={**USUAL, **(actions or {})})
    )


@contextmanager
def eager() -> Iterator[None]:
    """Have short histories learnt, too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SMALLEST", "LOOSE", "WORTH"):
            patch.setattr(histories, name, 1)
        yield


def parsed(screen: Screening | None, body: bytes) -> Parsed:
    """Read a call, by memory where there is one."""
    if screen is None:
        return parse_request(CHAT, {}, body)
    return parse_request(CHAT, {}, body, recall=screen.recall)


type Outcome = tuple[tuple[Found, ...], Blocked | None, object]


def outcome(screen: Screening, body: bytes, run: str = "r", *, known: bool = True) -> Outcome:
    """Return what screening says of a call, and what goes out."""
    call = parsed(screen if known else None, body)
    judged = asyncio.run(screen.judge(run, CHAT.format, call))
    sent = None if judged.body is None else json.loads(judged.body)
    return judged.found, judged.blocked, sent


TEXT = st.sampled_from([BAD, "fine", '"messages":[', 'a "quote" \\ and \u00e9', "", "leash-0"])
MESSAGE = st.one_of(
    st.builds(
        lambda role, text: {"role": role, "content": text},
        st.sampled_from(["user", "assistant", "tool", "system"]),
        TEXT,
    ),
    st.builds(lambda text: {"role": "tool", "content": [{"type": "text", "text": text}]}, TEXT),
    TEXT,
    st.integers(0, 9),
    st.just([]),
)
HISTORY = st.lists(MESSAGE, min_size=3, max_size=9)
OTHER = st.sampled_from(
    ["", ',"tools":[{"description":"fine"}]', f',"instructions":{json.dumps(BAD)}', ',"x":[1]']
)
TWICE = st.sampled_from(["", "", "", ',"messages":["fine"]', f',"messages":[{json.dumps(BAD)}]'])
STYLE = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")])


def written(
    history: list[Any], style: tuple[str, str], before: str, after: str, *, ascii_only: bool
) -> bytes:
    """Write a call as some program does."""
    array = json.dumps(history, separators=style, ensure_ascii=ascii_only)
    return f'{{"model":"m"{before},"messages":{array}{after}}}'.encode()


CALLS = st.tuples(
    HISTORY,
    st.lists(MESSAGE, max_size=4),
    st.integers(0, 9),
    st.tuples(STYLE, OTHER, st.booleans()),
    st.tuples(OTHER, TWICE, TWICE),
    st.sampled_from([Action.OBSERVE, Action.ANNOTATE, Action.REDACT, Action.REFUSE]),
)
type Calls = tuple[
    list[Any], list[Any], int, tuple[tuple[str, str], str, bool], tuple[str, str, str], Action
]


def judged_alike(calls: Calls) -> None:
    """Compare what is said of two calls, of which the first is known, with what reading says."""
    history, more, kept, (style, before, ascii_only), (other, twice, twice_again), action = calls
    first = written(history, style, before, twice, ascii_only=ascii_only)
    then = written(
        [*history[: max(1, kept)], *more], style, before, other + twice_again, ascii_only=ascii_only
    )
    actions: Mapping[Part, Action] = dict.fromkeys(EVERY, action)
    knowing, reading = screener(actions), screener(actions)
    for body in (first, then, then):
        assert outcome(knowing, body) == outcome(reading, body, known=False)
        assert parsed(knowing, body).asked == parsed(None, body).asked


@settings(max_examples=50, deadline=None)
@given(CALLS)
@eager()
def test_what_is_known_changes_no_verdict(calls: Calls) -> None:
    """A call that goes on from another, or leaves it, is judged as if all of it were read.

    Whatever it is made of: members twice, other members, other white space, what looks like JSON.
    """
    judged_alike(calls)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None)
@given(CALLS)
@eager()
def test_what_is_known_changes_none_of_many_verdicts(calls: Calls) -> None:
    """Nor in thousands of such calls."""
    judged_alike(calls)


@settings(max_examples=25, deadline=None)
@given(HISTORY, st.lists(MESSAGE, max_size=3), STYLE, TWICE)
@eager()
def test_what_is_read_beside_the_known_is_the_rest(
    history: list[Any], more: list[Any], style: tuple[str, str], twice: str
) -> None:
    """The pieces of a call that is partly known are the last of all its pieces."""
    knowing = screener()
    outcome(knowing, written(history, style, "", "", ascii_only=True))
    body = written([*history, *more], style, "", twice, ascii_only=True)
    call, whole = parsed(knowing, body), parsed(None, body)
    assert call.body is not None
    assert whole.body is not None
    some = list(pieces(CHAT.format, call.body, call.known))
    every = list(pieces(CHAT.format, whole.body))
    count = 0 if call.known is None else call.known.count
    assert some == every[count:]
    assert list(pieces(CHAT.format, call.whole.body)) == every  # type: ignore[arg-type]


def history(*said: object) -> list[object]:
    """Return a history that is long enough to be learnt."""
    return [*said, *[LONG] * (histories.LOOSE + histories.WORTH)]


def body(said: list[object]) -> bytes:
    """Write a call."""
    return json.dumps({"model": "m", "messages": said}).encode()


def test_a_history_is_known_when_it_comes_again() -> None:
    """Of a resent history all but the last elements is known, and only the rest is read."""
    screen = screener()
    said = history()
    outcome(screen, body(said))
    known = parsed(screen, body([*said, {"role": "user", "content": "go on"}])).known
    assert known is not None
    assert known.count == len(said) - histories.LOOSE


def test_a_history_that_grew_is_learnt_anew() -> None:
    """After some more turns what is known has grown, too."""
    screen = screener()
    said = history()
    for _ in range(30):
        outcome(screen, body(said))
        said.append(LONG)
    known = parsed(screen, body(said)).known
    assert known is not None
    assert len(said) - known.count <= histories.LOOSE + histories.WORTH


def test_another_beginning_is_not_known() -> None:
    """One byte of difference, however early, and everything is read."""
    screen = screener()
    outcome(screen, body(history("a")))
    assert parsed(screen, body(history("b"))).known is None


def test_a_history_of_one_run_is_judged_for_another() -> None:
    """What one run was told of is new to the next: its findings go on record there, too."""
    screen = screener({Part.TOOL_RESULT: Action.REDACT})
    said = history({"role": "tool", "content": BAD})
    found = [outcome(screen, body(said), run=run)[0] for run in ("r1", "r1", "r2", "r2")]
    assert [len(each) for each in found] == [1, 1, 1, 1]
    one, other = (outcome(screen, body(said), run=run) for run in ("r1", "r2"))
    assert one == other


def test_other_rules_know_nothing() -> None:
    """When the rules change, what was judged by the old ones is read and judged anew."""
    screen = screener()
    outcome(screen, body(history()))
    screen.take(screen.engine, screen.settings)
    assert parsed(screen, body(history())).known is None


def test_a_refused_result_in_a_known_history_still_names_its_tool() -> None:
    """The call that a hostile output answers is found in what was read before."""
    screen = screener({Part.TOOL_RESULT: Action.REFUSE})
    use = {"id": "c1", "type": "function", "function": {"name": "fetch", "arguments": "{}"}}
    said = history({"role": "assistant", "tool_calls": [use]})
    outcome(screen, body(said))
    said.append({"role": "tool", "tool_call_id": "c1", "content": BAD})
    _, blocked, _ = outcome(screen, body(said))
    assert blocked is not None
    assert (blocked.tool, blocked.place) == ("fetch", f"messages[{len(said) - 1}].content")


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of histories forgets the oldest; what was forgotten is read again."""
    monkeypatch.setattr(histories, "ALIKE", 2)
    screen = screener()
    for name in "abc":
        outcome(screen, body(history(LONG, name)))
    known = [parsed(screen, body(history(LONG, name))).known is not None for name in "abc"]
    assert known == [False, True, True]
