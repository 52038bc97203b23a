"""The environment that sends a program's model calls through leash, trusted.

No single variable serves all: every client honours its own. The whole set is written over
whatever was inherited, except where a variable holds options of the user's own, which are kept.
``ALL_PROXY`` is dropped: alone it leaks (some clients read it for some schemes only), and a SOCKS
address in it stops others. What each client reads was measured with the real programs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from leash_addon.core.database_url import database_url
from leash_addon.errors import UsageError
from leash_addon.proxy.bundle import Bundle
from leash_addon.proxy.master_key import VARIABLE

PROXY = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
WHOLE_BUNDLE = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "CODEX_CA_CERTIFICATE",
    "CARGO_HTTP_CAINFO",
    "PIP_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)
OURS_ALONE = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
PROXY_TRUST = "GIT_PROXY_SSL_CAINFO"
"""What git trusts of a proxy that speaks TLS (https://git-scm.com/docs/git-config, 2026-11)."""

DROPPED = ("ALL_PROXY", "all_proxy")
OTHERS = ("NODE_USE_ENV_PROXY", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
PRELOAD = Path(__file__).with_name("node_preload.cjs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Trust files. ``bundle``: all roots and ours; ``root``: ours alone; ``truststore``: PKCS12."""

    bundle: Path
    root: Path
    truststore: Path
    truststore_password: str


def trust_of(files: Bundle) -> Trust:
    """Take what children need of the trust files."""
    return Trust(
        bundle=files.bundle,
        root=files.root,
        truststore=files.truststore,
        truststore_password=files.truststore_password,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the proxy listens, and as whom a child speaks to it. The secret holds no ``:``.

    ``tls``: the proxy's own port speaks TLS.
    """

    host: str
    port: int
    run: str
    secret: str
    tls: bool = False

    @property
    def url(self) -> str:
        """Return the proxy's address with both parts of the credentials: never an empty one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.run, safe='')}:{quote(self.secret, safe='')}"
        return f"{'https' if self.tls else 'http'}://{user}@{host}:{self.port}"


def variables(door: Door, trust: Trust, *, governed: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the variables that stand alone. ``governed``: host names that providers were given."""
    found = dict.fromkeys(PROXY, door.url)
    found |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(ungoverned(governed)))
    # The certificate of the proxy's own port comes from another authority, which they need, too.
    found |= dict.fromkeys(OURS_ALONE, str(trust.bundle if door.tls else trust.root))
    found |= dict.fromkeys(WHOLE_BUNDLE, str(trust.bundle))
    found["NODE_USE_ENV_PROXY"] = "1"
    if door.tls:
        found[PROXY_TRUST] = str(trust.bundle)
    return MappingProxyType(found)


def child_environment(
    inherited: Mapping[str, str],
    door: Door,
    trust: Trust,
    *,
    governed: Iterable[str] = (),
    alone: Iterable[str] = (),
) -> dict[str, str]:
    """Return the whole environment of a child: inherited, ours on top, options added to.

    ``alone``: names of variables that stay as they were inherited.
    """
    env = {name: value for name, value in inherited.items() if name not in DROPPED}
    if database_url(env.get("LEASH_DB", "")) is not None:
        del env["LEASH_DB"]  # its password opens the account that the child is held to
    env.pop(VARIABLE, None)  # the key to the providers' keys is not for those held to them
    env |= variables(door, trust, governed=governed)
    options = {
        "NODE_OPTIONS": f"--require {_node_quoted(str(PRELOAD))}",
        "JAVA_TOOL_OPTIONS": " ".join(_java_options(door, trust)),
    }
    for name, ours in options.items():
        env[name] = _added(inherited.get(name, ""), ours)
    for name in alone:
        env.pop(name, None)
    return env | {name: inherited[name] for name in alone if name in inherited}


def check_alone(names: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that ``--no-env`` names; raises ``UsageError`` for one of nobody's."""
    known = (
        *PROXY,
        "NO_PROXY",
        "no_proxy",
        *OURS_ALONE,
        *WHOLE_BUNDLE,
        *DROPPED,
        *OTHERS,
        PROXY_TRUST,
    )
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            msg = f"--no-env: leash does not touch {name}{meant}"
            raise UsageError(msg)
    return tuple(names)


def _added(theirs: str, ours: str) -> str:
    """Add options to a user's own, once: ``eval "$(leash env)"`` may come twice."""
    return theirs if ours in theirs else f"{theirs} {ours}".strip()


def ungoverned(governed: Iterable[str]) -> tuple[str, ...]:
    """Return the loopback names that bypass leash: none, when a provider lives on one of them."""
    names = {_without_port(host).lower() for host in governed}
    return () if names & set(LOOPBACK) else LOOPBACK


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _java_options(door: Door, trust: Trust) -> tuple[str, ...]:
    """Return JVM options. Java sends no credentials on its own: it is known by its port."""
    return (
        f"-Dhttps.proxyHost={door.host}",
        f"-Dhttps.proxyPort={door.port}",
        f"-Dhttp.proxyHost={door.host}",
        f"-Dhttp.proxyPort={door.port}",
        _java_quoted(f"-Djavax.net.ssl.trustStore={trust.truststore}"),
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={trust.truststore_password}",
    )


def _java_quoted(text: str) -> str:
    """Quote as the JVM reads JAVA_TOOL_OPTIONS: white space inside quotes, no escapes."""
    if not any(char.isspace() for char in text):
        return text
    return f'"{text}"' if '"' not in text else f"'{text}'"


def _node_quoted(text: str) -> str:
    """Quote as Node reads NODE_OPTIONS: double quotes, with a backslash before ``"`` and itself."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
