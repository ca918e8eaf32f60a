"""Guilds and channels: what they are like, by the time of the fact, and which are gone (statistics, rules 8, 9, 19, 25 and A3.18)."""

from __future__ import annotations

from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import ChannelDeleted, ChannelsSeen, GuildGone, GuildSeen, Place
from tests.db.builders import GUILD, NOON_MS
from tests.db.projections.steps import apply, select


def created(name: str = "Otters", at_ms: int = NOON_MS, members: int | None = 5) -> GuildSeen:
    """A guild as GUILD_CREATE describes it, or, without a count of members, GUILD_UPDATE."""
    return GuildSeen(GUILD, name, 7, 8, members, None if members is None else 9, 1, at_ms)


def channels(*places: Place, at_ms: int = NOON_MS, complete: bool = False) -> ChannelsSeen:
    """Channels as they are."""
    return ChannelsSeen(GUILD, places, complete, at_ms)


def place(channel: int = 20, kind: int = 0, name: str | None = "general", parent: int | None = None) -> Place:
    """A channel."""
    return Place(channel, kind, name, parent, None)


def deleted(of: Place, at_ms: int = NOON_MS + 10) -> ChannelDeleted:
    """A channel is gone."""
    return ChannelDeleted(GUILD, of, at_ms, 0)


def known(session: Session) -> dict[int, tuple[object, ...]]:
    """Name, parent and deletion of each channel."""
    rows = select(session, "SELECT id, name, parent_id, deleted_ms FROM channels")
    return {channel: tuple(rest) for channel, *rest in rows}


GUILDS = (
    "SELECT name, owner_id, afk_channel_id, member_count, joined_ms, left_ms, unavailable, seen_ms, shard FROM guilds"
)


def test_a_guild_is_described(session: Session) -> None:
    """And Discord's count of its members is an anchor."""
    apply(session, [created()])

    assert select(session, GUILDS) == [("Otters", 7, 8, 5, 9, None, 0, NOON_MS, 1)]
    assert select(session, "SELECT * FROM member_counts") == [(GUILD, NOON_MS, 5)]


def test_an_update_keeps_what_it_does_not_say(session: Session) -> None:
    """GUILD_UPDATE has no count of members."""
    apply(session, [created(), created("Badgers", NOON_MS + 1, members=None)])

    assert select(session, GUILDS) == [("Badgers", 7, 8, 5, 9, None, 0, NOON_MS + 1, 1)]


def test_an_older_description_changes_nothing(session: Session) -> None:
    """Names follow the time of the fact."""
    apply(session, [created()])
    apply(session, [created("Old", NOON_MS - 1)])

    assert select(session, "SELECT name FROM guilds") == [("Otters",)]


def test_an_outage_is_marked_until_the_guild_is_back(session: Session) -> None:
    """It is no leave."""
    apply(session, [created(), GuildGone(GUILD, True, NOON_MS + 5, 0)])
    assert select(session, "SELECT unavailable, left_ms FROM guilds") == [(1, None)]

    apply(session, [created(at_ms=NOON_MS + 9)])
    assert select(session, "SELECT unavailable, left_ms FROM guilds") == [(0, None)]


def test_a_guild_that_removed_the_bot_is_marked_until_it_takes_it_back(session: Session) -> None:
    """The first removal stands."""
    apply(session, [created(), GuildGone(GUILD, False, NOON_MS + 5, 0), GuildGone(GUILD, False, NOON_MS + 6, 0)])
    assert select(session, "SELECT left_ms FROM guilds") == [(NOON_MS + 5,)]

    apply(session, [created(at_ms=NOON_MS + 9)])
    assert select(session, "SELECT left_ms FROM guilds") == [(None,)]


def test_channels_are_renamed_and_moved(session: Session) -> None:
    """An older fact renames nothing, but may teach a parent."""
    apply(session, [channels(place(), place(21, 11, "thread", 20))])
    apply(session, [channels(place(name="lobby", parent=3), at_ms=NOON_MS + 1)])
    apply(session, [channels(place(name="old"), at_ms=NOON_MS - 1)])

    assert known(session) == {20: ("lobby", 3, None), 21: ("thread", 20, None)}


def test_a_channel_that_the_complete_list_does_not_name_is_gone(session: Session) -> None:
    """Threads are never listed completely, so they stay; who is listed again is there again."""
    apply(session, [channels(place(20), place(21), place(22, 11, "thread", 20))])
    apply(session, [channels(place(20), at_ms=NOON_MS + 5, complete=True)])
    assert known(session) == {20: ("general", None, None), 21: ("general", None, NOON_MS + 5), 22: ("thread", 20, None)}

    apply(session, [channels(place(21), at_ms=NOON_MS + 9)])
    assert known(session)[21] == ("general", None, None)


def test_a_deleted_channel_keeps_its_name_and_the_time_of_its_end(session: Session) -> None:
    """A second deletion is nothing."""
    apply(session, [channels(place())])
    apply(session, [deleted(place()), deleted(place(), NOON_MS + 99)])

    assert known(session) == {20: ("general", None, NOON_MS + 10)}


def test_the_deletion_of_an_unknown_thread_teaches_its_parent(session: Session) -> None:
    """A3.4; its name may still be told by an older fact."""
    apply(session, [deleted(place(30, 11, None, 20))])
    assert known(session) == {30: (None, 20, NOON_MS + 10)}

    apply(session, [channels(place(30, 11, "thread", 20), at_ms=NOON_MS)])
    assert known(session) == {30: ("thread", 20, NOON_MS + 10)}
