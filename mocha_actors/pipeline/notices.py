"""What the actors say to each other about batches and sessions: requests to the writer, and its notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Final, NamedTuple

import msgspec

from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.facts import Fact
from mocha_actors.runtime import Request


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """What the database knows about a shard's session: enough to RESUME it in a new process.

    Attributes:
        shard: shard id.
        session_id: secret.
        resume_url: where Discord wants the RESUME.
        seq: the durable ``s``: everything up to it is committed.
        fingerprint: of the IDENTIFY that made the session.
        last_alive_ms: last evidence that the session was being followed, milliseconds since the epoch.

    """

    shard: int
    session_id: str
    resume_url: str
    seq: int
    fingerprint: str
    last_alive_ms: int

    def __repr__(self) -> str:
        return f"Checkpoint(shard={self.shard}, session_id=<secret>, seq={self.seq})"


@dataclass(frozen=True, slots=True)
class LoadCheckpoint(Request["Checkpoint | None"]):
    """Ask the writer where shard ``shard`` stands; answered from the database, None when it has no session."""

    shard: int


@dataclass(frozen=True, slots=True)
class SessionInvalidated:
    """Tell the writer that Discord refused this session: a restart must not try to RESUME it again."""

    shard: int
    session_id: str

    def __repr__(self) -> str:
        return f"SessionInvalidated(shard={self.shard}, session_id=<secret>)"


@dataclass(frozen=True, slots=True)
class Alive:
    """Tell the writer that the session was alive at ``at_ms`` (an acknowledged heartbeat of an idle shard)."""

    shard: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Flush(Request[None]):
    """Ask the writer to answer once everything offered before is committed."""


@dataclass(frozen=True, slots=True)
class Chore(Request[int]):
    """Ask the writer to do a small piece of maintenance in a transaction of its own, between two groups of events.

    Attributes:
        work: given the database's connection, returns the number of rows that it wrote. It holds up every event, hence takes some milliseconds
            at most; it may be done twice; what it raises comes back to whoever asks.
        resets: it changes what projections remember, or who may be recorded, so that both are read anew.

    """

    work: Callable[[Any], int]
    resets: bool = False


class ObservedPeriod(NamedTuple):
    """A half-open period of which everything is known that happened in a shard's guilds, though no gateway told it. Milliseconds since the Unix epoch."""

    shard: int
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class ImportFacts(Request[int]):
    """Ask the writer to write facts that come from elsewhere than a gateway, in order and in one transaction; answered with how many may be recorded.

    They are no shard's and move no ``seq``: a repetition is known by its keys alone. ``observed`` is recorded with them.
    """

    facts: tuple[Fact, ...]
    observed: tuple[ObservedPeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class CompactLog(Request[None]):
    """Ask the writer to leave nothing of what was overwritten or deleted in the database's log."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The writer's notice: everything of this shard up to ``seq`` is durable. It is what heartbeats carry as ``d``."""

    shard: int
    session_id: str
    seq: int

    def __repr__(self) -> str:
        return f"Committed(shard={self.shard}, seq={self.seq})"


@dataclass(frozen=True, slots=True)
class ClaimIdentify(Request[float]):
    """Ask the writer for leave to IDENTIFY now.

    The answer is 0.0 when the attempt has been recorded durably and may be made, else the seconds to wait before asking again. The decision
    (spacing of 5 s a key, 24-hour budget) is one pure function over the identify log, so that it survives any restart.

    Attributes:
        shard: shard id; its key is ``shard % max_concurrency``.
        now_ms: milliseconds since the epoch.
        max_concurrency: from ``/gateway/bot``.
        total: identifies that Discord allows in 24 hours.
        reserve: how many of them are never used.

    """

    shard: int
    now_ms: int
    max_concurrency: int = 1
    total: int = 1000
    reserve: int = 50


@dataclass(frozen=True, slots=True)
class Quiesce(Request[None]):
    """Ask a shard to stop reading (it keeps beating) and to hand over what it has; answered when that is done (promise P8)."""


@dataclass(frozen=True, slots=True)
class GiveUpSession(Request[None]):
    """Ask a quiesced shard, all of whose events are committed, to end its session at Discord for good; answered when that is done."""


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Tell the dispatcher to hand out the open entries of a batch again."""

    batch: Batch


class Subject(IntFlag):
    """What of a guild a fact changes and a question reads."""

    MESSAGES = 1
    VOICE = 2
    MEMBERS = 4
    """Joins and leaves, at their times."""
    REACTIONS = 8
    PRESENCE = 16
    NAMES = 32
    """The guild's and its channels' names, parents and settings: what is true now, whatever range is asked for."""
    ROSTER = 64
    """Who is a member now, with which roles and nick: likewise."""


ALL_SUBJECTS: Final = (
    Subject.MESSAGES | Subject.VOICE | Subject.MEMBERS | Subject.REACTIONS | Subject.PRESENCE | Subject.NAMES | Subject.ROSTER
)  # fmt: skip


FIRST_HOUR: Final = -(1 << 62)
LAST_HOUR: Final = 1 << 62
"""With :data:`FIRST_HOUR`, the span of what concerns any time at all."""


class Touched(NamedTuple):
    """A stretch of time in which something of a guild may have changed.

    Attributes:
        guild_id: the guild; None for every guild.
        subjects: what of it.
        first_hour: by the time of the facts, in hours since the Unix epoch.
        last_hour: included.

    """

    guild_id: int | None
    subjects: Subject = ALL_SUBJECTS
    first_hour: int = FIRST_HOUR
    last_hour: int = LAST_HOUR


@dataclass(frozen=True, slots=True)
class Changed:
    """The writer's notice to the cache: what a transaction, durable by now, may have changed.

    It names times of facts and not of their arrival: the late delete of an old message touches that message's hour.
    """

    touched: frozenset[Touched] = frozenset()

    def merged(self, other: Changed) -> Changed:
        """Both notices as one."""
        return Changed(self.touched | other.touched)

    @property
    def guilds(self) -> list[int]:
        """The guilds that are named, ascending."""
        return sorted({touched.guild_id for touched in self.touched if touched.guild_id is not None})


EVERYTHING: Final = Changed(frozenset({Touched(None)}))
"""Anything may have changed anywhere."""


def everything_of(guild_id: int) -> Changed:
    """The notice after a forget, an opt-out or new settings: anything of the guild may have changed."""
    return Changed(frozenset({Touched(guild_id)}))
