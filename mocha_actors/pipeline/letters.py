"""How an event becomes a dead letter: what it was, redacted, and why (promise P3)."""

from __future__ import annotations

import msgspec

from mocha_actors.discord.dispatch import Event, OutlinedEvent, UndecodableEvent
from mocha_actors.pipeline.batch import DeadLetter
from mocha_actors.pipeline.redaction import redact


def undecodable(event: UndecodableEvent) -> DeadLetter:
    """Of an event whose data has the wrong shape."""
    return DeadLetter(reason="undecodable", error=event.error, payload=redact(event.raw))


def failed(reason: str, error: Exception, event: Event) -> DeadLetter:
    """Of an event that ``error`` was raised for; ``reason`` as in :class:`DeadLetter`."""
    return DeadLetter(reason=reason, error=f"{type(error).__name__}: {error}", payload=redact(frame_of(event)))


def frame_of(event: Event) -> bytes:
    """The event as JSON: as it came, or what was read of it."""
    return bytes(event.raw) if isinstance(event, UndecodableEvent | OutlinedEvent) else msgspec.json.encode(event)
