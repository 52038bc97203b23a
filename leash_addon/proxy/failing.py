"""How a call is refused, also when the hook that would have judged it fails."""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Protocol

from mitmproxy.http import HTTPFlow, Response

from leash_addon.errors import LedgerError
from leash_addon.proxy.account import Account
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.refusals import FAULT, LEDGER_AWAY, Caller, Denial, refusal

logger = logging.getLogger(__name__)


class Refuses(Protocol):
    """Whose hooks are guarded."""

    def refuse(self, flow: HTTPFlow, denial: Denial) -> None:
        """Answer a flow ourselves."""


def fail_closed[Addon: Refuses](
    hook: Callable[[Addon, HTTPFlow], Awaitable[None]],
) -> Callable[[Addon, HTTPFlow], Awaitable[None]]:
    """Refuse the call when its hook raises: nothing is forwarded that nobody judged."""

    @wraps(hook)
    async def guarded(self: Addon, flow: HTTPFlow) -> None:
        try:
            await hook(self, flow)
        except LedgerError as error:
            logger.error("no ledger, no call: %s", error)  # noqa: TRY400 - the message says it all
            self.refuse(flow, LEDGER_AWAY)
        except Exception:
            logger.exception("a call was refused because leash failed on it")
            self.refuse(flow, FAULT)

    return guarded


def answer(flow: HTTPFlow, denial: Denial, caller: Caller) -> None:
    """Answer a flow with a refusal; never raises."""
    try:
        made = refusal(denial, caller)
        flow.request.stream = False
        flow.response = Response.make(made.status, made.body, made.headers)
    except Exception:
        logger.exception("a refusal could not be written; the connection is closed instead")
        flow.kill()


def account_of(governor: Governor, run: str) -> Account | None:
    """Return a run's account; a refusal goes out without it if need be."""
    try:
        return governor.account(run)
    except Exception:  # noqa: BLE001 - whatever it is, the call is refused
        logger.warning("the account of run %s cannot be read", run)
        return None
