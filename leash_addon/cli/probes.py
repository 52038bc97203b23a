"""Small programs in the languages that agents are written in, each making one call.

Each is started as the wrapper would start it. Whether it was governed is read from what the proxy
saw, not from what the program says.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leash_addon.proxy.coverage import Coverage

URL = "https://api.openai.com/v1/chat/completions"
BODY = '{"model": "gpt-4o", "messages": []}'
PATIENCE = 30.0
"""Seconds that a probe may take; Go and Java compile theirs first."""

_PYTHON_URLLIB = f"""
import urllib.request
json = {{"content-type": "application/json"}}
asked = urllib.request.Request({URL!r}, {BODY!r}.encode(), json)
urllib.request.urlopen(asked).read()
"""
_PYTHON_REQUESTS = f"""
import requests
requests.post({URL!r}, data={BODY!r}, headers={{"content-type": "application/json"}}, timeout=20)
"""
_PYTHON_HTTPX = f"""
import httpx
httpx.post({URL!r}, content={BODY!r}, headers={{"content-type": "application/json"}})
"""
_NODE = f"""
const init = {{method: "POST", headers: {{"content-type": "application/json"}}, body: `{BODY}`}};
fetch("{URL}", init).then(a => a.text()).catch(e => {{ console.error(e.cause ?? e);
process.exit(1); }});
"""
_GO = f"""package main
import ("net/http"; "strings"; "os")
func main() {{
  answer, err := http.Post("{URL}", "application/json", strings.NewReader(`{BODY}`))
  if err != nil {{ println(err.Error()); os.Exit(1) }}
  answer.Body.Close()
}}
"""
_JAVA_BODY = BODY.replace('"', '\\"')
_JAVA = f"""
import java.net.*; import java.net.http.*;
public class Probe {{ public static void main(String[] none) throws Exception {{
  var body = HttpRequest.BodyPublishers.ofString("{_JAVA_BODY}");
  var asked = HttpRequest.newBuilder(URI.create("{URL}"))
    .header("content-type", "application/json").POST(body).build();
  HttpClient.newHttpClient().send(asked, HttpResponse.BodyHandlers.ofString());
}} }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One program. ``needs``: a module without which there is nothing to try.

    ``words``: the command; ``{file}`` stands for a file with ``source``, named ``file``.
    """

    name: str
    words: tuple[str, ...]
    source: str = ""
    file: str = ""
    needs: tuple[str, ...] = ()


PROBES = (
    Probe(name="Python, urllib", words=("python3", "-c", _PYTHON_URLLIB)),
    Probe(
        name="Python, requests",
        words=("python3", "-c", _PYTHON_REQUESTS),
        needs=("python3", "-c", "import requests"),
    ),
    Probe(
        name="Python, httpx",
        words=("python3", "-c", _PYTHON_HTTPX),
        needs=("python3", "-c", "import httpx"),
    ),
    Probe(name="Node, fetch", words=("node", "-e", _NODE)),
    Probe(
        name="curl",
        words=(
            *("curl", "-sS", "--max-time", "20", "-o", os.devnull),
            *("-H", "content-type: application/json", "-d", BODY, URL),
        ),
    ),
    Probe(name="Go", words=("go", "run", "{file}"), source=_GO, file="probe.go"),
    Probe(name="Java", words=("java", "{file}"), source=_JAVA, file="Probe.java"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check came to: ``ok``, ``warn``, ``fail`` or ``-`` (could not be tried), and why."""

    name: str
    verdict: str
    why: str


async def tried(probe: Probe, env: Mapping[str, str], folder: Path, coverage: Coverage) -> Found:
    """Run one probe and say whether it was governed, and if not, why."""
    if shutil.which(probe.words[0], path=env.get("PATH")) is None:
        return Found(name=probe.name, verdict="-", why=f"{probe.words[0]} is not installed")
    if probe.needs and (await _ran(probe.needs, env))[0] != 0:
        module = probe.needs[-1].rpartition(" ")[2]
        return Found(name=probe.name, verdict="-", why=f"{module} is not installed")
    place = folder / probe.file
    if probe.file:
        place.write_text(probe.source)
    before = coverage.counts()
    code, said = await _ran([word.replace("{file}", str(place)) for word in probe.words], env)
    return _judged(probe.name, before, coverage.counts(), code, said)


def _judged(
    name: str, before: Mapping[str, int], after: Mapping[str, int], code: int | None, said: str
) -> Found:
    def grew(prefix: str) -> bool:
        return any(after[key] > before.get(key, 0) for key in after if key.startswith(prefix))

    if grew("calls"):
        return Found(name=name, verdict="ok", why="governed: proxy and CA are taken")
    if grew("distrusted"):
        return Found(name=name, verdict="fail", why="takes the proxy, but does not trust the CA")
    if grew("tunnelled"):
        return Found(
            name=name, verdict="fail", why="its call was tunnelled: no pack knows its host"
        )
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    how = "hung" if code is None else f"ended with {code}"
    return Found(name=name, verdict="fail", why=f"nothing came to leash; it {how}: {last[0][:120]}")


async def _ran(words: Sequence[str], env: Mapping[str, str]) -> tuple[int | None, str]:
    """Run a command in a session of its own; return its code (``None``: it hung), and its words."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *words,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        return None, ""
    return process.returncode, out.decode(errors="replace")


async def version_of(program: str, env: Mapping[str, str]) -> str | None:
    """Return what a program says its version is; ``None`` when it cannot be started."""
    if shutil.which(program, path=env.get("PATH")) is None:
        return None
    code, said = await _ran((program, "--version"), env)
    lines = [line for line in said.splitlines() if any(char.isdigit() for char in line)]
    return lines[-1].strip()[:80] if code == 0 and lines else "it tells no version"
