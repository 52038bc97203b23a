"""The names that a model is looked up by."""

import pytest

from leash_addon.config.price_names import MOST_CHARS, names


@pytest.mark.parametrize(
    ("reported", "bare"),
    [
        pytest.param("models/gemini-2.5-pro", "gemini-2.5-pro", id="Gemini's path"),
        pytest.param(
            "publishers/anthropic/models/claude-sonnet-4@20250514", "claude-sonnet-4", id="Vertex"
        ),
        pytest.param("accounts/fireworks/models/qwen3", "qwen3", id="Fireworks"),
        pytest.param(
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            "claude-3-haiku-20240307",
            id="Bedrock ARN",
        ),
        pytest.param(
            "arn:aws:bedrock:eu-west-1:1234:inference-profile/eu.anthropic.claude-x-v2:0",
            "anthropic.claude-x-v2:0",
            id="Bedrock inference profile",
        ),
        pytest.param("us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1", id="region"),
        pytest.param("global.amazon.nova-2-lite-v1:0", "nova-2-lite", id="global profile"),
        pytest.param("anthropic.claude-3-haiku-20240307-v1:0:48k", "claude-3-haiku", id="context"),
        pytest.param("gpt-4o-2024-08-06", "gpt-4o", id="ISO date"),
        pytest.param("gpt-5.2-20251211", "gpt-5.2", id="compact date"),
        pytest.param("command-r-08-2024", "command-r", id="month and year"),
        pytest.param("gpt-4-0613", "gpt-4", id="month and day"),
        pytest.param("gemini-2.0-flash-001", "gemini-2.0-flash", id="version"),
    ],
)
def test_what_providers_wrap_around_a_name_comes_off(reported: str, bare: str) -> None:
    """The bare name is among those tried, after the reported one."""
    tried = names(reported, None)
    assert (tried[0], bare in tried) == (reported, True)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("gpt-4.1", id="a dot is no vendor"),
        pytest.param("qwen3:free", id="free stays"),
        pytest.param("llama3.1:8b-instruct", id="a tag stays"),
        pytest.param("deepseek-v3", id="a version without a colon stays"),
        pytest.param("claude-3-7-sonnet", id="numbers inside stay"),
    ],
)
def test_a_bare_name_is_tried_as_it_is(name: str) -> None:
    """Nothing comes off a name that has nothing around it."""
    assert names(name, None) == (name,)


def test_reported_comes_before_requested_and_both_before_stripped() -> None:
    """The order is: reported, requested, then what is left of them."""
    assert names("gpt-4o-2024-08-06", "my/gpt-4o") == (
        "gpt-4o-2024-08-06",
        "my/gpt-4o",
        "gpt-4o",
    )


@pytest.mark.parametrize("name", ["models/", "@", "x" * MOST_CHARS], ids=["path", "at", "longest"])
def test_nothing_is_stripped_to_nothing(name: str) -> None:
    """A name that is all wrapping stays as it is; so does the longest there may be."""
    assert names(name, None) == (name,)


@pytest.mark.parametrize(
    ("reported", "requested"),
    [(None, None), ("", ""), ("x" * (MOST_CHARS + 1), None)],
    ids=["none", "empty", "too long"],
)
def test_no_usable_name_is_no_name(reported: str | None, requested: str | None) -> None:
    """A missing, empty or endless name yields nothing to try."""
    assert names(reported, requested) == ()


def test_a_free_variant_prices_no_other_model() -> None:
    """Asked for a free variant and answered by another model: only that one's names are tried."""
    assert names("x-ai/grok-4", "google/gemini-2.0-flash-exp:free") == ("x-ai/grok-4", "grok-4")


def test_a_free_variant_prices_its_own_model() -> None:
    """The free variant's name is tried where the answer came from that very model."""
    assert "acme/small:free" in names("acme/small-2026-01-05", "acme/small:free")
