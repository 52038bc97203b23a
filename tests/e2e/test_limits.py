"""Limits as an agent under leash meets them: what passes, what is refused, and how it ends."""

import re

from leash_addon.cli.fakeprovider import FakeProvider
from leash_addon.core.journal import Warned
from tests.e2e.house import House


def test_an_unknown_model_under_a_budget_never_reaches_the_provider(
    house: House, fake: FakeProvider
) -> None:
    """A model that nobody prices is refused before it is forwarded, and stops nothing."""
    with house.agent("--max-cost", "1") as talk:
        refused, fine = talk.call(model="nobody-prices-this"), talk.call()
        done = talk.end()
    assert (refused["status"], refused["headers"]["x-leash-reason"]) == (429, "unpriced_model")
    assert (fine["status"], fake.seen.count, done.code) == (200, 1, 0)


def test_a_blind_call_passes_where_that_is_allowed(house: House) -> None:
    """With --on-blind allow an unpriced call goes, and the end line says that it is in no total."""
    with house.agent("--run", "b", "--max-cost", "1", "--on-blind", "allow") as talk:
        assert talk.call(model="nobody-prices-this")["status"] == 200
        done = talk.end()
    assert done.said[2:] == [
        "finished run b after 1 call, $0.00",
        "the cost of 1 call is not known and in no total",
    ]


def test_a_call_that_comes_back_without_usage_stops_the_run(
    house: House, fake: FakeProvider
) -> None:
    """A blind answer under a budget is delivered once; the next call meets meter_blind."""
    with house.agent("--max-cost", "1") as talk:
        blind = talk.call(headers={"x-fake-usage": "false"})
        refused = talk.call()
        done = talk.end()
    assert (blind["status"], refused["status"]) == (200, 429)
    assert refused["headers"]["x-leash-reason"] == "meter_blind"
    assert (done.code, fake.seen.count) == (3, 1)


def test_a_token_rate_refuses_in_passing(house: House) -> None:
    """A full window answers 429 with an honest Retry-After, and the run is not stopped by it."""
    with house.agent("--run", "fast", "--rate", "4000/1h") as talk:
        statuses = [talk.call()["status"]]
        refused = talk.call()
        done = talk.end()
    headers = refused["headers"]
    assert (statuses, refused["status"], headers["x-leash-reason"]) == ([200], 429, "token_rate")
    assert 3590 <= int(headers["retry-after"]) <= 3660  # the window, to a sixtieth of it
    assert ("x-should-retry" in headers, done.code) == (False, 0)


def test_a_stalled_run_is_stopped(house: House, fake: FakeProvider) -> None:
    """The same reply three times in a row stops the run; white space makes no difference."""
    texts = ["look again", "look  again", " look again"]
    with house.agent("--stall", "3") as talk:
        statuses = [talk.call(headers={"x-fake-text": text})["status"] for text in texts]
        refused = talk.call()
        done = talk.end()
    assert (statuses, refused["headers"]["x-leash-reason"]) == ([200] * 3, "stall")
    assert (done.code, fake.seen.count) == (3, 3)


def test_calls_beyond_those_in_flight_wait_for_a_place(house: House, fake: FakeProvider) -> None:
    """With --max-inflight 2 six parallel calls all come through, never three at once."""
    orders = [{"headers": {"x-fake-delay-ms": "30"}} for _ in range(6)]
    with house.agent("--max-inflight", "2") as talk:
        talk.tell(at_once=orders)
        answers = talk.hear()["answers"]
    assert [answer["status"] for answer in answers] == [200] * 6
    assert (fake.seen.count, fake.seen.peak) == (6, 2)


def test_a_warning_comes_once(house: House) -> None:
    """--warn-at 0.5 of four calls warns at the second, and at no later one."""
    with house.agent("--run", "w", "--max-calls", "4", "--warn-at", "0.5") as talk:
        statuses = [talk.call()["status"] for _ in range(4)]
        done = talk.end()
    warned = [entry for entry in house.entries("w") if isinstance(entry, Warned)]
    assert (statuses, len(warned)) == ([200] * 4, 1)
    assert [line for line in done.said if line.startswith("warned: ")] == [
        f"warned: {warned[0].message}"
    ]


def test_compute_is_charged_by_the_hour(house: House) -> None:
    """Dollars per hour of wall clock count towards the budget; the stop line shows both parts."""
    with house.agent("--max-cost", "0.03", "--compute-rate", "900000") as talk:
        statuses = [talk.call()["status"] for _ in range(2)]
        done = talk.end()
    assert (statuses, done.code) == ([200, 429], 3)
    line = next(line for line in done.said if line.startswith("stopped run "))
    assert re.search(r"1 call, \$0\.0250 tokens \+ \$\S+ compute = \$\S+ \(cost_budget\)$", line)
