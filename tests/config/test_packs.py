"""The provider pack and what a user's file may change in it."""

from pathlib import Path

import pytest

from leash_addon.config.packs import Table, build_providers, load_providers, rules_dir
from leash_addon.errors import UsageError
from leash_addon.wire.routes import Upgrade

PACK: Table = {
    "paths": {"chat": {"POST **/chat/completions": "openai.chat"}},
    "anywhere": {"use": ["chat"]},
    "providers": {
        "acme": {"hosts": ["api.acme.example", "*.acme.example"], "use": ["chat"], "free": ["/log"]}
    },
}


def test_the_shipped_pack_loads() -> None:
    """The pack that ships is valid and names the providers of the README."""
    names = {rule.name for rule in load_providers().rules}
    assert names >= {"openai", "anthropic", "gemini", "vertex", "bedrock", "azure", "ollama"}


def test_the_shipped_pack_is_where_it_says() -> None:
    """The rules folder holds the pack, in a checkout and in a wheel."""
    assert (rules_dir() / "providers.toml").is_file()


def test_a_user_changes_a_provider() -> None:
    """An upstream is taken over, and lists are added to."""
    theirs: Table = {"acme": {"upstream": "http://127.0.0.1:9099/", "hosts": ["acme.corp"]}}
    acme = build_providers(PACK, theirs, pack="p.toml", where="leash.toml").find("acme")
    assert acme is not None
    assert (acme.upstream, acme.hosts, acme.patterns) == (
        "http://127.0.0.1:9099",
        ("acme.corp", "api.acme.example"),
        ("*.acme.example",),
    )


def test_a_users_path_comes_first() -> None:
    """A user's own path rule wins over the pack's."""
    theirs: Table = {"acme": {"paths": {"POST **/chat/completions": "blind"}}}
    providers = build_providers(PACK, theirs, pack="p.toml", where="leash.toml")
    found = providers.route("POST", "api.acme.example", "/chat/completions")
    assert found is not None
    assert (found.format, found.free) == (None, False)


def test_a_users_host_wins() -> None:
    """A user may take a host away from the provider that ships with it."""
    theirs: Table = {"mine": {"hosts": ["api.acme.example"], "format": "openai.responses"}}
    providers = build_providers(PACK, theirs, pack="p.toml", where="leash.toml")
    found = providers.route("POST", "api.acme.example", "/whatever")
    assert found is not None
    assert (found.provider, found.format) == ("mine", "openai.responses")


def test_a_new_provider_is_read_by_its_paths() -> None:
    """A provider that names hosts alone is read as any server would be."""
    theirs: Table = {"local": {"hosts": ["127.0.0.1:8000"]}}
    providers = build_providers(PACK, theirs, pack="p.toml", where="leash.toml")
    found = providers.route("POST", "127.0.0.1:8000", "/v1/chat/completions")
    assert found is not None
    assert (found.provider, found.format) == ("local", "openai.chat")


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        pytest.param(
            {"acme": {"upstrem": "http://x"}},
            "leash.toml: providers.acme.upstrem: unknown key; did you mean 'upstream'?",
            id="a typo in a key",
        ),
        pytest.param(
            {"acme": {"upstream": "127.0.0.1:9099"}},
            "leash.toml: providers.acme.upstream: '127.0.0.1:9099' is no URL; "
            "write http://HOST:PORT or https://HOST",
            id="an address without a scheme",
        ),
        pytest.param(
            {"acme": {"format": "openai.chta"}},
            "leash.toml: providers.acme: 'POST **' = 'openai.chta': no such format; "
            "did you mean 'openai.chat'?",
            id="a typo in a format",
        ),
        pytest.param(
            {"acme": {"use": ["chatt"]}},
            "leash.toml: providers.acme.use: no set of paths is called 'chatt'; "
            "did you mean 'chat'?",
            id="a typo in a set",
        ),
        pytest.param(
            {"new": {"use": ["chat"]}},
            "leash.toml: providers.new.hosts: name at least one host",
            id="no host",
        ),
        pytest.param(
            {"acme": {"hosts": "one.example"}},
            "leash.toml: providers.acme.hosts: a list of strings is needed here",
            id="a string for a list",
        ),
        pytest.param(
            {"acme": {"elsewhere": "ignore"}},
            "leash.toml: providers.acme.elsewhere: 'ignore' is neither 'blind' nor 'free'",
            id="no such meaning",
        ),
        pytest.param(
            {"acme": "https://acme.example"},
            "leash.toml: providers.acme: a table is needed here",
            id="no table",
        ),
        pytest.param(
            {"acme": {"imputed": "yes"}},
            "leash.toml: providers.acme.imputed: true or false is needed here",
            id="a string for a boolean",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(theirs: Table, message: str) -> None:
    """A wrong key or value is an error that says where it is and how to mend it."""
    with pytest.raises(UsageError) as caught:
        build_providers(PACK, theirs, pack="p.toml", where="leash.toml")
    assert str(caught.value) == message


def test_a_broken_pack_is_named(tmp_path: Path) -> None:
    """A pack that is no TOML is an error that names its file and line."""
    pack = tmp_path / "providers.toml"
    pack.write_text("hosts = [\n1 2", encoding="utf-8")
    with pytest.raises(UsageError, match=r"providers\.toml: .*line"):
        load_providers(pack=pack)


def test_a_provider_may_treat_websockets_in_its_own_way() -> None:
    """The key ``websocket`` of a provider is read, and a word that is none is named."""
    found = load_providers({"openai": {"websocket": "downgrade"}}).find("openai")
    assert found is not None
    assert found.websocket is Upgrade.DOWNGRADE
    with pytest.raises(UsageError, match=r"providers\.openai\.websocket: 'off' is none of meter"):
        load_providers({"openai": {"websocket": "off"}})
