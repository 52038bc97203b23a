"""What a run cost, drawn as a tree."""

import pytest

from leash_addon.cli.tree import drawn, grown


def call(process: str, cost: int | None, *, imputed: bool = False) -> dict[str, object]:
    """Return one call as ``inspect`` has it."""
    return {
        "cost_pico": cost,
        "imputed": imputed,
        "model": "gpt-4o",
        "tags": {"process": process},
    }


@pytest.mark.parametrize(
    ("calls", "lines"),
    [
        pytest.param(
            [call("a[1]", 2_000_000_000_000, imputed=True)],
            [
                "run r  $2.00 imputed  1 call",
                "└─ a[1]  $2.00 imputed  1 call",
                "   └─ gpt-4o  $2.00 imputed  1 call",
            ],
            id="all of it",
        ),
        pytest.param(
            [
                call("a[1]", 3_000_000_000_000),
                call("b[2]", 2_000_000_000_000, imputed=True),
                call("b[2]", None, imputed=True),
            ],
            [
                "run r  $5.00 ($2.00 imputed)  3 calls",
                "├─ a[1]  $3.00  1 call",
                "│  └─ gpt-4o  $3.00  1 call",
                "└─ b[2]  $2.00 imputed  2 calls",
                "   └─ gpt-4o  $2.00 imputed  2 calls",
            ],
            id="a part",
        ),
    ],
)
def test_what_a_subscription_pays_is_marked(
    calls: list[dict[str, object]], lines: list[str]
) -> None:
    """Money that nobody is billed for is told from money that is, at every branch."""
    assert list(drawn(grown("r", calls))) == lines
