"""A4.40: guilds that the bot was removed from while nobody was connected."""

from __future__ import annotations

from mocha_actors.db.apply import Applier
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.session import Session
from mocha_actors.pipeline.batch import Batch, Outcome
from mocha_actors.pipeline.facts import Fact, GuildGone, GuildSeen, SessionStarted
from tests.db.builders import NOON_MS, ready, rows, settled

FIRST, SECOND, THIRD = (number << 22 for number in (2, 3, 4))
"""Of two shards the first and the third guild are shard 0's, the second is shard 1's."""

DAY_MS = 86_400_000


def begins(session: str, at_ms: int, guilds: tuple[int, ...] | None, shards: int = 2, shard: int = 0) -> Batch:
    """READY with its list of guilds."""
    batch = ready(session, shard=shard, at_ms=at_ms)
    fact = SessionStarted(shard, session, "wss://g", "fingerprint", 7, 8, at_ms, "session_invalid", guilds, shards)
    batch.outcomes[0] = (fact,)
    return batch


def seen(*guilds: int, at_ms: int = NOON_MS) -> list[Outcome]:
    """GUILD_CREATE for each."""
    return [(GuildSeen(guild, "Otters", 1, None, 5, at_ms, 0, at_ms),) for guild in guilds]


def left(url: str) -> list[tuple[int, int]]:
    """Guilds that were left, and when."""
    return [(guild, at_ms) for guild, at_ms in rows(url, "guilds", "id, left_ms") if at_ms is not None]


def test_a_guild_that_ready_does_not_name_was_left_since_the_last_evidence(session: Session, url: str) -> None:
    """What it names, and what is another shard's, was not."""
    applier = Applier(projections(), 1)
    applier.apply(session, [ready(), settled(2, seen(FIRST, SECOND, THIRD), at_ms=NOON_MS + 1000)])
    applier.apply(session, [begins("session-2", NOON_MS + DAY_MS, (FIRST,))])

    assert [(THIRD, NOON_MS + 1000)] == left(url)


def test_the_fact_says_how_uncertain_the_moment_is(session: Session) -> None:
    """Any between the last evidence and READY."""
    taken: list[Fact] = []

    class Taker:
        facts: tuple[type[Fact], ...] = (GuildGone,)

        def apply(self, connection: object, facts: list[Fact]) -> set[int]:
            taken.extend(facts)
            return set()

        def reset(self) -> None:
            taken.clear()

    applier = Applier([*projections(), Taker()], 1)  # type: ignore[list-item]
    applier.apply(session, [ready(), settled(2, seen(FIRST), at_ms=NOON_MS + 1000)])
    applier.apply(session, [begins("session-2", NOON_MS + 61_000, ())])

    assert [GuildGone(FIRST, False, NOON_MS + 1000, 60_000)] == taken


def test_a_guild_that_was_met_in_the_same_transaction_counts_too(session: Session, url: str) -> None:
    """How batches fall into transactions makes no difference."""
    applier = Applier(projections(), 1)
    applier.apply(session, [
        ready(), settled(2, seen(FIRST), at_ms=NOON_MS + 1000), begins("session-2", NOON_MS + DAY_MS, ()),
    ])  # fmt: skip

    assert [(FIRST, NOON_MS + 1000)] == left(url)


def test_another_number_of_shards_takes_no_guild_for_one_that_is_gone(session: Session, url: str) -> None:
    """After a change from one shard to two, the second guild is announced to the other shard."""
    applier = Applier(projections(), 1)
    applier.apply(session, [begins("session-1", NOON_MS, (FIRST, SECOND), 1), settled(2, seen(FIRST, SECOND))])
    applier.apply(session, [begins("session-2", NOON_MS + DAY_MS, (FIRST,), 2)])

    assert [] == left(url)


def test_a_session_that_does_not_know_the_list_says_nothing(session: Session, url: str) -> None:
    """As one that an older version left in the spool."""
    applier = Applier(projections(), 1)
    applier.apply(session, [ready(), settled(2, seen(FIRST))])
    applier.apply(session, [begins("session-2", NOON_MS + DAY_MS, None)])

    assert [] == left(url)


def test_who_comes_back_is_there_again(session: Session, url: str) -> None:
    """The bot was invited anew."""
    applier = Applier(projections(), 1)
    applier.apply(session, [ready(), settled(2, seen(FIRST)), begins("session-2", NOON_MS + DAY_MS, ())])
    again = seen(FIRST, at_ms=NOON_MS + 2 * DAY_MS)
    applier.apply(session, [settled(2, again, session="session-2", at_ms=NOON_MS + 2 * DAY_MS)])

    assert [] == left(url)
