"""The soaks of ``scripts/soak``, for seconds: all that they claim but for memory."""

import pytest

from scripts.soaking.socket import socket
from scripts.soaking.streams import streams

pytestmark = pytest.mark.long


def test_streams_at_once_all_end_whole_and_are_all_on_record() -> None:
    """Clients, provider and ledger count the same streams, and no hold is left."""
    found = streams(20, seconds=1.0, warm=1.0)
    assert (found["errors"], found["streams_at_once"], found["open_calls_left"]) == (0, 20, 0)
    assert found["counted"] == {"clients": found["streams"]} | dict.fromkeys(
        ("provider", "opened", "settled", "measured"), found["streams"]
    )


def test_every_turn_of_a_socket_is_on_record() -> None:
    """Each is one call, measured and settled."""
    found = socket(50)
    assert (found["turns"], found["open_calls_left"]) == (50, 0)
    assert found["counted"] == dict.fromkeys(("provider", "opened", "settled", "measured"), 50)
