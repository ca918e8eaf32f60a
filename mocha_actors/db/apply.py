"""What runs in the database thread: a group of settled batches becomes one transaction, and a bad entry is found and set aside.

This is where promise P1 is kept: rows, rollups, dead letters and the ``seq`` of each shard stand or fall together, and entries that are
durable already are passed over. So whatever happens to the caller, it simply does the same again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

from mocha_actors.db import checkpoint, dead_letters, huge
from mocha_actors.db.absent import left_while_away
from mocha_actors.db.checkpoint import Standing
from mocha_actors.db.connection import Connection
from mocha_actors.db.optout import Gate
from mocha_actors.db.optout_list import load_gate
from mocha_actors.db.projections import revisions
from mocha_actors.db.projections.base import Projection
from mocha_actors.db.session import Session
from mocha_actors.errors import DataError, MochaError, SystemFailure
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter, Outcome
from mocha_actors.pipeline.facts import EventsMissed, Fact, GuildSeen, SessionEnded, SessionStarted
from mocha_actors.pipeline.notices import Changed, ObservedPeriod
from mocha_actors.pipeline.touching import changes

R = TypeVar("R")

SEQ: Final = attrgetter("s")

MAX_SET_ASIDE: Final = 100
"""Entries of one group that may turn out to be unwritable. When more do, the data is not what is at fault, and setting it aside would lose it."""


class Part(NamedTuple):
    """Entries ``start`` to ``stop`` (exclusive) of a settled batch; of a huge one, its facts from ``first_fact`` on."""

    batch: Batch
    start: int
    stop: int
    first_fact: int = 0


@dataclass(slots=True)
class Applied:
    """What came of a group.

    Attributes:
        committed: entries that became durable: ignored ones and dead letters included, those that were durable before not.
        ignored: committed entries without facts.
        dead_lettered: committed entries that are dead letters.
        repeated: entries passed over because they were durable before.
        unwritable: (shard, ``s``, error) of the entries that the database refused.
        transactions: how many were needed; more than one only where an entry was refused.
        spooled: entries that became durable in the spool, and are not in the database yet.
        standings: where the shards of the group stand now.
        changed: what the entries may have changed; those passed over included, since whoever committed them may have died before it could tell.

    """

    committed: int = 0
    ignored: int = 0
    dead_lettered: int = 0
    repeated: int = 0
    unwritable: list[tuple[int, int, str]] = field(default_factory=list)
    transactions: int = 0
    spooled: int = 0
    standings: dict[int, Standing] = field(default_factory=dict)
    changed: Changed = field(default_factory=Changed)

    def add(self, later: Applied) -> Applied:
        """This and what came of the entries that follow."""
        self.committed += later.committed
        self.ignored += later.ignored
        self.dead_lettered += later.dead_lettered
        self.repeated += later.repeated
        self.unwritable += later.unwritable
        self.transactions += later.transactions
        self.spooled += later.spooled
        self.standings |= later.standings
        self.changed = self.changed.merged(later.changed)
        return self


class Applier:
    """Writes groups of batches for one owner; used in the database thread only."""

    def __init__(self, projections: Sequence[Projection], epoch: int, *, anonymise: bool = False) -> None:
        """An applier.

        Args:
            projections: of facts.
            epoch: of the owner, see :func:`checkpoint.claim_epoch`.
            anonymise: whether ids of users are replaced, see :mod:`mocha_actors.db.optout`.

        """
        self._projections = projections
        self._epoch = epoch
        self._anonymise = anonymise
        self._gate: Gate | None = None
        self._set_aside_count = 0

    def apply(self, session: Session, batches: Sequence[Batch]) -> Applied:
        """Make settled ``batches``, which are in order per shard, durable. Doing it again changes nothing.

        Raises:
            MochaError: the database is away, damaged, or owned by another, or refuses too many entries: then nothing of the transaction at fault has happened, or, if its
                COMMIT was what failed, possibly all of it.

        """
        self._set_aside_count = 0
        return self._apply(session, [Part(batch, 0, len(batch)) for batch in batches])

    def apply_facts(self, session: Session, facts: Sequence[Fact], observed: Sequence[ObservedPeriod] = ()) -> int:
        """Write facts that come from elsewhere than a gateway, in one transaction; returns how many may be recorded.

        They have no place in a shard's stream, so that a repetition is known by its keys alone. ``observed`` is what they are all of.

        Raises:
            MochaError: as for :meth:`apply`; another error is about the facts, none of which is written then.

        """
        return self._within(session, lambda transaction: transaction.write_facts(facts, observed))

    def _apply(self, session: Session, parts: list[Part]) -> Applied:
        """Write ``parts``; when the data is at fault, write its halves, down to the entry that cannot be written (promise P3)."""
        around = huge.around(parts)
        if around is not None:
            before, after = ([Part(*part) for part in side] for side in around)
            return self._apply_all(session, before).add(self._apply_all(session, after))
        try:
            return self._commit_huge(session, parts[0]) if huge.is_huge(parts) else self._commit(session, parts)
        except Exception as error:
            if not is_about_data(error):
                raise
            entry = sole_entry(parts)
            if entry is None:
                first, second = halves(parts)
                return self._apply(session, first).add(self._apply(session, second))
            return self._set_aside(session, entry, error)

    def _apply_all(self, session: Session, parts: list[Part]) -> Applied:
        return self._apply(session, parts) if parts else Applied()

    def _commit_huge(self, session: Session, entry: Part) -> Applied:
        """Write an entry of thousands of rows in several transactions of idempotent upserts, of which the last one moves ``seq``.

        A crash between them is no harm: the entry comes again, and finds what is there. Until then a question sees a part of it.
        """
        *firsts, last = huge.slices(entry.batch.outcomes[entry.start])
        for start, stop in firsts:
            if not self._within(session, partial(Transaction.write_some, entry=entry, start=start, stop=stop)):
                return self._commit(session, [entry])
        applied = self._commit(session, [entry._replace(first_fact=last[0])])
        applied.transactions += len(firsts)
        return applied

    def _set_aside(self, session: Session, entry: Part, error: Exception) -> Applied:
        """Commit one entry as the dead letter that it has to be; its facts are given up."""
        self._set_aside_count += 1
        if self._set_aside_count > MAX_SET_ASIDE:
            msg = f"more than {MAX_SET_ASIDE} events of one transaction cannot be written; the last was refused by {type(error).__name__}: {error}"
            raise SystemFailure(msg) from error
        batch, index = entry.batch, entry.start
        event = batch.events[index]
        # Of a huge one, a part may have been written.
        touched = changes(facts_of(batch.outcomes[index]))
        batch.outcomes[index] = letter = dead_letters.unwritable(event, error)
        try:
            applied = self._commit(session, [entry])
        except Exception as again:
            if not is_about_data(again):
                raise
            msg = f"shard {batch.shard}: not even the dead letter of event {event.s} can be written: {again}"
            raise SystemFailure(msg) from again
        applied.changed = applied.changed.merged(touched)
        applied.unwritable.append((batch.shard, event.s, letter.error))
        return applied

    def _commit(self, session: Session, parts: Sequence[Part]) -> Applied:
        return self._within(session, lambda transaction: transaction.write(parts))

    def _within(self, session: Session, work: Callable[[Transaction], R]) -> R:
        """One transaction. Where it fails, what projections remember is thrown away."""
        try:
            with session.transaction() as connection:
                if self._gate is None:
                    self._gate = load_gate(connection, anonymise=self._anonymise)
                return work(Transaction(connection, self._projections, self._epoch, self._gate))
        except BaseException:
            self.reset()
            raise

    def reset(self) -> None:
        """Forget what is remembered of the database: it may have changed otherwise than by facts, or a change did not happen."""
        self._gate = None
        for projection in self._projections:
            projection.reset()


class Transaction:
    """The work of one transaction: gathers what the entries came to, then writes it table by table."""

    def __init__(self, connection: Connection, projections: Sequence[Projection], epoch: int, gate: Gate) -> None:
        """Nothing is gathered yet."""
        self._connection, self._projections, self._epoch = connection, projections, epoch
        self._admit = None if gate.open else gate.admit
        self._applied = Applied(transactions=1)
        self._facts: list[Fact] = []
        self._told: list[Fact] = []
        self._letters: list[dead_letters.Row] = []

    def write(self, parts: Sequence[Part]) -> Applied:
        """Write ``parts`` and the checkpoints that they lead to."""
        for part in parts:
            self._gather(part)
        self._project()
        self._applied.changed = changes(self._told)
        dead_letters.insert(self._connection, self._letters)
        self._applied.dead_lettered = len(self._letters)
        for shard in self._applied.standings:
            self._advance(shard)
        return self._applied

    def write_some(self, entry: Part, start: int, stop: int) -> bool:
        """Write the facts ``start`` to ``stop`` of an entry, which thereby is not durable yet; False if it is already."""
        if self._first_new(entry) == entry.stop:
            return False
        self._take(facts_of(entry.batch.outcomes[entry.start])[start:stop])
        self._project()
        # Where the shard stands does not change; that it is still this owner's is checked as always.
        self._advance(entry.batch.shard)
        return True

    def _gather(self, part: Part) -> None:
        """Sort the entries of a part that are not durable yet by what became of them: nothing here is a call for each event, since there are so many."""
        batch = part.batch
        start = self._first_new(part)
        self._applied.repeated += start - part.start
        outcomes = batch.outcomes[part.start : part.stop]
        has_letters = DeadLetter in set(map(type, outcomes))
        facts = facts_in(outcomes) if has_letters else list(chain.from_iterable(outcomes))  # type: ignore[arg-type]  # all are facts
        self._told += facts
        if start == part.stop:
            return
        if start > part.start or part.first_fact or self._admit is not None:
            outcomes = outcomes[start - part.start :]
            facts = self._admitted([facts_of(outcome)[part.first_fact :] for outcome in outcomes])
        self._facts += facts
        if has_letters:
            self._letters += [
                dead_letters.row_of(batch, index, outcome)
                for index, outcome in enumerate(outcomes, start)
                if isinstance(outcome, DeadLetter)
            ]
        self._applied.ignored += outcomes.count(IGNORED)
        self._applied.committed += part.stop - start
        self._moved(batch, part.stop - 1)

    def _admitted(self, outcomes: Iterable[tuple[Fact, ...]]) -> list[Fact]:
        """The facts of entries, as far as they may be recorded."""
        return facts_in(outcomes if self._admit is None else map(self._admit, outcomes))

    def _first_new(self, part: Part) -> int:
        """Index of the first entry of ``part`` that is not durable; a session that begins in it is begun here.

        A batch of a session that another one has replaced can only be a repetition: batches commit in the order received (promise P2).
        """
        batch = part.batch
        now = self._standing(batch.shard)
        if now is not None and now.session_id == batch.session_id:
            return bisect_right(batch.events, now.seq, part.start, part.stop, key=SEQ)
        started = session_started(batch, part.start)
        # A READY whose session was replaced in the same transaction comes again when the writer died before it could say so.
        if started is not None and not (now is not None and now.previous_session_id == started.session_id):
            self._start(started, now)
            return part.start
        if now is None:
            msg = f"shard {batch.shard} has no session in the database, so its events have no place to be checkpointed"
            raise SystemFailure(msg)
        return part.stop

    def _standing(self, shard: int) -> Standing | None:
        known = self._applied.standings.get(shard)
        if known is None:
            known = checkpoint.standing(self._connection, shard, self._epoch)
            if known is not None:
                self._applied.standings[shard] = known
        return known

    def _start(self, fact: SessionStarted, before: Standing | None) -> None:
        if fact.shard in self._applied.standings:
            self._advance(fact.shard)
        if before is not None:
            evidence_ms = min(before.last_alive_ms, fact.ready_ms)
            self._facts.append(SessionEnded(shard=fact.shard, evidence_ms=evidence_ms, at_ms=fact.ready_ms))
            unwritten = (seen.guild_id for seen in self._facts if isinstance(seen, GuildSeen))
            self._facts += left_while_away(self._connection, fact, evidence_ms, unwritten)
        self._applied.standings[fact.shard] = checkpoint.start_session(self._connection, fact, self._epoch)

    def _moved(self, batch: Batch, last: int) -> None:
        """Everything of ``batch`` up to its entry ``last`` is written."""
        now = self._applied.standings[batch.shard]
        # What was replayed is evidence of its own time only: a crash in the middle of a replay must not make its rest younger.
        alive_ms = max(now.last_alive_ms, batch.stamp(last).at_ms)
        self._applied.standings[batch.shard] = now._replace(
            session_id=batch.session_id, seq=batch.events[last].s, last_alive_ms=alive_ms
        )

    def _advance(self, shard: int) -> None:
        checkpoint.advance(self._connection, shard, self._applied.standings[shard], self._epoch)

    def write_facts(self, facts: Sequence[Fact], observed: Sequence[ObservedPeriod]) -> int:
        """Write facts that are no shard's, in their order; returns how many passed the gate."""
        taken = self._take(tuple(facts))
        self._project()
        for period in observed:
            checkpoint.observe(self._connection, period, self._epoch)
        return taken

    def _take(self, facts: tuple[Fact, ...]) -> int:
        """Take those of ``facts`` that may be recorded; returns how many they are."""
        if self._admit is not None:
            facts = self._admit(facts)
        self._facts += facts
        return len(facts)

    def _project(self) -> None:
        """Give each projection its facts, and raise the revision of the guilds of which they changed something."""
        changed: set[int] = set()
        for projection, facts in shares(self._projections, self._facts):
            if facts:
                guilds = projection.apply(self._connection, facts)
                changed |= guilds_of(facts) if guilds is None else guilds
        revisions.bump(self._connection, changed)


