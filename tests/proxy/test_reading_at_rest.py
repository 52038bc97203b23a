"""An edit that comes while a proxy reads its configuration."""

from pathlib import Path

from leash_addon.cli.options import read_settings
from leash_addon.config.load import watched
from leash_addon.config.settings import Settings
from leash_addon.proxy.watching import read_at_rest, stamps


def test_an_edit_during_the_reading_is_read(tmp_path: Path) -> None:
    """What is returned is what the files hold that are returned with it."""
    file = tmp_path / "leash.toml"
    file.write_text("[limits]\nmax_calls = 1\n")
    edits = iter(("[limits]\nmax_calls = 20\n", "[limits]\nmax_calls = 300\n"))

    def read() -> Settings:
        settings = read_settings(file)
        if edit := next(edits, None):
            file.write_text(edit)
        return settings

    settings, seen = read_at_rest(read)
    assert (settings.limits.max_calls, seen) == (300, stamps(watched(settings)))
