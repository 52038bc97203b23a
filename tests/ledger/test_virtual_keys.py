"""Virtual keys in the ledger, on both databases."""

import pytest
from msgspec.structs import replace

from leash_addon.core.limits import Ceiling
from leash_addon.core.money import Instant, usd
from leash_addon.core.virtual_keys import VirtualKey
from leash_addon.core.windows import WindowKind
from leash_addon.errors import UsageError
from leash_addon.ledger import StoredKey
from leash_addon.ledger.virtual_keys import (
    add_key,
    all_keys,
    change_key,
    find_key,
    hash_of,
    named_key,
)
from tests.ledger.world import World

TOKEN = "lsh_" + "T" * 43
KEY = VirtualKey(
    id="a1b2c3d4",
    name="team-a",
    providers=("openai", "groq"),
    created_at=Instant(5),
    models=("gpt-4o*",),
    caps={WindowKind.DAY: Ceiling(max_cost=usd("20"), max_calls=5)},
    expires_at=Instant(9),
    by="alice",
)
STORED = StoredKey(key=KEY, hash=hash_of(TOKEN), sealed="{}")


def test_a_key_is_found_by_its_token(world: World) -> None:
    """What is written is what is read, and another token finds nothing."""
    database = world.open().database
    add_key(database, STORED)
    found = find_key(database, TOKEN)
    assert found is not None
    assert replace(found, stamp="") == STORED
    assert find_key(database, TOKEN + "x") is None


def test_a_change_is_seen_by_the_next_look(world: World) -> None:
    """Another connection's change is what is found next."""
    add_key(world.open().database, STORED)
    with world.open() as other:
        change_key(
            other.database,
            "team-a",
            lambda old: replace(old, key=replace(old.key, revoked_at=Instant(7))),
        )
    found = find_key(world.open().database, TOKEN)
    assert found is not None
    assert found.key.revoked_at == 7


def test_a_name_is_taken_for_good(world: World) -> None:
    """A second key of a name is refused and changes nothing."""
    database = world.open().database
    add_key(database, STORED)
    with pytest.raises(UsageError, match="already"):
        add_key(database, StoredKey(key=replace(KEY, id="ffffffff"), hash="x", sealed=""))
    assert [each.key.id for each in all_keys(database)] == ["a1b2c3d4"]


def test_a_key_is_named_by_name_or_id(world: World) -> None:
    """Both lead to it; an unknown name gets a hint."""
    database = world.open().database
    add_key(database, STORED)
    assert named_key(database, "a1b2c3d4") == named_key(database, "team-a")
    with pytest.raises(UsageError, match="did you mean team-a"):
        named_key(database, "team-b")
