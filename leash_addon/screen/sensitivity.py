"""How much a user wants to hear: which severities fire."""

from enum import StrEnum

STRICT = 1
LOOSEST = 3


class Sensitivity(StrEnum):
    """``low`` lets only strict rules (severity 1) fire, ``medium`` 1 and 2, ``high`` all three."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    def admits(self, severity: int) -> bool:
        """Tell whether a rule of this severity (1 strict .. 3 loose) fires."""
        return severity <= {Sensitivity.LOW: 1, Sensitivity.MEDIUM: 2, Sensitivity.HIGH: 3}[self]
