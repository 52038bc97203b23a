"""Who gets into a shared proxy: tokens, challenges, tenants; the real server and real clients."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.config.tokens import shown_hash
from tests.e2e.gateway import (
    CHAT,
    MASTER,
    OLD,
    RIVAL,
    TEAM,
    TOKENS,
    Answer,
    Gateway,
    basic,
    gateway,
)
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

MODULE = "module"
pytestmark = pytest.mark.asyncio(loop_scope=MODULE)
GOOD = {"x_leash_token": MASTER}
UPGRADE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve one provider for the module."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, provider: FakeProvider
) -> AsyncIterator[Gateway]:
    """Serve at debug level, so that whatever could be logged is."""
    root = tmp_path_factory.mktemp("gateway")
    made = await gateway(root, nursery, provider, "--log-level", "debug")
    yield made
    assert made.leash.end() == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"x_leash_token": MASTER}, 200, id="header"),
        pytest.param({"proxy_authorization": basic("a", MASTER)}, 200, id="proxy credential"),
        pytest.param({"proxy_authorization": f"Bearer {MASTER}"}, 200, id="bearer"),
        pytest.param({}, 401, id="none"),
        pytest.param({"x_leash_token": MASTER + "x"}, 401, id="wrong"),
        pytest.param({"x_leash_token": OLD}, 401, id="expired"),
        pytest.param({"x_leash_token": MASTER.upper()}, 401, id="another case"),
        pytest.param({"x_leash_token": f'"{MASTER}"'}, 401, id="in quotes"),
        pytest.param({"x_leash_token": f"{MASTER}\udcff"}, 401, id="a byte too many"),
        pytest.param(
            {"proxy_authorization": basic("a", MASTER.encode("utf-16"))}, 401, id="UTF-16"
        ),
        pytest.param({"authorization": f"Bearer {MASTER}"}, 401, id="the provider's header"),
    ],
)
async def test_base_urls_are_asked_for_a_token(
    gate: Gateway, headers: dict[str, str], status: int
) -> None:
    """Only a token that holds lets a call through; any other answer is 401 and costs nothing."""
    before = gate.fake.seen.count
    gate_answer = await gate.chat(**headers)
    assert gate_answer.status == status
    assert gate.fake.seen.count - before == (1 if status == 200 else 0)


async def test_the_refusal_has_the_shape_of_the_provider(gate: Gateway) -> None:
    """A 401 is an error of the provider that the path means, with a challenge."""
    paths = ("/v1/messages", CHAT, "/v1beta/models/gemini-2.5-pro:generateContent", "/api/chat")
    answers = [await gate.chat(path) for path in paths]
    assert [answer.status for answer in answers] == [401] * 4
    assert [answer.headers["www-authenticate"] for answer in answers] == [
        'Bearer realm="leash"'
    ] * 4
    anthropic, openai, gemini, ollama = (answer.json for answer in answers)
    assert anthropic["error"]["type"] == "authentication_error"
    assert openai["error"]["code"] == "auth"
    assert gemini["error"]["status"] == "UNAUTHENTICATED"
    assert isinstance(ollama["error"], str)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param("CONNECT api.openai.com:443", 407, id="CONNECT"),
        pytest.param("POST http://api.openai.com/v1/chat/completions", 407, id="absolute form"),
        pytest.param("GET http://example.com/", 407, id="nobody's host"),
        pytest.param("GET http://mitm.it/", 200, id="the authority through the proxy"),
        pytest.param("GET /", 200, id="the port itself"),
        pytest.param("GET /ca.pem", 200, id="the authority"),
    ],
)
async def test_proxied_requests_are_challenged(gate: Gateway, head: str, status: int) -> None:
    """A proxy's client gets 407 and the challenge that it answers; what is public stays so."""
    async with gate.wire() as wire:
        answer = await wire.ask(head)
    assert answer.status == status
    challenge = 'Basic realm="leash"' if status == 407 else None
    assert answer.headers.get("proxy-authenticate") == challenge


