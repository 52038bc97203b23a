"""Who wrote a text."""

from enum import StrEnum


class Part(StrEnum):
    """The part of a call that a text belongs to, as settings, rules and findings name it."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL_RESULT = "tool_result"
    RESPONSE = "response"
