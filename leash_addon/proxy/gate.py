"""The gate: who gets in. Tokens are compared in constant time and never kept, logged or sent on.

A token is looked up anew at every request, so that one which is withdrawn or has expired ends with
the next call, also inside a connection that stays open.
"""

import hmac
import logging
from collections.abc import Callable, Sequence

from leash_addon.config.tokens import Grant, digest_of
from leash_addon.core.money import SECOND, Instant
from leash_addon.core.verdict import Reason
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.throttle import Throttle

logger = logging.getLogger(__name__)

UNAUTHORIZED = 401
PROXY_UNAUTHORIZED = 407
TOO_MANY = 429


class Gate:
    """Lets bearers of tokens in. ``clock`` returns the time in microseconds."""

    def __init__(self, grants: Sequence[Grant], clock: Callable[[], Instant]) -> None:
        """Let these in."""
        self._grants, self._clock = tuple(grants), clock
        self.throttle = Throttle()

    def change(self, grants: Sequence[Grant]) -> None:
        """Let these in from now on, and nobody else."""
        self._grants = tuple(grants)

    def enter(self, token: bytes | None, address: str, *, status: int) -> Grant | Denial:
        """Return what the bearer may say, or why it stays outside.

        ``token``: ``None`` when none was presented. ``address``: the client's. ``status``: of the
        answer to one that is missing or wrong, 401 or 407.
        """
        if token is None:
            return denied("no token was sent", status)
        digest, now = digest_of(token), self._clock()
        wait = self.throttle.wait(address, digest, now / SECOND)
        if wait > 0:
            return _slowed(wait)
        grant = self.find(digest)
        if grant is None:
            self.throttle.failed(address, now / SECOND)
            logger.warning("a wrong or expired token came from %s", address or "nowhere")
            return denied("the token is wrong or has expired", status)
        self.throttle.passed(address, digest)
        return grant

    def find(self, digest: bytes) -> Grant | None:
        """Return the grant of a token that holds now. All are compared, so that none is timed."""
        found = None
        for grant in self._grants:
            if hmac.compare_digest(grant.digest, digest):
                found = grant
        if found is None or (found.expires is not None and found.expires <= self._clock()):
            return None
        return found


def denied(why: str, status: int) -> Denial:
    """Refuse somebody at the gate."""
    where = (
        "as the password of the proxy's address (http://RUN:TOKEN@HOST:PORT)"
        if status == PROXY_UNAUTHORIZED
        else "in the header X-Leash-Token"
    )
    msg = f"{why}; this proxy asks for a token, {where}"
    return Denial(reason=Reason.AUTH.value, message=msg, status=status)


def _slowed(wait: float) -> Denial:
    return Denial(
        reason=Reason.AUTH.value,
        message="too many wrong tokens came from this address",
        status=TOO_MANY,
        final=False,
        retry_after=wait,
    )
