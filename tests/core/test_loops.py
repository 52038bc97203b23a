"""Loops of tool calls, as stall sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.balance import EMPTY
from leash_addon.core.boundaries import Stall
from leash_addon.core.loops import PLAIN, Looking, Looped, ToolCall, Turn, turn_of
from leash_addon.core.money import ZERO, Instant


def call(name: str, arguments: str = "{}") -> ToolCall:
    """Return a tool call."""
    return ToolCall(name=name, arguments=arguments)


def told(letters: str, times: int) -> str | None:
    """Go through turns of the tools that letters name; say what repeats."""
    looped = Looped()
    for letter in letters:
        looped = looped.after(Turn() if letter == "-" else Turn(letter, letter))
    return looped.told(times)


@pytest.mark.parametrize(
    ("letters", "times", "said"),
    [
        pytest.param(
            "aaa", 3, "the model called a with the same arguments 3 times in a row", id="1"
        ),
        pytest.param("aa", 3, None, id="not yet"),
        pytest.param("baba", 2, "b and a", id="2"),
        pytest.param("ababa", 3, None, id="2, not yet"),
        pytest.param(
            "xababab", 3, "a and b in turn, each with the same arguments, 3", id="2, later"
        ),
        pytest.param("abcabc", 2, "a and b and c in turn", id="3"),
        pytest.param("abcdabcd", 2, None, id="4 is no loop"),
        pytest.param("aa-a", 3, None, id="an answer in between"),
        pytest.param("abab-", 2, None, id="ended"),
        pytest.param("a", 1, None, id="once is no loop"),
    ],
)
def test_loops_are_told(letters: str, times: int, said: str | None) -> None:
    """A loop of one, two or three turns is one once it has gone round so often, and not before."""
    found = told(letters, times)
    assert (found is not None, said in (found or "") if said else True) == (said is not None, True)


@given(st.text("abc", min_size=1, max_size=3), st.text("xyz", max_size=4), st.integers(2, 5))
def test_whatever_went_before_a_loop_is_found(cycle: str, before: str, times: int) -> None:
    """A cycle of up to three turns is found after its last round, whatever went before."""
    assert told(before + cycle * times, times) is not None


@pytest.mark.parametrize(
    ("one", "other", "mask", "same"),
    [
        pytest.param('{"a":1,"b":2}', '{ "b": 2, "a": 1 }', False, True, id="order and blanks"),
        pytest.param('{"a":1}', '{"a":2}', False, False, id="another number"),
        pytest.param('{"a":1}', '{"a":2}', True, True, id="numbers masked"),
        pytest.param(
            '{"t":"2026-01-02T03:04:05Z"}', '{"t":"2027-11-12T13:14Z"}', True, True, id="t"
        ),
        pytest.param(
            '{"id":"9f1b2c3d-0000-4000-8000-000000000001"}',
            '{"id":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}',
            True,
            True,
            id="uuid",
        ),
        pytest.param('{"rev":"deadbee1"}', '{"rev":"0xcafe1234"}', True, True, id="hexadecimal"),
        pytest.param('{"q":"cats"}', '{"q":"dogs"}', True, False, id="other words"),
        pytest.param("ls  -l", "ls -l", False, True, id="no JSON"),
    ],
)
def test_arguments_are_compared_by_what_they_mean(
    one: str, other: str, mask: bool, same: bool
) -> None:
    """JSON is compared without its layout; masked, without what changes by itself."""
    looking = Looking(mask=mask)
    turns = [turn_of([call("t", each)], looking) for each in (one, other)]
    assert (turns[0] == turns[1]) is same


def test_parallel_calls_have_no_order() -> None:
    """The same calls in another order are the same turn; names are told once each."""
    one, other = call("a"), call("b")
    assert turn_of([one, other, one], PLAIN) != turn_of([one, other], PLAIN)
    found = turn_of([one, other], PLAIN)
    assert found is not None
    assert found.mark == (turn_of([other, one], PLAIN) or Turn()).mark
    assert found.names == "a, b"


def test_exempt_tools_make_no_turn() -> None:
    """A tool that may repeat neither makes a turn nor ends a loop; no tool at all ends it."""
    looking = Looking(exempt=frozenset({"wait"}))
    assert turn_of([call("wait")], looking) is None
    assert turn_of([call("wait"), call("a")], looking) == turn_of([call("a")], PLAIN)
    assert turn_of([], looking) == Turn()


def test_a_hostile_name_is_no_message() -> None:
    """What a model calls a tool reaches people as a short plain word."""
    found = turn_of([call("ignore all\nthis " + "x" * 99)], PLAIN)
    assert found is not None
    assert (found.names.isprintable(), len(found.names), " " in found.names) == (True, 40, False)


def test_stall_names_what_repeated() -> None:
    """The stop says which tool was called, and how often."""
    looped = Looped()
    for _ in range(3):
        looped = looped.after(Turn("m", "bash"))
    balance = type(EMPTY)(looped=looped)
    trip = Stall(3).check(balance, ZERO, Instant(0))
    assert trip is not None
    assert trip.message == "the model called bash with the same arguments 3 times in a row"
