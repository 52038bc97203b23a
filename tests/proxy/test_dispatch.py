"""Our table of hooks triggers what mitmproxy's own addon manager triggers, in its order."""

import logging
from collections.abc import Callable

import pytest
from mitmproxy import master
from mitmproxy.addonmanager import AddonManager
from mitmproxy.exceptions import AddonHalt, OptionsError
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow
from mitmproxy.options import Options
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook
from mitmproxy.proxy.server_hooks import ClientConnectedHook
from mitmproxy.test import tflow

from leash_addon.proxy.dispatch import Dispatch

type Trace = list[str]


class Plain:
    """Takes requests and updates, and has sub-addons."""

    def __init__(self, name: str, trace: Trace, *inside: object) -> None:
        """Write to a trace."""
        self.name, self.trace, self.addons = name, trace, list(inside)

    def request(self, flow: HTTPFlow) -> None:
        """Take a request."""
        self.trace.append(f"{self.name} request {flow.request.method}")

    def update(self, flows: list[Flow]) -> None:
        """Take an update."""
        self.trace.append(f"{self.name} update {len(flows)}")


class Slow:
    """Takes requests, and awaits."""

    def __init__(self, name: str, trace: Trace) -> None:
        """Write to a trace."""
        self.name, self.trace = name, trace

    async def request(self, flow: HTTPFlow) -> None:
        """Take a request."""
        self.trace.append(f"{self.name} awaited {flow.request.method}")


class Raising:
    """Takes requests, and raises."""

    def __init__(self, name: str, trace: Trace, error: Exception, *inside: object) -> None:
        """Write to a trace, and raise."""
        self.name, self.trace, self.error, self.addons = name, trace, error, list(inside)

    def request(self, flow: HTTPFlow) -> None:
        """Take a request, and raise."""
        self.trace.append(f"{self.name} raises over {flow.request.method}")
        raise self.error


def manager(kind: Callable[[master.Master], AddonManager], *addons: object) -> AddonManager:
    """Make a manager of a kind with some addons."""
    made = master.Master(Options())
    made.addons = kind(made)
    made.addons.add(*addons)
    return made.addons


async def traced(
    kind: Callable[[master.Master], AddonManager], make: Callable[[Trace], list[object]]
) -> Trace:
    """Return what the addons saw of a client and a request."""
    trace: Trace = []
    addons = manager(kind, *make(trace))
    flow = tflow.tflow()
    await addons.handle_lifecycle(ClientConnectedHook(flow.client_conn))
    await addons.handle_lifecycle(HttpRequestHook(flow))
    return trace


CHAINS: dict[str, Callable[[Trace], list[object]]] = {
    "in order, sub-addons after their addon": lambda trace: [
        Plain("a", trace, Plain("a1", trace, Slow("a11", trace)), Slow("a2", trace)),
        Slow("b", trace),
        Plain("c", trace),
    ],
    "an exception ends the turn of its addon only": lambda trace: [
        Raising("a", trace, ValueError("odd"), Plain("a1", trace)),
        Plain("b", trace),
    ],
    "a halt ends the event": lambda trace: [
        Plain("a", trace),
        Raising("b", trace, AddonHalt()),
        Plain("c", trace),
    ],
    "nobody takes updates": lambda trace: [Slow("a", trace), Slow("b", trace)],
}


@pytest.mark.asyncio
@pytest.mark.parametrize("make", CHAINS.values(), ids=CHAINS)
async def test_hooks_run_as_in_the_stock_manager(
    make: Callable[[Trace], list[object]],
) -> None:
    """The same addons see the same events in the same order."""
    found = await traced(Dispatch, make)
    assert (found, bool(found)) == (await traced(AddonManager, make), True)


@pytest.mark.asyncio
async def test_an_exception_of_an_addon_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What an addon raised is named in the line that mitmproxy writes for it."""
    with caplog.at_level(logging.ERROR):
        await traced(Dispatch, lambda trace: [Raising("a", trace, ValueError("odd"))])
    assert [record.getMessage() for record in caplog.records] == ["Addon error: odd"]


@pytest.mark.asyncio
async def test_an_options_error_leaves() -> None:
    """A wrong option is not an addon's fault: it reaches whoever triggered the event."""
    with pytest.raises(OptionsError, match="no such"):
        await traced(Dispatch, lambda trace: [Raising("a", trace, OptionsError("no such"))])


@pytest.mark.asyncio
async def test_addons_come_and_go() -> None:
    """An addon that is added later takes events, and one that was removed takes none."""
    trace: Trace = []
    first, second = Slow("a", trace), Slow("b", trace)
    addons = manager(Dispatch, first)
    await addons.trigger_event(HttpRequestHook(tflow.tflow()))
    addons.add(second)
    await addons.trigger_event(HttpRequestHook(tflow.tflow()))
    addons.remove(first)
    await addons.trigger_event(HttpRequestHook(tflow.tflow()))
    addons.clear()
    await addons.trigger_event(HttpRequestHook(tflow.tflow()))
    assert trace == ["a awaited GET", "a awaited GET", "b awaited GET", "b awaited GET"]
