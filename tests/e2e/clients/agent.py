"""An agent that does as it is told: a line of JSON in, a line of JSON out, until the end of input.

An order may name ``path``, ``host``, ``model``, ``stream``, ``text`` and ``headers``;
``{"env": [NAMES]}`` asks for variables, ``{"end": 7}`` ends it with a code, and
``{"at_once": [...]}`` has several orders carried out in parallel. It needs the
standard library alone, so that it starts fast.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

type Json = dict[str, Any]


def call(order: Json) -> Json:
    """Make one call; return what came back."""
    host, path = order.get("host", "api.openai.com"), order.get("path", "/v1/chat/completions")
    question = {"role": "user", "content": order.get("text", "are we done yet?")}
    body = {"model": order.get("model", "gpt-4o"), "messages": [question]}
    body |= {name: order[name] for name in ("stream", "stream_options") if name in order}
    headers = {"content-type": "application/json", "authorization": "Bearer sk-dummy"}
    headers |= order.get("headers", {})
    request = urllib.request.Request(f"https://{host}{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return _shown(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _shown(error.code, error.headers, error.read())
    except (OSError, http.client.HTTPException) as error:
        return {"status": 0, "body": str(error), "headers": {}}


def _shown(status: int, headers: Any, body: bytes) -> Json:  # noqa: ANN401 - an email.Message
    lowered = {name.lower(): value for name, value in headers.items()}
    return {"status": status, "headers": lowered, "body": body.decode()}


def obey(order: Json) -> Json:
    """Do one thing."""
    if "env" in order:
        return {name: os.environ.get(name) for name in order["env"]}
    if "at_once" in order:
        with ThreadPoolExecutor(len(order["at_once"])) as pool:
            return {"answers": list(pool.map(call, order["at_once"]))}
    return call(order)


def main() -> int:
    """Take orders."""
    for line in sys.stdin:
        order = json.loads(line)
        if "end" in order:
            return int(order["end"])
        print(json.dumps(obey(order)), flush=True)  # noqa: T201 - its one way to answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
