"""What a base-URL client means: ``/v1/messages``, ``/to/groq/...``, ``/leash/nightly-7/...``.

The run's prefix comes first, then the provider's; either may be left out::

    http://gateway:8088/v1                           by the path and the headers
    http://gateway:8088/leash/nightly-7/v1           as the run nightly-7
    http://gateway:8088/to/groq/openai/v1            to any provider of the packs, by name
    http://gateway:8088/to/RESOURCE.openai.azure.com to any host of theirs
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import unquote

from mitmproxy.http import Request

from leash_addon.wire.routes import ProviderRule, Providers

HTTPS = 443
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_BY_PATH = (
    ("/v1/messages", "anthropic"),
    ("/v1beta/", "gemini"),
    ("/v1alpha/", "gemini"),
    ("/v1/models/*:", "gemini"),
    ("/upload/v1beta/", "gemini"),
    ("/ws/google.ai.generativelanguage.", "gemini"),
    ("/v1internal:", "gemini-code-assist"),
    ("/v2/", "cohere"),
    ("/api/", "ollama"),
    ("/v1/", "openai"),
)
"""Path prefixes and whom they mean; ``*`` stays inside a segment; the first decides."""

_BY_HEADER = (("anthropic-version", "anthropic"), ("x-goog-api-key", "gemini"))
"""Headers that only one provider's clients send; they decide over paths that many share."""

HELP = (
    "base URLs end in /v1 (OpenAI, Anthropic), in nothing (Anthropic, Gemini, Ollama) or in "
    "/to/PROVIDER, behind /leash/RUN if you like; a proxy's address belongs into HTTPS_PROXY"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Where a request goes. ``path``: with its query, without our prefixes."""

    rule: ProviderRule
    host: str
    port: int
    path: str

    @property
    def scheme(self) -> str:
        """Return http for a server on this machine, https for any other."""
        return "http" if self.host in LOOPBACK else "https"


def split_run(path: str) -> tuple[str, str]:
    """Split ``/leash/RUN/rest`` into run and rest; without the prefix the run is empty."""
    if not path.startswith("/leash/"):
        return "", path
    head, mark, query = path.removeprefix("/leash/").partition("?")
    run, _, rest = head.partition("/")
    return unquote(run), f"/{rest}{mark}{query}"


def meant(
    path: str, headers: Mapping[str, str], providers: Providers, host: str = ""
) -> Meant | str:
    """Return whom a path means, or what to write instead. ``path``: without a run's prefix.

    ``headers``: names in lower case. ``host``: the Host header, where it is a provider's own.
    """
    if path.startswith("/to/"):
        return _named(path, providers)
    bare = path.partition("?")[0]
    rule = providers.find_host(host) if host else None
    if rule is not None:
        return _at(rule, host, path)
    name = _by_path(bare)
    if bare.startswith("/v1/") and name == "openai":
        name = next((mean for header, mean in _BY_HEADER if headers.get(header)), name)
    rule = providers.find(name) if name else None
    if rule is None or not rule.hosts:
        return f"no provider has the path {bare[:100]!r}; {HELP}"
    return _at(rule, _home(rule), path)


def send(request: Request, target: Meant) -> None:
    """Point a request at its provider."""
    request.scheme = target.scheme
    # The setters of port and host each rewrite the Host header; once is enough.
    request.data.port = target.port
    request.host = target.host
    request.path = target.path


def _named(path: str, providers: Providers) -> Meant | str:
    head, mark, query = path.removeprefix("/to/").partition("?")
    name, _, rest = head.partition("/")
    name, rest = unquote(name).lower(), f"/{rest}{mark}{query}"
    rule = providers.find(name)
    if rule is not None and rule.hosts:
        return _at(rule, _home(rule), rest)
    if rule is not None:
        return f"{name} has many hosts: write /to/HOST/..., where HOST is like {rule.patterns[0]}"
    found = providers.find_host(name)
    if found is not None:
        target = _at(found, name, rest)
        if target.port == HTTPS or name in providers.hosts:
            return target
        return (
            f"{found.name} is not known to listen on port {target.port}; hosts = [{name!r}] adds it"
        )
    known = [rule.name for rule in providers.rules]
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
    return f"{name[:100]!r} is no provider; {hint}"


def _by_path(path: str) -> str | None:
    for prefix, name in _BY_PATH:
        head, star, tail = prefix.partition("*")
        if path.startswith(head) and (not star or tail in path[len(head) :].partition("/")[0]):
            return name
    return None


def _home(rule: ProviderRule) -> str:
    """Return a provider's host: for Ollama the server beside us, which its name stands for."""
    local = [host for host in rule.hosts if _split(host)[0] in LOOPBACK]
    return local[0] if local and rule.name == "ollama" else rule.hosts[0]


def _at(rule: ProviderRule, host: str, path: str) -> Meant:
    name, port = _split(host)
    return Meant(rule=rule, host=name, port=port, path=path)


def _split(host: str) -> tuple[str, int]:
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and (name.startswith("[") or ":" not in name):
        return name.strip("[]"), int(port)
    return host.strip("[]"), HTTPS
