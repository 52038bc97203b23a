"""What a request wishes its answer to be: JSON of a schema, or a call of one of its own tools.

Agents check both: a router that asks for JSON asks again until it gets some, and a tool that
nobody declared is no loop of the kind that users meet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from leash_addon.cli.fakeprovider.script import TOOL, Script

SHELL = "true"
"""The command that is asked for where a tool runs commands: it does nothing, and succeeds."""

COMMANDS = ("command", "cmd")
DEEPEST = 8
"""Levels of a schema that are filled in; what lies below is an empty text."""

SCHEMAS = (
    ("response_format", "json_schema", "schema"),
    ("text", "format", "schema"),
    ("output_config", "format", "schema"),
    ("generationConfig", "responseJsonSchema"),
    ("generationConfig", "responseSchema"),
)
"""Where the formats keep the schema of an answer."""

type Json = dict[str, object]


def suited(script: Script, body: Mapping[str, object]) -> Script:
    """Return the behaviour as this request can use it."""
    schema = next(filter(None, (_at(body, path) for path in SCHEMAS)), None)
    if isinstance(schema, dict):
        made = msgspec.json.encode(instance(schema)).decode()
        return replace(script, tool_loop=False, text=made)
    if not script.tool_loop or script.tool != TOOL:
        return script
    found = next(_runnable(body), None)
    return script if found is None else replace(script, tool=found[0], arguments=found[1])


def instance(schema: Mapping[str, object], depth: int = 0) -> object:
    """Return a small value that a JSON schema allows: required members, first choices."""
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = schema.get("type")
    kind = str(kind[0] if isinstance(kind, list) and kind else kind).lower()
    if kind == "object" and depth < DEEPEST:
        return _object(schema, depth)
    plain: Json = {"array": [], "object": {}, "number": 0, "integer": 0, "boolean": False}
    return plain.get(kind, "ok")


def _object(schema: Mapping[str, object], depth: int) -> Json:
    members, required = schema.get("properties"), schema.get("required")
    if not isinstance(members, dict):
        return {}
    names = required if isinstance(required, list) else list(members)
    return {
        name: instance(members[name], depth + 1)
        for name in names
        if isinstance(members.get(name), dict)
    }


def _runnable(body: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Name the declared tools that run a command, with arguments that do nothing."""
    for name, schema in _declared(body):
        members = schema.get("properties")
        if not isinstance(members, dict):
            continue
        for member in COMMANDS:
            if isinstance(members.get(member), dict):
                wants_list = members[member].get("type") in {"array", "ARRAY"}
                made = _object(schema, 0) | {member: [SHELL] if wants_list else SHELL}
                yield name, msgspec.json.encode(made).decode()


def _declared(body: Mapping[str, object]) -> Iterator[tuple[str, Json]]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            continue
        several = tool.get("functionDeclarations")
        for each in several if isinstance(several, list) else (tool.get("function") or tool,):
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                schemas = (each.get(key) for key in ("parameters", "input_schema", *_GOOGLE))
                yield each["name"], next((one for one in schemas if isinstance(one, dict)), {})


_GOOGLE = ("parametersJsonSchema",)


def _at(body: Mapping[str, object], path: tuple[str, ...]) -> object:
    found: object = body
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
