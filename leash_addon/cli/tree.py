"""``leash inspect RUN --tree``: what a run cost, by process and by what the calls were for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from leash_addon.cli import shown
from leash_addon.cli.lines import count
from leash_addon.core.money import ZERO, Pico, show_usd

UNKNOWN = "(process not known)"


@dataclass(slots=True)
class Node:
    """A process, or a kind of its calls. All figures include those of its children.

    ``imputed``: the part of ``cost`` that a subscription pays for.
    """

    name: str
    calls: int = 0
    cost: Pico = ZERO
    imputed: Pico = ZERO
    children: dict[str, "Node"] = field(default_factory=dict)

    def child(self, name: str) -> "Node":
        """Return a child, made on first use."""
        return self.children.setdefault(name, Node(name))

    def as_shown(self) -> shown.Shown:
        """Return it as ``--json`` prints it."""
        children = [child.as_shown() for child in self.children.values()]
        return {
            "name": self.name,
            "calls": self.calls,
            **shown.money("cost", self.cost),
            **shown.money("imputed_cost", self.imputed),
            "children": children,
        }


def grown(run: str, calls: Iterable[shown.Shown]) -> Node:
    """Gather the calls of a run under their processes, ancestors first, then by kind and model."""
    root = Node(f"run {run}")
    for call in calls:
        cost, place = call["cost_pico"], root
        came_to = cost if isinstance(cost, int) else 0
        for name in [None, *_path(call)]:
            place = root if name is None else place.child(name)
            place.calls += 1
            place.cost = Pico(place.cost + came_to)
            place.imputed = Pico(place.imputed + (came_to if call["imputed"] else 0))
    return root


def _path(call: shown.Shown) -> list[str]:
    tags = call["tags"] if isinstance(call["tags"], dict) else {}
    processes = [name for name in str(tags.get("process", "")).split("/") if name]
    leaf = " ".join(filter(None, (str(tags.get("kind", "")), str(call["model"] or "no model"))))
    return [*(processes or [UNKNOWN]), leaf]


def drawn(node: Node, lead: str = "") -> Iterator[str]:
    """Draw a tree, a line each."""
    if not lead:
        yield _line(node)
    rows = sorted(node.children.values(), key=lambda child: -child.cost)
    for number, child in enumerate(rows, 1):
        is_last = number == len(rows)
        yield f"{lead}{'└─ ' if is_last else '├─ '}{_line(child)}"
        yield from drawn(child, lead + ("   " if is_last else "│  ")) if child.children else ()


def _line(node: Node) -> str:
    mark = ""
    if node.imputed:
        mark = " imputed" if node.imputed == node.cost else f" ({show_usd(node.imputed)} imputed)"
    return f"{node.name}  {show_usd(node.cost)}{mark}  {count(node.calls, 'call')}"
