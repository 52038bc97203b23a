"""A subscription's own limits, as its answers tell them."""

import pytest

from leash_addon.proxy.plan import MOST, plan_limits


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        pytest.param(
            {"anthropic-ratelimit-unified-5h-utilization": "0.42", "date": "x"},
            {"5h-utilization": "0.42"},
            id="claude",
        ),
        pytest.param(
            {"x-codex-primary-used-percent": "12"}, {"primary-used-percent": "12"}, id="codex"
        ),
        pytest.param({"x-codex-note": "a text\x1b[31m"}, {}, id="no word"),
        pytest.param({"x-codex-long": "9" * 41}, {}, id="too long"),
    ],
)
def test_words_and_numbers_of_the_plan_are_kept(
    headers: dict[str, str], found: dict[str, str]
) -> None:
    """Names lose their prefix; what is no word or number is left out."""
    assert plan_limits(headers) == found


def test_what_is_kept_of_an_answer_is_bounded() -> None:
    """A provider that sends many headers fills no ledger."""
    assert len(plan_limits({f"x-codex-{n}": "1" for n in range(100)})) == MOST
