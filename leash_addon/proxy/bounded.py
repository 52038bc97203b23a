"""What is bounded before, and beside, what anybody asks of a call; and how the refusal is said."""

from collections.abc import Iterator
from contextlib import contextmanager

from leash_addon.proxy.bodies import bounded_bodies
from leash_addon.proxy.error_pages import plain_errors
from leash_addon.proxy.gone import without_the_gone
from leash_addon.proxy.heads import bounded_heads
from leash_addon.proxy.messages import bounded_messages


@contextmanager
def bounded(max_body: int) -> Iterator[None]:
    """Bound bodies, heads and messages as long as the block lasts. ``max_body``: bytes."""
    with (
        without_the_gone(),
        plain_errors(),
        bounded_bodies(max_body),
        bounded_heads(),
        bounded_messages(max_body),
    ):
        yield
