"""Facts: what processors make of events and projections apply to the database.

A fact says what happened in the terms of the statistics, with flags instead of decisions: bots and webhooks are marked, not dropped, so
that a question can include or exclude them later. Facts are frozen, hold no content and no token, and can be written to a spool as they are.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

import msgspec


class AuthorClass(IntEnum):
    """Who stands behind a message (``spec`` rules 1 and 2: bots and webhooks are recorded and excluded by default)."""

    HUMAN = 0
    BOT = 1
    WEBHOOK = 2


class MessageKind(IntEnum):
    """What a message counts as. Only ``MESSAGE`` and ``COMMAND`` stand in rollups; ``SYSTEM`` is recorded alone."""

    MESSAGE = 0
    COMMAND = 1
    SYSTEM = 2


class BaseFact(msgspec.Struct, frozen=True, gc=False, tag_field="fact", tag=True):
    """Base of all facts; encoded, each carries the name of its class."""


class MessageSent(BaseFact, frozen=True, gc=False):
    """A message was sent in a guild; its time is in its snowflake.

    Attributes:
        guild_id: the guild.
        message_id: the key, and the time.
        channel_id: the channel that Discord named: for a thread's message the thread itself.
        user_id: the author; for a webhook the webhook's id, which is no user.
        author_class: an :class:`AuthorClass`, as int.
        kind: a :class:`MessageKind`, as int.
        type: Discord's message type, unknown ones included.
        username: the author's name at that time; empty when unknown.
        global_name: the author's display name, if set.

    """

    guild_id: int
    message_id: int
    channel_id: int
    user_id: int
    author_class: int
    kind: int
    type: int
    username: str
    global_name: str | None


GapReason = Literal[
    "first_start", "session_invalid", "session_not_resumable", "fingerprint_changed", "resume_refused", "poison_frame"
]


class SessionStarted(BaseFact, frozen=True, gc=False):
    """READY came: a new session exists and becomes the shard's checkpoint; what an older one still held is lost.

    Attributes:
        shard: shard id.
        session_id: secret; goes into ``gateway_sessions`` only.
        resume_url: where to RESUME.
        fingerprint: hash of the parameters of the IDENTIFY; a RESUME with others is never tried.
        user_id: the bot's user id.
        application_id: the bot's application id; 0 when READY does not name it.
        ready_ms: when READY was received.
        reason: why there is no older session; stored with the coverage gap since the shard's ``last_alive``, or since ever.

    """

    shard: int
    session_id: str
    resume_url: str
    fingerprint: str
    user_id: int
    application_id: int
    ready_ms: int
    reason: GapReason

    def __repr__(self) -> str:
        return f"SessionStarted(shard={self.shard}, session_id=<secret>, reason={self.reason!r})"


Fact = MessageSent | SessionStarted
