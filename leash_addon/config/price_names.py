"""The names under which a model may stand in a price table, most telling first.

What the answer reported comes first, then what was asked for, then each of them with what
providers wrap around a name taken off, layer by layer: an ARN, a path (``models/``,
``publishers/google/models/``), Vertex's ``@date``, Bedrock's region and vendor
(``us.anthropic.``) and version (``-v1:0``), a date.
"""

import re
from collections.abc import Iterator
from typing import Final

MOST_CHARS: Final = 512
"""A longer name is no model's; Bedrock's longest ARNs are half of it."""

FREE: Final = ":free"
"""What a gateway appends to the name of a variant that it gives away."""

_LAYERS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"^.*/models/",
        r"^.*/",
        r"@[^@/]*$",
        r"^(?:us|us-gov|eu|apac|ap|au|ca|in|jp|sa|me|af|global)\.(?=[a-z])",
        r"^(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral)\.(?=[a-z])",
        r"^(?:moonshot|moonshotai|nvidia|openai|qwen|writer|zai)\.(?=[a-z])",
        r"(?:-v\d{1,2})?:\d{1,3}[a-z]?(?::\d{1,4}[a-z])?$",
        r"-(?:20\d{2}-\d{2}-\d{2}|20\d{6}|\d{2}-20\d{2}|\d{4}|\d{3})$",
    )
)
"""In the order in which they lie around a name; all are linear on any text."""


def names(reported: str | None, requested: str | None) -> tuple[str, ...]:
    """Return the names to try, in order, each once; none when no usable name is known."""
    if reported and requested and _is_free_of_another(requested, reported):
        requested = None
    given = [name for name in (reported, requested) if name and len(name) <= MOST_CHARS]
    tried = [*given, *(bare for name in given for bare in _stripped(name))]
    return tuple(dict.fromkeys(tried))


def _is_free_of_another(requested: str, reported: str) -> bool:
    """Tell whether a free variant was asked for and another model answered: it is not free."""
    if not requested.endswith(FREE):
        return False
    return _bare(requested.removesuffix(FREE)) != _bare(reported.removesuffix(FREE))


def _bare(name: str) -> str:
    return next(reversed([name, *_stripped(name)])).lower()


def _stripped(name: str) -> Iterator[str]:
    for layer in _LAYERS:
        bare = layer.sub("", name, count=1)
        if bare and bare != name:
            name = bare
            yield name