async def test_a_client_that_waits_for_the_challenge_gets_in(gate: Gateway) -> None:
    """After a 407 the same connection takes the credential."""
    async with gate.wire() as wire:
        first = await wire.ask("CONNECT api.openai.com:443")
        second = await wire.ask(
            "CONNECT api.openai.com:443", proxy_authorization=basic("late", MASTER)
        )
    assert (first.status, second.status) == (407, 200)


async def run(gate: Gateway, *command: str, **env: str) -> tuple[int, str]:
    """Run a program in the gateway's home; return its code and what it wrote."""
    made = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(gate.house.home), **env},
        cwd=gate.house.work,
    )
    out, _ = await made.communicate()
    return made.returncode or 0, out.decode()


async def test_curl_answers_the_challenge(gate: Gateway) -> None:
    """Curl that asks first which scheme is wanted gets its call through TLS."""
    root = gate.house.home / ".leash" / "ca" / "root.pem"
    proxy = ("-x", f"http://127.0.0.1:{gate.leash.port}", "--proxy-anyauth")
    user = ("-U", f"curl:{MASTER}", "--cacert", str(root))
    body = ("-d", '{"model":"gpt-4o","messages":[]}', "-H", "content-type: application/json")
    code, out = await run(
        gate, "curl", "-sS", *proxy, *user, *body, f"https://api.openai.com{CHAT}"
    )
    assert (code, '"usage"' in out) == (0, True), out
    assert gate.house.balance("curl").calls == 1


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_git_answers_the_challenge(gate: Gateway) -> None:
    """git, which sends its credential only after a 407, is told why its host may not be reached."""
    proxy = f"http://git:{MASTER}@127.0.0.1:{gate.leash.port}"
    code, out = await run(
        gate, "git", "ls-remote", "https://git.example.com/x.git", HTTPS_PROXY=proxy,
        GIT_TERMINAL_PROMPT="0",
    )  # fmt: skip
    assert (code, "403" in out, "407" in out) == (128, True, False), out


@pytest.mark.parametrize(
    ("headers", "run_id", "status"),
    [
        pytest.param({}, "acme/default", 200, id="no claim"),
        pytest.param({"x_loop_id": "r1"}, "acme/r1", 200, id="a run"),
        pytest.param({"x_loop_id": "r2", "x_leash_user": "bob-7"}, "acme/r2", 200, id="allowed"),
        pytest.param({"x_leash_user": "mallory"}, "", 403, id="another user"),
        pytest.param({"x_leash_feature": "other"}, "", 403, id="another feature"),
        pytest.param({"x_leash_tenant": "rival"}, "", 403, id="another tenant"),
        pytest.param(
            {"proxy_authorization": basic("r3;tenant=rival", TEAM)}, "", 403, id="by proxy user"
        ),
    ],
)
async def test_tags_cannot_be_forged(
    gate: Gateway, headers: dict[str, str], run_id: str, status: int
) -> None:
    """What the token does not allow is refused by name, and nothing is forwarded."""
    before = gate.fake.seen.count
    answer = await gate.chat(**{"x_leash_token": TEAM, **headers})
    assert answer.status == status, answer.body
    assert gate.fake.seen.count - before == (1 if status == 200 else 0)
    if run_id:
        assert gate.house.balance(run_id).calls >= 1
    else:
        assert "the token team does not allow" in answer.json["error"]["message"]


async def test_two_tenants_with_one_run_id_have_two_accounts(gate: Gateway) -> None:
    """The run of a tenant is its own, whatever another calls its runs."""
    for token in (TEAM, TEAM, RIVAL, MASTER):
        answer = await gate.chat(x_leash_token=token, x_loop_id="shared")
        assert answer.status == 200
    runs = ("acme/shared", "rival/shared", "shared")
    assert [gate.house.balance(one).calls for one in runs] == [2, 1, 1]


