"""Account keys: one per set of values, whatever is in the values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.scopes import LONGEST, Scope, Target, joined, label

USER_MODEL = Target(per=(Scope.USER, Scope.MODEL), match={"model": "gpt-4o*"})
texts = st.text(max_size=200)


@given(texts, texts, texts, texts)
def test_two_callers_share_a_key_only_with_the_same_values(
    user: str, feature: str, other_user: str, other_feature: str
) -> None:
    """No value can be written so that it reads as another's, delimiters included."""
    target = Target(per=(Scope.USER, Scope.FEATURE))
    keys = [
        target.key({"user": one, "feature": two})
        for one, two in ((user, feature), (other_user, other_feature))
    ]
    assert (keys[0] == keys[1]) == ((user, feature) == (other_user, other_feature))


@given(st.text(max_size=5000))
def test_a_key_is_short_ascii_that_every_database_takes(user: str) -> None:
    """Any value, also a lone surrogate, gives a bounded key of printable ASCII."""
    key = Target(per=(Scope.USER,)).key({"user": user})
    assert (key.isascii(), key.isprintable(), "|" in key) == (True, True, False)
    assert len(key) < 12 * LONGEST + 100


def test_a_lone_surrogate_has_a_key() -> None:
    """A value that no encoding takes is escaped like any other."""
    assert Target(per=(Scope.USER,)).key({"user": "\ud800"}) == "user=%ED%A0%80"


@pytest.mark.parametrize(
    ("target", "tags", "key"),
    [
        pytest.param(Target(), {"user": "alice"}, "all", id="all"),
        pytest.param(Target(per=(Scope.USER,)), {"user": "alice"}, "user=alice", id="one"),
        pytest.param(Target(per=(Scope.USER,)), {}, "user=", id="a caller without the tag"),
        pytest.param(
            Target(per=(Scope.MODEL, Scope.USER)),
            {"user": "alice", "model": "GPT-4o"},
            "user=alice,model=gpt-4o",
            id="one order, and models blind to case",
        ),
        pytest.param(
            Target(per=(Scope.MODEL,)), {"model": "llama3:8b"}, "model=llama3:8b", id="colon"
        ),
        pytest.param(
            Target(per=(Scope.USER,)), {"user": "a,b=c|d%"}, "user=a%2Cb%3Dc%7Cd%25", id="escaped"
        ),
    ],
)
def test_a_key_names_scopes_and_values(target: Target, tags: dict[str, str], key: str) -> None:
    """The key says whose account it is, in one order."""
    assert target.key(tags) == key


@pytest.mark.parametrize(
    ("model", "concerned"),
    [
        ("gpt-4o", True),
        ("gpt-4o-mini-2024-07-18", True),
        ("GPT-4O-mini", True),
        ("gpt-4", False),
        ("openai/gpt-4o", False),
        ("", False),
    ],
)
def test_a_pattern_looks_at_the_whole_value(model: str, concerned: bool) -> None:
    """A glob must fit all of the tag, blind to case; a missing tag is empty."""
    assert USER_MODEL.concerns({"model": model} if model else {}) is concerned


def test_every_pattern_must_fit() -> None:
    """With two patterns a call is concerned only if both fit."""
    target = Target(match={"user": "a*", "provider": "openai"})
    calls = [
        {"user": "alice", "provider": "openai"},
        {"user": "bob", "provider": "openai"},
        {"user": "alice", "provider": "xai"},
    ]
    assert [target.concerns(tags) for tags in calls] == [True, False, False]


@pytest.mark.parametrize(
    ("per", "mistake"),
    [
        ((), "none"),
        ((Scope.USER, Scope.USER), "twice"),
        ((Scope.ALL, Scope.USER), "all and another"),
    ],
)
def test_scopes_that_make_no_sense_together_are_refused(
    per: tuple[Scope, ...], mistake: str
) -> None:
    """No scope, one twice, or all with another is a wrong target."""
    with pytest.raises(ValueError, match="'all' stands alone"):
        Target(per=per, match={"user": mistake})


@pytest.mark.parametrize(
    ("target", "tags", "name"),
    [
        pytest.param(Target(), {}, "all calls", id="all"),
        pytest.param(
            Target(match={"model": "gpt-4o*"}), {}, "all calls of model gpt-4o*", id="all of some"
        ),
        pytest.param(
            USER_MODEL,
            {"user": "alice", "model": "gpt-4o"},
            "user alice, model gpt-4o (model gpt-4o*)",
            id="two scopes",
        ),
        pytest.param(Target(per=(Scope.USER,)), {}, "user (none)", id="nobody"),
        pytest.param(
            Target(per=(Scope.USER,)), {"user": "a\nb\x1b[31m"}, "user ab[31m", id="one line"
        ),
    ],
)
def test_an_account_has_a_name_for_people(target: Target, tags: dict[str, str], name: str) -> None:
    """The label is made from the key and holds nothing that a terminal would act on."""
    assert label(target.key(tags), target.pattern) == name


def test_an_empty_part_leaves_no_trace_in_a_key() -> None:
    """Without a pattern a key has one bar less."""
    assert joined("cap", "all", "", "total") == "cap:all|total"
