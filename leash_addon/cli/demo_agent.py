"""The demo's agent: a loop that calls a model ten times, with the standard library alone.

It knows nothing of leash. The proxy and the CA come from the environment, as with any program.
"""

import json
import sys
import urllib.error
import urllib.request

URL = "https://api.openai.com/v1/chat/completions"
CALLS = 10


def call(number: int) -> int:
    """Ask the model once; return the HTTP status."""
    question = {"role": "user", "content": f"step {number}: are we done yet?"}
    body = json.dumps({"model": "gpt-4o", "messages": [question]}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer sk-demo"}
    request = urllib.request.Request(URL, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def main() -> int:
    """Print one line per call."""
    for number in range(1, CALLS + 1):
        print(f"call {number} -> {call(number)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
