"""Token counts, normalised."""

from leash_addon.core.usage import Leg, Usage


def test_the_total_is_input_and_output_and_no_part_of_them() -> None:
    """Parts are inside the totals and are not added again."""
    usage = Usage(input_tokens=5, cache_read_tokens=4, output_tokens=3, reasoning_tokens=2)
    assert usage.total_tokens == 8


def test_the_total_of_a_call_with_legs_is_that_of_its_legs() -> None:
    """Legs are the bill; what the top level says is not added to them."""
    leg = Leg(model=None, usage=Usage(input_tokens=5, output_tokens=3))
    assert Usage(input_tokens=100, billable_legs=(leg, leg)).total_tokens == 16


def test_what_was_not_said_stays_apart_from_zero() -> None:
    """A count that the provider left out is None, and only counts as zero in a sum."""
    usage = Usage(output_tokens=0)
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (None, 0, 0)


def test_every_token_field_is_among_the_counts() -> None:
    """A field that is added to the usage is added to the counts."""
    fields = [name for name in Usage.__dataclass_fields__ if name.endswith("_tokens")]
    values = {name: number for number, name in enumerate(fields, start=1)}
    assert sorted(count or 0 for count in Usage(**values).counts()) == sorted(values.values())  # type: ignore[arg-type]
