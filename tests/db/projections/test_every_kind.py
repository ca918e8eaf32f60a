"""Whatever happens, in whatever transactions: the rollups equal a recount (P7), a fact counts once, and cuts make no difference."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import (
    AuthorClass,
    ChannelDeleted,
    ChannelsSeen,
    Fact,
    GuildGone,
    GuildSeen,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MembersListed,
    MembersSeen,
    MessageDetails,
    MessageEdited,
    MessageKind,
    MessagesDeleted,
    MessageSent,
    Place,
    Profile,
    ReactionAdded,
    ReactionRemoved,
    ReactionsCleared,
)
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message
from tests.db.projections.steps import DAY_MS, HOUR_MS, apply, apply_and_fail, clear, everything, fresh, verified

times = st.builds(
    int.__add__,
    st.sampled_from([NOON_MS, NOON_MS + 12 * HOUR_MS, NOON_MS + 5 * DAY_MS]),
    st.sampled_from([-5_000, -1, 0, 1, 1_500, 3_000, HOUR_MS]),
)
guilds = st.sampled_from([GUILD, GUILD, GUILD + 1])
channels = st.sampled_from([CHANNEL, CHANNEL + 1])
people = st.sampled_from([USER, USER + 1, USER + 2])
bounds = st.sampled_from([0, 0, 2_000])
bots = st.booleans()

OLD = [
    message(n, guild=guild, user=USER + n, author=author)
    for guild in (GUILD, GUILD + 1)
    for n, author in enumerate(AuthorClass)
]
"""Messages that were there before: they are reacted to, edited and deleted."""

old_ids = st.sampled_from([each.message_id for each in OLD])
emojis = st.sampled_from([("👍", None), ("700", "cat"), ("700", "dog")])

sent = st.builds(
    message, st.integers(3, 6), at_ms=times, guild=guilds, channel=channels, user=people, author=st.sampled_from(AuthorClass),
    kind=st.sampled_from(MessageKind), username=st.sampled_from(["ada", "bea", ""]),
)  # fmt: skip


@st.composite
def described(draw: st.DrawFn) -> list[Fact]:
    """A message with what is known of it."""
    fact: MessageSent = draw(sent)
    length = draw(st.sampled_from([None, 12]))
    return [fact, MessageDetails(fact.guild_id, fact.message_id, draw(st.integers(0, 2)), length=length)]


def reaction(kind: type[ReactionAdded | ReactionRemoved]) -> st.SearchStrategy[Fact]:
    """An add or a removal."""
    fields = {
        "guild_id": guilds, "channel_id": channels, "message_id": old_ids, "user_id": people, "burst": bots, "at_ms": times, "bound_ms": bounds,
    }  # fmt: skip
    added = {"receiver_id": people | st.none(), "is_bot": bots | st.none()} if kind is ReactionAdded else {}

    def build(emoji: tuple[str, str | None], **values: object) -> Fact:
        names = {"emoji_name": emoji[1]} if kind is ReactionAdded else {}
        return kind(emoji=emoji[0], **names, **values)  # type: ignore[arg-type]

    return st.builds(build, emojis, **fields, **added)  # type: ignore[arg-type]


profiles = st.builds(
    Profile, people, st.sampled_from(["ada", "bea", ""]), st.none(), bots, times | st.none(), st.sampled_from([None, "Ace"]),
    st.sampled_from([(), (5,), (6, 5)]), st.sampled_from([None, True, False]),
)  # fmt: skip
places = st.builds(
    Place, st.integers(800, 802), st.sampled_from([0, 2, 11]), st.sampled_from([None, "one", "two"]), st.sampled_from([None, 801]), st.none()
)  # fmt: skip
members = st.lists(profiles, max_size=3, unique_by=lambda each: each.user_id).map(tuple)
listed = st.lists(people, max_size=3, unique=True).map(sorted).map(tuple)
deleted_ids = st.lists(old_ids | sent.map(lambda each: each.message_id), min_size=1, max_size=3).map(tuple)

single = (
    sent
    | st.builds(MessageEdited, guilds, old_ids, channels, times)
    | st.builds(MessagesDeleted, guilds, channels, deleted_ids, times, bounds)
    | reaction(ReactionAdded)
    | reaction(ReactionRemoved)
    | st.builds(ReactionsCleared, guilds, channels, old_ids, emojis.map(lambda each: each[0]) | st.none(), times, bounds)
    | st.builds(MemberJoined, guilds, profiles, times, bounds)
    | st.builds(MembersSeen, guilds, members, times)
    | st.builds(MembersListed, guilds, listed, times)
    | st.builds(MemberLeft, guilds, people, bots, times, bounds)
    | st.builds(MemberRemoved, guilds, people, st.integers(1, 2), times, bounds)
    | st.builds(GuildSeen, guilds, st.sampled_from([None, "A", "B"]), people, channels | st.none(), st.none() | st.integers(3, 5), st.none(), st.just(0), times)
    | st.builds(GuildGone, guilds, bots, times, bounds)
    | st.builds(ChannelsSeen, guilds, st.lists(places, max_size=3, unique_by=lambda each: each.channel_id).map(tuple), bots, times)
    | st.builds(ChannelDeleted, guilds, places, times, bounds)
)  # fmt: skip
entries = single.map(lambda fact: [fact]) | described()
histories = st.lists(entries, max_size=30)

relaxed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def flat(history: list[list[Fact]]) -> list[Fact]:
    """The facts of all entries."""
    return [fact for entry in history for fact in entry]


def begin(session: Session) -> None:
    """An empty database with the old messages."""
    clear(session)
    apply(session, OLD)


@relaxed
@given(groups=st.lists(st.tuples(histories, st.booleans()), max_size=4))
def test_rollups_equal_a_recount_after_any_transactions_some_of_which_fail(
    sqlite_session: Session, groups: list[tuple[list[list[Fact]], bool]]
) -> None:
    """Promise P7, with projections that live on over failures."""
    begin(sqlite_session)
    projections = fresh()
    for history, fails in groups:
        if fails:
            apply_and_fail(sqlite_session, flat(history), projections)
        else:
            apply(sqlite_session, flat(history), projections)

    assert verified(sqlite_session).differences == ()


@relaxed
@given(history=histories, cuts=st.lists(st.integers(0, 30), max_size=4))
def test_how_a_history_is_cut_into_transactions_makes_no_difference(
    sqlite_session: Session, history: list[list[Fact]], cuts: list[int]
) -> None:
    """All at once by projections that remember, cut by fresh ones, or one entry at a time."""
    bounds = [0, *sorted(cuts), len(history)]
    ways = ([history], [history[a:b] for a, b in pairwise(bounds)], [[entry] for entry in history])
    tables = []
    for way in ways:
        begin(sqlite_session)
        for part in way:
            apply(sqlite_session, flat(part))
        tables.append(everything(sqlite_session))

    assert tables[0] == tables[1]
    assert tables[0] == tables[2]


@relaxed
@given(history=histories, failed=histories)
def test_after_a_failure_memory_equals_the_database(
    sqlite_session: Session, history: list[list[Fact]], failed: list[list[Fact]]
) -> None:
    """Projections that went through a failed transaction go on as fresh ones do."""
    tables = []
    for projections in (fresh(), None):
        begin(sqlite_session)
        apply(sqlite_session, flat(history[:10]), projections)
        if projections is not None:
            apply_and_fail(sqlite_session, flat(failed), projections)
        apply(sqlite_session, flat(history[10:]), projections)
        tables.append(everything(sqlite_session))

    assert tables[0] == tables[1]


@relaxed
@given(history=histories)
def test_a_fact_that_is_applied_twice_changes_nothing(sqlite_session: Session, history: list[list[Fact]]) -> None:
    """Neither in the same transaction nor in the next one."""
    tables = []
    for times_applied in (1, 2):
        begin(sqlite_session)
        for entry in history:
            apply(sqlite_session, [fact for fact in entry for _ in range(times_applied)])
            for _ in range(times_applied - 1):
                apply(sqlite_session, entry)
        tables.append(everything(sqlite_session))

    assert tables[0] == tables[1]


def test_every_kind_is_the_same_on_both_databases(session: Session) -> None:
    """One history of every kind, with numbers worked out by hand."""
    from tests.db.projections import steps

    facts: list[Fact] = [
        message(user=steps.AUTHOR),
        MessageDetails(GUILD, steps.MESSAGE, 1, length=3),
        MessageEdited(GUILD, steps.MESSAGE, CHANNEL, NOON_MS + 1),
        steps.react(),
        steps.react(emoji="700", emoji_name="cat", burst=True),
        ReactionsCleared(GUILD, CHANNEL, steps.MESSAGE, "700", NOON_MS + 2, 0),
        steps.join(),
        steps.leave(at_ms=NOON_MS + 60_000),
        MemberRemoved(GUILD, USER, 2, NOON_MS + 60_500, 0),
        GuildSeen(GUILD, "Otters", USER, None, 7, NOON_MS, 0, NOON_MS),
        ChannelsSeen(GUILD, (Place(CHANNEL, 0, "general", None, None),), True, NOON_MS),
        MessagesDeleted(GUILD, CHANNEL, (steps.MESSAGE, 5), NOON_MS + 3, 0),
    ]
    apply(session, facts[:6])
    apply(session, facts[6:])

    assert verified(session).differences == ()
    tables = everything(session)
    assert tables["message_details"] == [(GUILD, steps.MESSAGE, 1, None, None, None, 3, None, None, NOON_MS + 1, 1)]
    assert tables["reaction_state"] == []
    assert tables["reaction_user_day"] == sorted(
        [(GUILD, 20_718, USER, 0, 2, 1, 0, 0, 0), (GUILD, 20_718, steps.AUTHOR, 0, 0, 0, 2, 0, 0)], key=repr
    )
    assert tables["guild_hour"] == [(GUILD, 497_244, 0, 0, 1, 1)]
    assert tables["member_hour"] == [(GUILD, 497_244, 0, 1, 1)]
    assert [row[3:7] for row in tables["member_events"]] == [(0, 0, NOON_MS, None), (1, 0, NOON_MS, 2)]
    assert tables["member_counts"] == [(GUILD, NOON_MS, 7)]
    assert tables["channels"] == [(GUILD, CHANNEL, 0, "general", None, None, None, NOON_MS)]
