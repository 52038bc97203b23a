"""A tool's answer, and then the user's own words, through one official SDK; prints what came.

Usage: ``screened.py SDK TEXT``. Nothing here knows of leash but what it prints of an error.
"""

import json
import sys
from collections.abc import Callable


def openai(text: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a call with a tool's answer in it, and one of the user alone."""
    from openai import OpenAI  # noqa: PLC0415 - one of the three is installed

    ask = OpenAI().chat.completions.create
    function = {"name": "fetch", "arguments": "{}"}
    use = {"id": "call_1", "type": "function", "function": function}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [use]},
        {"role": "tool", "tool_call_id": "call_1", "content": text},
    ]
    return (
        lambda: ask(model="gpt-4o", messages=history),  # type: ignore[call-overload]
        lambda: ask(model="gpt-4o", messages=[{"role": "user", "content": text}]),
    )


def anthropic(text: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the same for Anthropic."""
    from anthropic import Anthropic  # noqa: PLC0415

    ask = Anthropic().messages.create
    use = {"type": "tool_use", "id": "toolu_1", "name": "fetch", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": text}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    model = "claude-sonnet-4-5"
    return (
        lambda: ask(model=model, max_tokens=9, messages=history),  # type: ignore[call-overload]
        lambda: ask(model=model, max_tokens=9, messages=[{"role": "user", "content": text}]),
    )


def google(text: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the same for Google."""
    from google import genai  # noqa: PLC0415
    from google.genai import types  # noqa: PLC0415

    client, model = genai.Client(), "gemini-2.5-flash"
    part = types.Part.from_function_response(name="fetch", response={"page": text})
    contents = [types.Content(role="user", parts=[part])]
    return (
        lambda: client.models.generate_content(model=model, contents=contents),  # type: ignore[arg-type]
        lambda: client.models.generate_content(model=model, contents=text),
    )


def outcome(call: Callable[[], object]) -> str:
    """Make a call; return the class and message of its error, "" for an answer."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever the library raises is what is shown
        return f"{type(error).__name__}: {error}"
    return ""


tool, user = {"openai": openai, "anthropic": anthropic, "google": google}[sys.argv[1]](sys.argv[2])
json.dump({"tool": outcome(tool), "user": outcome(user)}, sys.stdout)
