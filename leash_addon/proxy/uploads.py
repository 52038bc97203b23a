"""What is left with a provider for a later call: it is screened before it goes upstream.

Uploaded files, of which text is read as a document is, and the words of threads, conversations and
sessions (``wire.kept``). Such a request is free and asks no model; what is found in it is on record
before it goes on. A file's bytes are never changed: annotate and redact do what ``signed`` says.
A file that is no text, and a request that is too large, passes and is counted; so does one of
unannounced size, unless it might have to be refused.
"""

from typing import Final

from mitmproxy.http import Request

from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.gently import parse
from leash_addon.proxy.intake import Intake, lowered
from leash_addon.proxy.screened import screen
from leash_addon.proxy.screening import NOTHING, Judgement, Screening
from leash_addon.wire.kept import kept_words
from leash_addon.wire.uploads import MULTIPART

MOST: Final = 8 * 1024 * 1024
"""Bytes of an upload that is screened: some seconds' work of the thread for it."""

WRITING: Final = frozenset({"POST", "PUT", "PATCH"})


class Uploads:
    """Screens the uploads of one proxy."""

    def __init__(self, screening: Screening | None, coverage: Coverage) -> None:
        """``screening``: ``None`` where nothing is looked at. ``coverage``: counts."""
        self._screening, self._coverage = screening, coverage

    def takes(self, intake: Intake, request: Request) -> bool:
        """Tell whether a request is to be held until it is screened, and not to stream through."""
        if self._screening is None or not self._brings(intake, request):
            return False
        length = request.headers.get("content-length", "")
        if int(length) <= MOST if length.isdecimal() else self._may_refuse:
            return True
        self._coverage.unread += 1
        return False

    async def judge(self, intake: Intake, request: Request) -> Judgement:
        """Screen such a request; nothing is found in any other."""
        if self._screening is None or not self._brings(intake, request):
            return NOTHING
        headers, body = lowered(request.headers), request.raw_content or b""
        if len(body) > MOST:
            self._coverage.unread += 1
            return NOTHING
        if (route := kept_words(intake.route, request.path)) is not None:
            parsed = await parse(None, route, headers, body, "")
            judged = await screen(self._screening, intake.run, route, parsed, request)
        else:
            judged = await self._screening.judge_upload(intake.run, headers, body)
        self._coverage.unread += judged.skipped
        return judged

    @property
    def _may_refuse(self) -> bool:
        """Tell whether what is found in a file may refuse it."""
        if self._screening is None:
            return False
        settings = self._screening.settings
        action = settings.action(Part.TOOL_RESULT)
        changes = action in {Action.ANNOTATE, Action.REDACT}
        return (settings.signed if changes else action) is Action.REFUSE

    def _brings(self, intake: Intake, request: Request) -> bool:
        """Tell whether a request leaves something that is looked at."""
        if request.method not in WRITING or self._screening is None:
            return False
        looks = self._screening.settings.action(Part.TOOL_RESULT) is not Action.OFF
        words = kept_words(intake.route, request.path) is not None
        return words or (looks and is_upload(intake, request))


def is_upload(intake: Intake, request: Request) -> bool:
    """Tell whether a free request brings a file: a form, or its bytes to ``/upload/``."""
    if not intake.route.free:
        return False
    kind = request.headers.get("content-type", "").lower()
    return kind.startswith(MULTIPART) or "/upload/" in request.path.partition("?")[0]
