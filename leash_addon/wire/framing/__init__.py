"""Framers split a body into events and know nothing of what the events mean."""

from leash_addon.wire.framing.choose import framer_for
from leash_addon.wire.framing.framer import MAX_BODY_BYTES, MAX_EVENT_BYTES, Framer

__all__ = ["MAX_BODY_BYTES", "MAX_EVENT_BYTES", "Framer", "framer_for"]
