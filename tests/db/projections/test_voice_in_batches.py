"""Voice and presence as the applier drives them: sessions of the gateway that end, batches that repeat, entries that cannot be written."""

from __future__ import annotations

from mocha_actors.db.apply import Applier
from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.db.session import Session
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import PresenceChanged, VoiceChanged, VoiceListed
from tests.db.builders import NOON_MS, ready, settled
from tests.db.projections.histories import stored

GUILD, LOUNGE, ADA, BEN = 1 << 22, 501, 601, 602
TOO_LARGE = 1 << 63
"""No column holds it."""


def applier() -> Applier:
    """As the writer makes it."""
    return Applier([VoiceProjection(), PresenceProjection()], 1)


def at(user: int, channel: int | None, ms: int) -> VoiceChanged:
    """Somebody is in a channel at noon and so many milliseconds."""
    return VoiceChanged(
        GUILD, user, channel, 1, 0, is_bot=False, username="", global_name=None, shard=0, at_ms=NOON_MS + ms, bound_ms=0
    )


def rows(session: Session) -> list[tuple[object, ...]]:
    """User, end and reason of every interval of voice and of presence, whose users are negative here; -1 for what is open."""
    columns = "COALESCE(ended_ms, -1), COALESCE(end_reason, -1)"
    return [
        *stored(session, "presence_events", f"-user_id, {columns}"),
        *stored(session, "voice_events", f"user_id, {columns}"),
    ]


def test_a_new_session_closes_what_is_open_at_the_last_sign_of_life_of_the_old_one(session: Session) -> None:
    """The last batch of the old session came 30 s after the join, the new session an hour later."""
    status = PresenceChanged(GUILD, ADA, 1, 0, NOON_MS, 0)
    applier().apply(
        session, [ready(), settled(2, [(at(ADA, LOUNGE, 0), status)]), settled(3, [IGNORED], at_ms=NOON_MS + 30_000)]
    )
    listed = VoiceListed(GUILD, (at(ADA, LOUNGE, 3_600_000),), 0, NOON_MS + 3_600_000, 0)
    later = {"session": "session-2", "at_ms": NOON_MS + 3_600_000}
    applier().apply(session, [ready(**later), settled(2, [(listed,)], **later)])

    end = NOON_MS + 30_000
    assert rows(session) == [(-ADA, end, 2), (ADA, -1, -1), (ADA, end, 2)]
    assert stored(session, "voice_user_day", "ms, sessions") == [(30_000, 1)]


def test_batches_that_come_again_change_nothing(session: Session) -> None:
    """They are known by session and number, though every state in them looks like news."""
    batches = [ready(), settled(2, [(at(ADA, LOUNGE, 0),), (at(ADA, None, 5_000),), (at(ADA, LOUNGE, 9_000),)])]
    applier().apply(session, batches)
    before = [stored(session, table) for table in ("voice_events", "voice_user_day", "voice_channel_hour")]
    applier().apply(session, batches)

    assert before == [stored(session, table) for table in ("voice_events", "voice_user_day", "voice_channel_hour")]


def test_an_entry_that_cannot_be_written_takes_nobody_with_it(session: Session) -> None:
    """It becomes a dead letter; what memory learned of it is forgotten, and Ada was alone all the time."""
    same = applier()
    same.apply(session, [ready(), settled(2, [(at(ADA, LOUNGE, 0),)])])
    applied = same.apply(session, [settled(3, [(at(TOO_LARGE, LOUNGE, 1_000),), (at(ADA, None, 4_000),)])])

    assert applied.dead_lettered == 1
    assert stored(session, "voice_events", "user_id, ended_ms, flags") == [(ADA, NOON_MS + 4_000, 256)]
