"""One setting, and the names that it has in files, flags, variables and mitmproxy's options."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting: its table in the file, its name there, and how its value is read.

    ``listener``: it is about the port of ``leash serve`` and means nothing elsewhere.
    """

    name: str
    read: Callable[[object], object]
    section: str = ""
    example: str = ""
    about: str = ""
    listener: bool = False

    @property
    def flat(self) -> str:
        """Name the key outside its file: tables other than ``[limits]`` come along."""
        if self.section == "screening":
            return self.section
        return f"holds_{self.name}" if self.section == "holds" else self.name

    @property
    def dotted(self) -> str:
        """Name the key as its file has it: ``limits.max_cost``."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def flag(self) -> str:
        """Name its flag: ``--max-cost``."""
        return "--" + self.flat.replace("_", "-")

    @property
    def variable(self) -> str:
        """Name its environment variable: ``LEASH_MAX_COST``."""
        return f"LEASH_{self.flat.upper()}"
