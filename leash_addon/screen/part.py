"""Who wrote a text of a request."""

from enum import StrEnum


class Part(StrEnum):
    """A rule names the parts that it reads; a finding names the part it was found in."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL_RESULT = "tool_result"
    RESPONSE = "response"
