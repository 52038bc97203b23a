"""A program that calls a model, sequentially, with the standard library: ``agent.py CALLS``."""

import json
import os
import sys
import urllib.error
import urllib.request

URL = os.environ.get("AGENT_URL", "https://api.openai.com/v1/chat/completions")
MODEL = os.environ.get("AGENT_MODEL", "gpt-4o")


def call(number: int) -> int:
    """Make one call; return its status."""
    message = {"role": "user", "content": f"step {number}"}
    body = json.dumps({"model": MODEL, "messages": [message]}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test-secret"}
    headers |= json.loads(os.environ.get("AGENT_HEADERS", "{}"))
    try:
        request = urllib.request.Request(URL, body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


print(*(call(number) for number in range(int(sys.argv[1]))))  # noqa: T201
sys.exit(int(os.environ.get("AGENT_EXIT", "0")))
