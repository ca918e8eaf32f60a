"""`mocha verify` recounts voice and presence from their intervals, and finds what differs."""

from __future__ import annotations

import pytest

from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session
from mocha_actors.db.verify import verify
from mocha_actors.pipeline.facts import PresenceChanged, VoiceChanged, VoiceFlag
from tests.db.builders import NOON_MS
from tests.db.projections.histories import apply

GUILD, LOUNGE, ADA, BEN = 1 << 22, 501, 601, 602
HOUR = 3_600_000


def at(user: int, channel: int | None, ms: int, flags: int = 0) -> VoiceChanged:
    """Somebody is in a channel at noon and so many milliseconds."""
    return VoiceChanged(
        GUILD, user, channel, 1, int(flags), is_bot=False, username="", global_name=None, shard=0, at_ms=NOON_MS + ms, bound_ms=0
    )  # fmt: skip


@pytest.fixture
def filled(session: Session) -> Session:
    """Ada from 22:30 to 00:30 and muted for a while, Ben with her for the first half hour; Ada online from noon to two."""
    half = HOUR // 2
    facts = [
        at(ADA, LOUNGE, 21 * half),
        at(BEN, LOUNGE, 21 * half),
        at(BEN, None, 22 * half),
        at(ADA, LOUNGE, 23 * half, VoiceFlag.MUTE),
    ]
    apply(session, [VoiceProjection()], [*facts, at(ADA, None, 25 * half)])
    statuses = ((0, 1), (2 * HOUR, 0))
    apply(session, [PresenceProjection()], [PresenceChanged(GUILD, ADA, s, 0, NOON_MS + ms, 0) for ms, s in statuses])
    return session


async def test_the_sums_that_the_projections_wrote_equal_the_recount(url: str, filled: Session) -> None:
    """By user and day: two states of the first day, and one of the second, for Ada, one for Ben.

    By hour of the channel and of the guild each: 22 o'clock together, 23 o'clock and midnight alone. Presence: two hours.
    """
    async with open_readers(url, threads=1) as readers:
        result = await verify(readers)

    assert (4 + 3 + 3 + 2, 0) == (result.compared, result.different)


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("UPDATE voice_user_day SET ms = ms + 1 WHERE user_id = 602", "voice_user_day"),
        ("UPDATE voice_user_day SET sessions = 7 WHERE user_id = 602", "voice_user_day"),
        ("DELETE FROM voice_channel_hour WHERE visits = 2", "voice_channel_hour"),
        ("UPDATE voice_guild_hour SET muted_ms = 0 WHERE muted_ms > 1799999", "voice_guild_hour"),
        ("UPDATE presence_hour SET status = 3 WHERE hour = 497244", "presence_hour"),
    ],
)
async def test_each_kind_of_damage_is_found(url: str, filled: Session, damage: str, table: str) -> None:
    """A number changed, a row missing, a row under another key."""
    with filled.transaction() as connection:
        assert connection.execute(damage).rowcount
    async with open_readers(url, threads=1) as readers:
        result = await verify(readers)

    assert {table} == {difference.table for difference in result.differences}