@pytest.mark.parametrize("run_id", ["a b", "../x", "x" * 129, "a\x00b", "-rf", "ü", "a/b", "a,b"])
async def test_a_run_id_smuggles_nothing(gate: Gateway, run_id: str) -> None:
    """A run id that is none is answered 400, is not repeated, and goes nowhere."""
    before = gate.fake.seen.count
    answers = [
        await gate.chat(**GOOD, x_loop_id=run_id),
        await gate.chat(proxy_authorization=basic(run_id, MASTER)),
    ]
    assert {answer.status for answer in answers} == {400}
    assert all("x-leash-run" not in answer.headers for answer in answers)
    assert gate.fake.seen.count == before


async def test_a_folded_header_is_no_second_one(gate: Gateway) -> None:
    """Line ends in a run id, plain or in Base64, make no header of the answer or of the request."""
    evil = "run\r\nx-evil;user=a\r\nx-evil"
    answers = [
        await gate.chat(proxy_authorization=basic(evil, MASTER)),
        await gate.chat(**GOOD, x_loop_id="run\n x-evil: 1"),
    ]
    assert all("x-evil" not in answer.headers for answer in answers)
    assert {answer.status for answer in answers} == {400}
    assert all("x-evil" not in str(one["headers"]) for one in gate.fake.seen.requests)


async def test_our_headers_go_nowhere(gate: Gateway) -> None:
    """What is meant for leash is not sent to the provider, and no token stands in any log."""
    headers = {"x_loop_id": "h", "x_leash_user": "u", "x_leash_extra": "e", "x_leash_token": MASTER}
    answer = await gate.chat(**headers, proxy_authorization=basic("h", MASTER))
    assert answer.status == 200
    sent = str(gate.fake.seen.requests[-1]).lower()
    assert [name for name in ("x-leash", "x-loop", "proxy-auth", MASTER) if name in sent] == []
    log = gate.log_text()
    assert [token for token in (MASTER, TEAM, OLD, RIVAL) if token in log] == []
    written = b"".join(
        p.read_bytes() for p in (gate.house.home / ".leash").rglob("*") if p.is_file()
    )
    assert [token for token in (MASTER, TEAM, RIVAL) if token.encode() in written] == []


async def test_tokens_change_without_a_restart(
    tmp_path: Path, nursery: Nursery, provider: FakeProvider
) -> None:
    """Two tokens hold at once; one taken out ends at the next call; a broken edit is none."""
    new = "leash_new_0123456789abcdefghi"
    gate = await gateway(tmp_path, nursery, provider, LEASH_AUTH_TOKEN="")
    entry = f'[[token]]\nname = "new"\nhash = "{shown_hash(new)}"\n'

    async def tried(expected: tuple[int, int]) -> tuple[int, int]:
        found = (0, 0)
        for _ in range(200):
            answers: list[Answer] = [await gate.chat(x_leash_token=one) for one in (TEAM, new)]
            found = (answers[0].status, answers[1].status)
            if found == expected:
                break
            await asyncio.sleep(0.1)
        return found

    async with gate.wire() as wire, gate.wire() as socket:
        first = await wire.ask(f"POST {CHAT}", b"{}", x_leash_token=TEAM)
        upgraded = await socket.ask("GET /v1/responses", x_leash_token=TEAM, **UPGRADE)
        gate.file.write_text(TOKENS + entry)
        assert await tried((200, 200)) == (200, 200)
        gate.file.write_text("[[token]\n")
        while "kept as it was" not in gate.log_text():  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.05)
        assert await tried((200, 200)) == (200, 200)
        gate.file.write_text(entry)
        assert await tried((401, 200)) == (401, 200)
        last = await wire.ask(f"POST {CHAT}", b"{}", x_leash_token=TEAM)
        create = b'{"type": "response.create", "model": "gpt-4o", "input": "hi"}'
        socket.writer.write(bytes([0x81, 0x80 | len(create), 0, 0, 0, 0]) + create)
        async with asyncio.timeout(60):
            await socket.reader.readuntil(b"was withdrawn")
    assert upgraded.status == 101
    assert (first.status, last.status, gate.leash.end()) == (200, 401, 0)


