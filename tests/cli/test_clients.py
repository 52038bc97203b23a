"""Programs of other languages are governed by the environment alone; and the demo; and a pty."""

import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.test_wrap import Screen
from tests.cli.world import AGENT, Leash, seen
from tests.e2e.nursery import Nursery

NODE = """
import https from 'node:https';
const url = 'https://api.openai.com/v1/chat/completions';
const init = { method: 'POST', headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'gpt-4o', messages: [] }) };
const byFetch = async () => {
  const a = await fetch(url, init); await a.text(); return a.status;
};
const byRequest = () => new Promise((done, fail) => {
  const read = (a) => { a.resume(); a.on('end', () => done(a.statusCode)); };
  https.request(url, init, read).on('error', fail).end(init.body);
});
const first = [await byFetch(), await byRequest()];
const together = await Promise.all([byFetch(), byFetch(), byRequest()]);
console.log([...first, ...together].join(' '), await byFetch());
"""

JAVA = """
import java.net.*; import java.net.http.*;
public class Agent { public static void main(String[] none) throws Exception {
  var call = HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
    .POST(HttpRequest.BodyPublishers.ofString("{\\"model\\": \\"gpt-4o\\", \\"messages\\": []}"));
  var client = HttpClient.newHttpClient();
  var text = HttpResponse.BodyHandlers.ofString();
  for (int i = 0; i < 2; i++) System.out.println(client.send(call.build(), text).statusCode());
} }
"""


def needs(program: str) -> pytest.MarkDecorator:
    """Skip where a program is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@needs("node")
def test_node_is_governed_by_fetch_and_by_https(leash: Leash) -> None:
    """On Node 20 the preload takes both ways through leash; the sixth call is refused."""
    program = leash.here / "agent.mjs"
    program.write_text(NODE)
    done = leash("--max-calls", "5", "--", "node", str(program))
    assert (done.code, done.out) == (3, "200 200 200 200 200 429\n")


@pytest.mark.long
@needs("java")
def test_java_is_governed_by_its_options(leash: Leash) -> None:
    """The JVM takes proxy and trust store from JAVA_TOOL_OPTIONS."""
    program = leash.here / "Agent.java"
    program.write_text(JAVA)
    done = leash("--max-calls", "1", "--", "java", str(program))
    assert (done.code, done.out) == (3, "200\n429\n")


@needs("curl")
def test_curl_is_governed_and_headers_for_leash_end_there(leash: Leash, provider: str) -> None:
    """Curl trusts the bundle; the child's credentials never reach the provider."""
    line = (
        "curl -s -o /dev/null -w '%{http_code}\\n' https://api.anthropic.com/v1/messages"
        ' -H "content-type: application/json" -H "x-loop-id: forged" -d '
        '\'{"model": "claude-x", "max_tokens": 1, "messages": []}\''
    )
    done = leash("--max-calls", "1", "--", "sh", "-c", f"{line}; {line}")
    assert (done.code, done.out) == (3, "200\n429\n")
    headers = seen(provider)["requests"][-1]["headers"]
    own = {"proxy-authorization", "x-loop-id", "x-leash-run"}
    assert sorted(own & set(headers)) == []


def test_a_local_server_is_governed_when_leash_toml_names_it(leash: Leash, provider: str) -> None:
    """A provider on loopback is left out of NO_PROXY, so its calls are counted."""
    host = provider.removeprefix("http://")
    (leash.here / "leash.toml").write_text(
        f'[limits]\nmax_calls = 1\n[providers.mine]\nhosts = ["{host}"]\nformat = "openai.chat"\n'
    )
    del leash.env["LEASH_UPSTREAM"]
    done = leash.agent(calls=2, AGENT_URL=f"{provider}/v1/chat/completions")
    assert (done.code, done.out) == (3, "200 429\n")


def test_the_demo_shows_a_stop_in_an_empty_home(tmp_path: Path, nursery: Nursery) -> None:
    """Four calls of ten pass, the run is stopped, and ``leash ps`` has it."""
    leash = Leash(tmp_path, nursery)
    done = leash("demo")
    lines = done.out.splitlines()
    statuses = [200] * 4 + [429] * 6
    assert lines[:10] == [f"call {n} -> {status}" for n, status in enumerate(statuses, 1)]
    assert done.code == 3
    assert "after 4 calls, $0.10 (cost_budget)" in done.err
    (run,) = leash("ps", "--json").json
    assert (run["reason"], run["total_cost"]) == ("cost_budget", 0.1)
    assert any(line.startswith(run["run"]) for line in lines[11:])


def test_ctrl_c_on_a_terminal_ends_the_child_and_leash_tells_the_account(
    leash: Leash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a pty leash prints before the child starts and after Ctrl-C has ended it."""
    for name, value in leash.env.items():
        monkeypatch.setenv(name, value)
    # It sleeps: a signal between input()'s prompt and its read would wait for a line.
    program = (
        f"exec(open({str(AGENT)!r}).read().split('print(')[0]); print(call(1)); "
        "print('> ', end='', flush=True); __import__('time').sleep(60)"
    )
    screen = Screen(sys.executable, "-m", "leash_addon", "--", sys.executable, "-c", program)
    screen.until("leash: run [0-9a-f]{8}")
    screen.until("200\r\n> ")
    screen.type("\x03")
    screen.until("leash: finished run [0-9a-f]{8} after 1 call")
    screen.close()
    assert leash("ps", "--json").json[0]["exit_code"] == 128 + signal.SIGINT
