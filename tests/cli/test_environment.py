"""The environment of a wrapped program."""

from dataclasses import replace
from pathlib import Path

import pytest

from leash_addon.cli.environment import (
    DROPPED,
    OURS_ALONE,
    PRELOAD,
    PROXY,
    WHOLE_BUNDLE,
    Door,
    Trust,
    check_alone,
    child_environment,
    ungoverned,
)
from leash_addon.errors import UsageError

DOOR = Door(host="127.0.0.1", port=4711, run="a3f9c2e1", secret="s3cret")
TRUST = Trust(
    bundle=Path("/t/bundle.pem"),
    root=Path("/t/root.pem"),
    truststore=Path("/t/trust.p12"),
    truststore_password="pw",
)
URL = "http://a3f9c2e1:s3cret@127.0.0.1:4711"


def test_every_spelling_of_the_proxy_is_set_over_what_was_inherited() -> None:
    """All four proxy variables name leash with both parts of the credentials."""
    inherited = dict.fromkeys(PROXY, "http://corporate:3128")
    env = child_environment(inherited, DOOR, TRUST)
    assert {env[name] for name in PROXY} == {URL}


def test_a_proxy_that_speaks_tls_is_named_so_and_its_authority_is_trusted() -> None:
    """The address is https://, and what adds to its trust gets the roots of that port, too."""
    env = child_environment({}, replace(DOOR, tls=True), TRUST)
    assert {env[name] for name in PROXY} == {URL.replace("http://", "https://")}
    assert {env[name] for name in OURS_ALONE} == {"/t/bundle.pem"}


def test_a_variable_that_replaces_trust_gets_the_whole_bundle() -> None:
    """Variables that replace a program's roots get all roots; those that add get ours alone."""
    env = child_environment({"CURL_CA_BUNDLE": "/old.pem"}, DOOR, TRUST)
    assert {env[name] for name in WHOLE_BUNDLE} == {"/t/bundle.pem"}
    assert {env[name] for name in OURS_ALONE} == {"/t/root.pem"}


def test_all_proxy_is_dropped_and_the_rest_is_kept() -> None:
    """``ALL_PROXY`` leaks, so it goes; everything that is not ours stays."""
    inherited = dict.fromkeys(DROPPED, "socks5://x:1") | {"PATH": "/bin", "LANG": "C"}
    env = child_environment(inherited, DOOR, TRUST)
    assert [name for name in DROPPED if name in env] == []
    assert (env["PATH"], env["LANG"]) == ("/bin", "C")


def test_options_of_the_user_are_kept_before_ours() -> None:
    """``NODE_OPTIONS`` and ``JAVA_TOOL_OPTIONS`` are added to."""
    inherited = {"NODE_OPTIONS": "--max-old-space-size=1", "JAVA_TOOL_OPTIONS": "-Xmx1g"}
    env = child_environment(inherited, DOOR, TRUST)
    assert env["NODE_OPTIONS"] == f'--max-old-space-size=1 --require "{PRELOAD}"'
    assert env["JAVA_TOOL_OPTIONS"] == (
        "-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4711 "
        "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=4711 -Djavax.net.ssl.trustStore=/t/trust.p12 "
        "-Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=pw"
    )


@pytest.mark.parametrize(
    ("hosts", "bypassing"),
    [
        pytest.param((), "localhost,127.0.0.1,::1", id="nothing local is governed"),
        pytest.param(("api.x.com",), "localhost,127.0.0.1,::1", id="a remote host"),
        pytest.param(("localhost:11434",), "", id="localhost"),
        pytest.param(("127.0.0.1:1234",), "", id="address"),
        pytest.param(("[::1]:11434",), "", id="v6 address"),
    ],
)
def test_a_local_provider_is_left_out_of_no_proxy(hosts: tuple[str, ...], bypassing: str) -> None:
    """Loopback names are aliases: when a provider lives on one, none may bypass leash."""
    env = child_environment({}, DOOR, TRUST, governed=hosts)
    assert {env["NO_PROXY"], env["no_proxy"], ",".join(ungoverned(hosts))} == {bypassing}


def test_a_run_id_with_a_colon_is_escaped_in_the_url() -> None:
    """A colon in a run id does not end the user name."""
    door = Door(host="::1", port=1, run="a:b", secret="x")
    assert door.url == "http://a%3Ab:x@[::1]:1"


def test_options_are_added_once() -> None:
    """An environment that already has ours stays as it is."""
    once = child_environment({}, DOOR, TRUST)
    assert child_environment(once, DOOR, TRUST) == once


def test_a_path_with_spaces_is_quoted_for_node_and_java() -> None:
    """Quotes keep a path with spaces one word."""
    trust = Trust(
        bundle=TRUST.bundle,
        root=TRUST.root,
        truststore=Path("/my files/t.p12"),
        truststore_password="pw",
    )
    env = child_environment({}, DOOR, trust)
    assert '"-Djavax.net.ssl.trustStore=/my files/t.p12"' in env["JAVA_TOOL_OPTIONS"]


def test_the_master_key_is_not_inherited() -> None:
    """The command never gets what opens the providers' keys."""
    env = child_environment({"LEASH_MASTER_KEY": "ab" * 32}, DOOR, TRUST)
    assert [name for name, value in env.items() if "ab" * 32 in value] == []


def test_a_variable_that_leash_does_not_touch_cannot_be_left_alone() -> None:
    """``--no-env`` with a misspelt name says which was probably meant."""
    assert check_alone(["NODE_OPTIONS", "ALL_PROXY"]) == ("NODE_OPTIONS", "ALL_PROXY")
    with pytest.raises(UsageError, match="did you mean NODE_OPTIONS"):
        check_alone(["NODE_OPTION"])
