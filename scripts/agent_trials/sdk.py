"""A small agent on one of the official SDKs: it calls its model until no tool is asked for."""

import sys
from importlib.metadata import version

TOOL = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
TURNS = 50


def openai_turn() -> bool:
    """Ask for one chat completion; tell whether a tool was called."""
    import openai  # noqa: PLC0415 - only the SDK that is tried is there to be loaded

    tool = {"type": "function", "function": {"name": "shell", "parameters": TOOL}}
    answer = openai.OpenAI().chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "hi"}],
        tools=[tool],  # type: ignore[list-item]
    )
    return bool(answer.choices[0].message.tool_calls)


def anthropic_turn() -> bool:
    """Ask for one message; tell whether a tool was called."""
    import anthropic  # noqa: PLC0415

    answer = anthropic.Anthropic().messages.create(
        model="claude-sonnet-4-5",
        max_tokens=1000,
        messages=[{"role": "user", "content": "hi"}],
        tools=[{"name": "shell", "input_schema": TOOL}],
    )
    return answer.stop_reason == "tool_use"


def google_turn() -> bool:
    """Ask for one generation; tell whether a tool was called."""
    from google import genai  # noqa: PLC0415
    from google.genai import types  # noqa: PLC0415

    function = types.FunctionDeclaration(name="shell", parameters_json_schema=TOOL)
    client = genai.Client()  # it closes itself once nobody holds it
    answer = client.models.generate_content(
        model="gemini-2.5-flash",
        contents="hi",
        config=types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[function])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        ),
    )
    return bool(answer.function_calls)


TURN = {"openai": openai_turn, "anthropic": anthropic_turn, "google-genai": google_turn}


def main() -> None:
    """Run the agent that the first argument names, or tell its SDK's version."""
    name = sys.argv[1]
    if "--version" in sys.argv:
        sys.stdout.write(version(name) + "\n")
        return
    for _ in range(TURNS):
        if not TURN[name]():
            break


if __name__ == "__main__":
    main()