def facts_of(outcome: Outcome | None) -> tuple[Fact, ...]:
    """The facts of an entry; a dead letter has none."""
    return outcome if isinstance(outcome, tuple) else ()


def guilds_of(facts: Sequence[Fact]) -> set[int]:
    """The guilds that ``facts`` are about; those of a session are about none."""
    return {fact.guild_id for fact in facts if not isinstance(fact, SessionStarted | SessionEnded | EventsMissed)}


def facts_in(outcomes: Iterable[Outcome | None]) -> list[Fact]:
    """The facts of entries, in order."""
    return list(chain.from_iterable([outcome for outcome in outcomes if isinstance(outcome, tuple)]))


def shares(projections: Sequence[Projection], facts: Iterable[Fact]) -> list[tuple[Projection, list[Fact]]]:
    """The facts that each projection takes, in their order. Runs of one type, such as messages nearly always come in, are handed on as a whole.

    Raises:
        DataError: nobody takes a fact. The session's own are for the checkpoint, and need no taker.

    """
    found: list[tuple[Projection, list[Fact]]] = [(projection, []) for projection in projections]
    takers: dict[type[Fact], list[list[Fact]]] = {SessionStarted: [], SessionEnded: []}
    for projection, share in found:
        for kind in projection.facts:
            takers.setdefault(kind, []).append(share)
    for kind, run in groupby(facts, type):
        if kind not in takers:
            msg = f"no projection takes facts of the type {kind.__name__}"
            raise DataError(msg)
        several = list(run)
        for share in takers[kind]:
            share.extend(several)
    return found


def is_about_data(error: Exception) -> bool:
    """Whether an entry is to blame: whatever a projection trips over, its neighbours are written."""
    return isinstance(error, DataError) or not isinstance(error, MochaError | MemoryError)


def session_started(batch: Batch, index: int) -> SessionStarted | None:
    """The session that begins with entry ``index``, if one does: READY is the first entry of its batch and the shard settles it."""
    outcome = batch.outcomes[index]
    return outcome[0] if isinstance(outcome, tuple) and outcome and isinstance(outcome[0], SessionStarted) else None


def sole_entry(parts: Sequence[Part]) -> Part | None:
    """The one part, if it is a single entry."""
    return parts[0] if len(parts) == 1 and parts[0].stop - parts[0].start == 1 else None


def halves(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """``parts`` of at least two entries, cut into two that are not empty, in order."""
    if len(parts) > 1:
        middle = len(parts) // 2
        return parts[:middle], parts[middle:]
    batch, start, stop, _ = parts[0]
    middle = (start + stop) // 2
    return [Part(batch, start, middle)], [Part(batch, middle, stop)]
