"""Sealed keys, and where the master key comes from."""

import base64
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.null import Keyring as NullKeyring

from leash_addon.errors import UsageError
from leash_addon.proxy.master_key import FILE, VARIABLE, master_key
from leash_addon.proxy.vault import VaultError, mark_of, seal, unseal

MASTER = bytes(range(32))
SECRET = "sk-real-0123456789"


def test_a_sealed_key_opens_again() -> None:
    """What is sealed under a master key is what is unsealed under it."""
    sealed = seal(MASTER, "a1b2c3d4", ("openai", "groq"), SECRET)
    assert unseal(MASTER, "a1b2c3d4", ("groq", "openai"), sealed) == SECRET


def test_a_sealed_key_shows_nothing() -> None:
    """No part of the key is in what is stored, and no two seals are alike."""
    first, second = (seal(MASTER, "a1", ("openai",), SECRET) for _ in range(2))
    coded = base64.b64encode(SECRET.encode()).decode().rstrip("=")
    assert (SECRET in first, coded in first, first == second) == (False, False, False)


@pytest.mark.parametrize(
    ("ident", "providers"),
    [
        pytest.param("a1", ("elsewhere",), id="another provider"),
        pytest.param("a1", ("openai", "elsewhere"), id="one provider more"),
        pytest.param("b2", ("openai",), id="another virtual key"),
    ],
)
def test_a_row_that_was_moved_does_not_open(ident: str, providers: tuple[str, ...]) -> None:
    """A seal is bound to its virtual key and the providers that it is for."""
    sealed = seal(MASTER, "a1", ("openai",), SECRET)
    with pytest.raises(VaultError, match="changed or damaged"):
        unseal(MASTER, ident, providers, sealed)


@pytest.mark.parametrize("at", range(40, 300, 20))
def test_a_changed_byte_is_noticed(at: int) -> None:
    """A seal with one character changed does not open, whichever it is."""
    sealed = seal(MASTER, "a1", ("openai",), SECRET)
    at %= len(sealed)
    other = "A" if sealed[at] != "A" else "B"
    with pytest.raises(VaultError):
        unseal(MASTER, "a1", ("openai",), sealed[:at] + other + sealed[at + 1 :])


def test_another_master_key_is_named() -> None:
    """The error tells both master keys by their marks, and neither key."""
    sealed, other = seal(MASTER, "a1", ("openai",), SECRET), bytes(32)
    with pytest.raises(VaultError, match=f"{mark_of(MASTER)}, here is {mark_of(other)}"):
        unseal(other, "a1", ("openai",), sealed)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(MASTER.hex(), id="hex"),
        pytest.param(base64.b64encode(MASTER).decode(), id="base64"),
        pytest.param(base64.urlsafe_b64encode(MASTER).decode().rstrip("="), id="base64url"),
    ],
)
def test_the_variable_gives_the_master_key(text: str, tmp_path: Path) -> None:
    """LEASH_MASTER_KEY is read as hex or base64, and no file is made."""
    assert master_key({VARIABLE: text}, tmp_path, make=True) == MASTER
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["short", "zz" * 32, MASTER.hex()[:-2], "é" * 32])
def test_a_wrong_variable_is_not_repeated(text: str, tmp_path: Path) -> None:
    """A value that is no key is refused without showing it."""
    with pytest.raises(UsageError, match="is not 32 bytes") as refused:
        master_key({VARIABLE: text}, tmp_path)
    assert text not in str(refused.value)


def test_the_file_is_made_once_and_private(tmp_path: Path) -> None:
    """Without the variable a 0600 file holds it, made when first wanted."""
    home = tmp_path / ".leash"
    with pytest.raises(UsageError, match="there is no master key"):
        master_key({}, home)
    first = master_key({}, home, make=True)
    assert (master_key({}, home), len(first)) == (first, 32)
    assert (home / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    """An open master key stops leash with the command that mends it."""
    master_key({}, tmp_path, make=True)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        master_key({}, tmp_path)


class Remembering(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return what was set."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.kept[service, username] = password


def test_the_keyring_keeps_the_master_key(tmp_path: Path) -> None:
    """With LEASH_MASTER_KEY=keyring it is made in the system's keyring, and no file is."""
    before = keyring.get_keyring()
    keyring.set_keyring(Remembering())
    try:
        first = master_key({VARIABLE: "keyring"}, tmp_path, make=True)
        assert master_key({VARIABLE: "keyring"}, tmp_path) == first
    finally:
        keyring.set_keyring(before)
    assert list(tmp_path.iterdir()) == []


def test_a_keyring_that_keeps_nothing_is_an_error(tmp_path: Path) -> None:
    """A keyring that forgets at once is not taken for one that works."""
    before = keyring.get_keyring()
    keyring.set_keyring(NullKeyring())
    try:
        with pytest.raises(UsageError, match="holds no master key"):
            master_key({VARIABLE: "keyring"}, tmp_path, make=True)
    finally:
        keyring.set_keyring(before)