async def test_guessing_is_slowed(tmp_path: Path, nursery: Nursery, provider: FakeProvider) -> None:
    """After a few wrong tokens an address gets 429 with Retry-After, whatever it sends next."""
    gate = await gateway(tmp_path, nursery, provider)
    statuses = []
    for n in range(7):
        answer = await gate.chat(x_leash_token=f"guess{n}", x_forwarded_for="198.51.100.9")
        statuses.append(answer.status)
    right = await gate.chat(**GOOD, x_forwarded_for="198.51.100.9")
    elsewhere = await gate.chat(**GOOD, x_forwarded_for="198.51.100.10")
    assert (statuses[:5], set(statuses[5:])) == ([401] * 5, {429})
    assert (right.status, int(right.headers["retry-after"]) >= 1) == (429, True)
    assert (elsewhere.status, gate.leash.end()) == (200, 0)


async def test_a_virtual_key_is_a_token_of_its_own(gate: Gateway) -> None:
    """A whole, known, unrevoked lsh_ key lets its bearer in; any other gets 401 and no account."""
    added = await run(
        gate, "bash", "-c", "leash keys add openai --name team-a --json <<< sk-real-key-of-ours",
        PATH=gate.house.env["PATH"], LEASH_CONFIG=str(gate.file),
    )  # fmt: skip
    found = re.search(r"lsh_[\w-]{43}", added[1])
    assert found is not None, added
    key = found[0]
    good = await gate.chat(authorization=f"Bearer {key}", x_loop_id="by-key")
    claims = await gate.chat(authorization=f"Bearer {key}", x_leash_user="mallory")
    sent = gate.fake.seen.requests[-1]["headers"]
    false = await gate.chat(authorization=f"Bearer {key[:-1]}x", x_loop_id="by-key")
    wrong = await gate.chat(authorization=f"Bearer {key}", x_leash_token="wrong" * 5)
    elsewhere = await gate.connect("api.openai.com:443", authorization=f"Bearer {key}")
    statuses = [one.status for one in (good, claims, false, wrong, elsewhere)]
    assert statuses == [200, 403, 401, 401, 407]
    assert "calls" not in false.json["leash"]
    assert ("sk-real-key-of-ours" in str(sent), key in str(sent)) == (True, False)
    assert gate.house.balance("by-key").calls == 1


@pytest.mark.parametrize(
    ("token", "status"), [pytest.param(MASTER, 101, id="token"), pytest.param("", 401, id="none")]
)
async def test_websockets_come_by_base_url(gate: Gateway, token: str, status: int) -> None:
    """An upgrade in origin form is asked for a token like any call, and leads to the provider."""
    headers = {"x_leash_token": token} if token else {}
    async with gate.wire() as wire:
        answer = await wire.ask("GET /v1/responses", x_loop_id="socket", **UPGRADE, **headers)
    assert answer.status == status, answer


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_a_stranger_fills_no_memory(gate: Gateway) -> None:
    """The body of a request that is refused at its head is read on and dropped."""
    size, piece = 80_000_000, b"x" * 65_536

    def resident() -> int:
        status = Path(f"/proc/{gate.leash.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    before = resident()
    async with gate.wire() as wire:
        wire.writer.write(f"POST {CHAT} HTTP/1.1\r\ncontent-length: {size}\r\n\r\n".encode())
        for _ in range(size // len(piece)):
            wire.writer.write(piece)
            await wire.writer.drain()
        answer = await wire.send(b"x" * (size % len(piece)))
    assert answer.status == 401
    assert resident() - before < size // 4
