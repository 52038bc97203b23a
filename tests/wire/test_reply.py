"""The fingerprint of a reply: alike replies have one, others have another."""

from hypothesis import given
from hypothesis import strategies as st

from leash_addon.wire.formats.reply import FOLD_AT, Reply

BLANK = st.sampled_from((" ", "\n", "\t", "  ", "\r\n"))
WORDS = st.lists(st.text("abcdé🙂", min_size=1, max_size=5), min_size=1, max_size=40)


def of_text(*pieces: str) -> str | None:
    """Return the fingerprint of a text that came in pieces."""
    reply = Reply()
    for piece in pieces:
        reply.text(piece)
    return reply.fingerprint()


@given(words=WORDS, data=st.data())
def test_the_fingerprint_folds_whitespace_and_cuts(words: list[str], data: st.DataObject) -> None:
    """Any whitespace between the same words, cut anywhere, gives the same fingerprint."""
    text = "".join(word + data.draw(BLANK) for word in words)
    at = data.draw(st.integers(0, len(text)))
    assert of_text(text[:at], text[at:]) == of_text(" ".join(words))


@given(first=WORDS, second=WORDS)
def test_other_words_have_another_fingerprint(first: list[str], second: list[str]) -> None:
    """Two texts share a fingerprint only if their words are the same."""
    assert (of_text(" ".join(first)) == of_text(" ".join(second))) == (first == second)


def test_long_texts_fold_alike() -> None:
    """A text longer than what is gathered at a time folds as one."""
    text = "some words  \n" * FOLD_AT
    assert of_text(text) == of_text(*(text[at : at + 7] for at in range(0, len(text), 7)))


def test_no_reply_has_no_fingerprint() -> None:
    """Neither text nor a tool call: nothing to compare."""
    assert (of_text(), of_text("", "  \n")) == (None, None)


def test_thinking_is_no_part_of_it() -> None:
    """Thinking counts as bytes and changes no fingerprint."""
    reply = Reply()
    reply.seen("let me think")
    reply.text("four")
    assert (reply.fingerprint(), reply.text_bytes) == (of_text("four"), 16)


def test_tool_calls_count_in_any_order() -> None:
    """Parallel tool calls are the same reply whichever comes first."""
    one, other = Reply(), Reply()
    one.call(0, "look", '{"at": "a"}')
    one.call(1, "look", '{"at": "b"}')
    other.call(0, "look", {"at": "b"})
    other.call(1, "look", {"at": "a"})
    assert one.fingerprint() == other.fingerprint()


def test_other_arguments_are_another_reply() -> None:
    """A loop that makes progress in its arguments is no stall."""
    one, other = Reply(), Reply()
    one.call(0, "read", '{"line": 1}')
    other.call(0, "read", '{"line": 2}')
    assert one.fingerprint() != other.fingerprint()


def test_pieces_of_arguments_are_one_call() -> None:
    """Arguments that come in pieces are the call that they come to."""
    one, other = Reply(), Reply()
    one.call("0", "read")
    one.call("0", arguments='{"line"')
    one.call("0", arguments=": 1}")
    other.call("7", "read", {"line": 1})
    assert one.fingerprint() == other.fingerprint()
