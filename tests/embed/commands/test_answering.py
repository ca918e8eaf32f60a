"""What the commands answer from a real database: what is hidden stays hidden, and privacy is the caller's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio.testing

from mocha_actors import client
from mocha_actors.client import StatsClient
from mocha_actors.config import Config, DatabaseSection, PrivacySection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.store import open_store
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.embed.commands.answering import (
    HIDDEN,
    NOT_SHARED,
    NOTHING_SEEN,
    NOTHING_SHARED,
    PSEUDONYMS,
    answer,
    erase,
)  # fmt: skip
from mocha_actors.embed.commands.asked import Asked, RefusedError, Target
from mocha_actors.embed.commands.replies import Reply
from mocha_actors.embed.commands.sight import Place, Sight
from mocha_actors.events.recording import happening, message, moment_ms
from mocha_actors.privacy.audit import entries

NOON = datetime(2024, 3, 4, 12, tzinfo=UTC)
"""A Monday; all time is asked about, so that no test depends on when it runs."""

GUILD, OPEN, STAFF, OLD, THREAD, CATEGORY = 100, 50, 51, 52, 53, 60
ADA, BOB, ROBOT = 7001, 7002, 7003
OPEN_PLACE, STAFF_PLACE = Place(OPEN, CATEGORY, ()), Place(STAFF, None, ())

EVERYTHING = Sight(everything=True, places=(OPEN_PLACE, STAFF_PLACE))
SOME = Sight(everything=False, places=(OPEN_PLACE,))
NOTHING = Sight(everything=False, places=())

CHANNELS = [(OPEN, 0, "open"), (STAFF, 0, "staff-*secret*"), (OLD, 0, "old")]


def past() -> list[Any]:
    """Ada writes three times in the open and five times among the staff, Bob twice in the open, and somebody in a channel that is gone."""
    write = partial(message, guild_id=GUILD)
    described = {
        "id": GUILD,
        "name": "**Here**",
        "owner_id": 9,
        "member_count": 3,
        "members": [],
        "threads": [],
        "roles": [],
    }
    channels = [{"id": key, "type": kind, "name": name} for key, kind, name in CHANNELS]
    thread = {"id": THREAD, "type": 12, "name": "private", "parent_id": OPEN, "guild_id": GUILD}
    return [
        happening("GUILD_CREATE", {**described, "channels": channels}, NOON),
        happening("THREAD_CREATE", thread, NOON),
        *(write(NOON + timedelta(minutes=n), channel_id=OPEN, user_id=ADA, username="ada_*l*") for n in range(3)),
        *(write(NOON + timedelta(minutes=10 + n), channel_id=STAFF, user_id=ADA, username="ada_*l*") for n in range(5)),
        *(write(NOON + timedelta(minutes=20 + n), channel_id=OPEN, user_id=BOB, username="bob") for n in range(2)),
        write(NOON + timedelta(minutes=30), channel_id=OLD, user_id=BOB, username="bob"),
        *(write(NOON + timedelta(minutes=40 + n), channel_id=OPEN, user_id=ROBOT, username="robot", bot=True) for n in range(7)),
        happening("CHANNEL_DELETE", {"id": OLD, "type": 0, "name": "old", "guild_id": GUILD}, NOON + timedelta(hours=1)),
    ]  # fmt: skip


@pytest.fixture
def inline(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """The database is asked without threads, and no time passes but by waiting."""
    monkeypatch.setattr(client, "open_store", partial(open_store, inline=True))
    monkeypatch.setattr(client, "open_readers", partial(open_readers, inline=True))
    return autojump_clock


pytestmark = pytest.mark.usefixtures("inline")


@asynccontextmanager
async def recorded(folder: Path, **sections: Any) -> AsyncIterator[StatsClient]:
    """Statistics of :func:`past`."""
    config = Config(database=DatabaseSection(url=f"sqlite:///{folder}/mocha.db"), **sections)
    async with StatsClient.open(config, gateway=False) as stats:
        report = await stats.record(past())
        assert report.refused == 0
        yield stats


def asked(command: str, sight: Sight = EVERYTHING, **choices: Any) -> Asked:
    """A question of Ada's about all time."""
    return Asked(
        command=command, guild_id=GUILD, place="**Here**", user_id=ADA, sight=sight, period="all_time",
        attachment_bytes=1 << 20, **choices,
    )  # fmt: skip


async def told(stats: StatsClient, command: str, sight: Sight = EVERYTHING, **choices: Any) -> Reply:
    """What such a question is answered."""
    return await answer(stats, asked(command, sight, **choices), now_s=1_000.0)


def numbers(reply: Reply) -> dict[str, str]:
    """The fields of a reply."""
    return {field.name: field.value for field in reply.fields}


async def test_who_sees_everything_is_told_everything(tmp_path: Path) -> None:
    """Deleted channels included, bots only if asked for."""
    async with recorded(tmp_path) as stats:
        server = await told(stats, "stats server")
        robots = await told(stats, "stats server", include_bots=True)
    assert numbers(server)["Messages"] == "11"
    assert numbers(robots)["Messages"] == "18"
    assert server.title == r"\*\*Here\*\*"
    assert server.footer.startswith("All time up to ")
    assert robots.footer.endswith("(UTC) · bots included")


async def test_numbers_hold_nothing_of_channels_that_are_hidden(tmp_path: Path) -> None:
    """Neither counts, nor ranks, nor times; and the footer says so."""
    async with recorded(tmp_path) as stats:
        server = await told(stats, "stats server", SOME)
        ada = await told(stats, "stats user", SOME)
        bob = await told(stats, "stats user", SOME, target_user_id=BOB)
        channel = await told(stats, "stats channel", SOME, target=Target(OPEN, OPEN))
    for reply, expected in [
        (server, {"Messages": "5", "Active channels": "1"}),
        (ada, {"Messages": "3", "Rank by messages": "1 of 2", "Last message here": "2024-03-04 12:02"}),
        (bob, {"Messages": "2", "Rank by messages": "2 of 2"}),
        (channel, {"Messages": "5", "Share of messages": "100.0%", "Rank by messages": "1 of 1"}),
    ]:
        assert expected.items() <= numbers(reply).items()
        assert "channels that you can see" in reply.footer


async def test_rankings_leave_hidden_channels_out(tmp_path: Path) -> None:
    """Members rank by what they wrote where it can be seen; channels that are hidden, or gone, are not listed."""
    async with recorded(tmp_path) as stats:
        board = await told(stats, "leaderboard", SOME)
        channels = await told(stats, "leaderboard", SOME, of="channels")
        heat = await told(stats, "heatmap", SOME)
        whole = await told(stats, "leaderboard", of="channels")
    assert board.description.splitlines() == ["**1.** <@7001>: 3", "**2.** <@7002>: 2", "2 of 2 members"]
    assert channels.description.splitlines() == ["**1.** <#50>: 5 (100.0%)", "1 of 1 channels"]
    assert numbers(heat)["Busiest hours, on average"].startswith("Mon 12:00")
    assert whole.description.splitlines()[:3] == [
        "**1.** <#50>: 5 (45.5%)", "**1.** <#51>: 5 (45.5%)", "**3.** old (deleted): 1 (9.1%)",
    ]  # fmt: skip


async def test_a_channel_that_is_hidden_is_refused(tmp_path: Path) -> None:
    """Also a thread of it, and a private thread of a channel that can be seen; the name is not told either."""
    async with recorded(tmp_path) as stats:
        for target, share, sentence in [
            (Target(STAFF, STAFF), False, HIDDEN),
            (Target(STAFF, STAFF), True, NOT_SHARED),
            (Target(999, None), False, HIDDEN),
            (None, False, HIDDEN),
            (Target(THREAD, STAFF), False, HIDDEN),
            (Target(THREAD, OPEN, private=True), False, HIDDEN),
            (Target(THREAD, OPEN, private=True, added=True), True, NOT_SHARED),
        ]:
            with pytest.raises(RefusedError) as caught:
                await told(stats, "stats channel", SOME, target=target, share=share)
            assert str(caught.value) == sentence, target


async def test_a_private_thread_is_answered_to_who_is_in_it(tmp_path: Path) -> None:
    """It was asked there, or by somebody who manages threads."""
    async with recorded(tmp_path) as stats:
        reply = await told(stats, "stats channel", SOME, target=Target(THREAD, OPEN, private=True, added=True))
    assert numbers(reply)["Messages"] == "0"


async def test_who_sees_no_channel_is_told_nothing(tmp_path: Path) -> None:
    """No channel at all would be no restriction."""
    async with recorded(tmp_path) as stats:
        for command in ("stats server", "stats user", "leaderboard", "heatmap"):
            for share, sentence in ((False, NOTHING_SEEN), (True, NOTHING_SHARED)):
                with pytest.raises(RefusedError) as caught:
                    await told(stats, command, NOTHING, share=share)
                assert str(caught.value) == sentence, command


async def test_what_the_guild_ignores_stays_ignored(tmp_path: Path) -> None:
    """Though a channel that a question names is counted even so: here the member names none."""
    both = Sight(everything=False, places=(OPEN_PLACE, STAFF_PLACE))
    async with recorded(tmp_path) as stats:
        await stats.set_guild(GUILD, ignore=(("channel", STAFF),))
        reply = await told(stats, "stats server", both)
        named = await told(stats, "stats channel", both, target=Target(STAFF, STAFF))
    assert numbers(reply)["Messages"] == "5"
    assert numbers(named)["Messages"] == "5"


async def test_markdown_in_names_shows_as_it_is(tmp_path: Path) -> None:
    """Of a member and of a channel; the chart has them as they are, since it is a picture."""
    async with recorded(tmp_path) as stats:
        member = await told(stats, "stats user")
        channel = await told(stats, "stats channel", target=Target(STAFF, STAFF))
    assert (member.title, member.description) == (r"ada\_\*l\*", "<@7001>")
    assert channel.title == r"staff-\*secret\*"
    assert member.chart is not None
    assert member.chart.title == "Messages of ada_*l* by month"


async def test_what_was_not_observed_is_said(tmp_path: Path) -> None:
    """A range in which recording had not begun, of a database that a gateway feeds."""
    async with recorded(tmp_path) as stats:
        assert stats.feed is not None
        stats.feed.ready(0)
        await stats.flush()
        reply = await told(stats, "stats server")
    assert "Recording began at " in numbers(reply)["Please note"]


async def test_growth_is_told_with_joins_and_leaves(tmp_path: Path) -> None:
    """Which no channel has anything to do with."""
    joined = {
        "guild_id": GUILD,
        "user": {"id": BOB, "username": "bob"},
        "joined_at": "2024-03-05T12:00:00+00:00",
        "roles": [],
    }
    async with recorded(tmp_path) as stats:
        await stats.record([happening("GUILD_MEMBER_ADD", joined, NOON + timedelta(days=1))])
        reply = await told(stats, "growth", NOTHING)
    assert (numbers(reply)["Joined"], numbers(reply)["Left"], numbers(reply)["Change"]) == ("1", "0", "+1")
    assert reply.chart is not None


async def test_nothing_in_a_period_is_a_sentence_and_no_empty_chart(tmp_path: Path) -> None:
    """Nobody spoke."""
    async with recorded(tmp_path) as stats:
        board = await told(stats, "leaderboard", metric="voice")
        heat = await told(stats, "heatmap", metric="voice")
    assert (board.description, board.chart) == ("Nobody was in voice in this period.", None)
    assert (heat.description, heat.chart) == ("Nobody was in voice in this period.", None)


async def test_what_cannot_be_chosen_is_refused(tmp_path: Path) -> None:
    """By a client that sends what it was not offered."""
    async with recorded(tmp_path) as stats:
        for choices in ({"metric": "nonsense"}, {"period": "nonsense"}):
            question = Asked(command="leaderboard", guild_id=GUILD, place="", user_id=ADA, sight=EVERYTHING, **choices)
            with pytest.raises(RefusedError, match="cannot be chosen"):
                await answer(stats, question, now_s=0.0)


async def test_opting_out_and_in_is_the_callers_own_and_noted_without_a_name(tmp_path: Path) -> None:
    """What Ada writes meanwhile is not recorded, what Bob writes is."""
    async with recorded(tmp_path) as stats:
        write = partial(message, guild_id=GUILD, channel_id=OPEN)
        out = await told(stats, "privacy opt-out")
        await stats.record([write(NOON + timedelta(hours=2), user_id=user) for user in (ADA, BOB)])
        back = await told(stats, "privacy opt-in")
        await stats.record([write(NOON + timedelta(hours=3), user_id=ADA)])
        board = await told(stats, "leaderboard")
        log = await stats.desk.read(entries)
    assert out.title == "You are not recorded any more"
    assert back.title == "You are recorded again"
    assert board.description.splitlines()[:2] == ["**1.** <@7001>: 9", "**2.** <@7002>: 4"]
    assert [(entry.actor, entry.action) for entry in log] == [
        ("a member by /privacy", "opt_in"), ("a member by /privacy", "opt_out"),
    ]  # fmt: skip


async def test_an_export_is_the_callers_data_as_a_file(tmp_path: Path) -> None:
    """It is noted that there was one, and not whose."""
    async with recorded(tmp_path) as stats:
        reply = await told(stats, "privacy export", target_user_id=BOB)
        log = await stats.desk.read(entries)
    assert reply.attached is not None
    data = json.loads(reply.attached.content)
    assert (data["user_id"], len(data["messages"])) == (str(ADA), 8)
    assert [(entry.actor, entry.action, entry.detail) for entry in log] == [
        ("a member by /privacy", "read_user_data", "")
    ]


async def test_an_export_that_is_too_large_says_whom_to_ask(tmp_path: Path) -> None:
    """With the command that the operator needs."""
    async with recorded(tmp_path) as stats:
        small = Asked(command="privacy export", guild_id=GUILD, place="", user_id=ADA, sight=SOME, attachment_bytes=100)
        reply = await answer(stats, small, now_s=0.0)
    assert reply.attached is None
    assert "`mocha user-data --user 7001`" in reply.description


async def test_forgetting_asks_first_and_then_erases(tmp_path: Path) -> None:
    """Nothing is changed by the question; afterwards the messages are still counted, of somebody whom nobody knows."""
    async with recorded(tmp_path) as stats:
        question = await told(stats, "privacy forget")
        before = await told(stats, "leaderboard")
        done = await erase(stats, ADA)
        after = await told(stats, "leaderboard")
        export = await told(stats, "privacy export")
        log = await stats.desk.read(entries)
    assert [button.label for button in question.buttons] == ["Erase everything", "Keep it"]
    assert before.description.splitlines()[0] == "**1.** <@7001>: 8"
    assert done.title == "Your data are erased"
    assert "a search of every table finds nothing" in done.description
    assert after.description.splitlines()[0].startswith("**1.** somebody (")
    assert after.description.splitlines()[0].endswith("): 8")
    assert export.attached is not None
    assert json.loads(export.attached.content)["messages"] == []
    erased = [entry for entry in log if entry.action == "forget"]
    assert [(entry.actor, str(ADA) in entry.detail.split()) for entry in erased] == [("a member by /privacy", False)]


async def test_who_stands_under_a_pseudonym_is_not_looked_up(tmp_path: Path) -> None:
    """That would say whose the pseudonym is; a leaderboard names nobody then."""
    async with recorded(tmp_path, privacy=PrivacySection(anonymise=True)) as stats:
        with pytest.raises(RefusedError, match=PSEUDONYMS.split(",", maxsplit=1)[0]):
            await told(stats, "stats user")
        board = await told(stats, "leaderboard")
        export = await told(stats, "privacy export")
    assert board.description.splitlines()[0].startswith("**1.** somebody (")
    assert export.attached is not None
    assert len(json.loads(export.attached.content)["messages"]) == 8


def among_the_staff() -> list[Any]:
    """Two hours later, in channels that not everybody sees: messages, voice and reactions of Ada and Bob."""
    begin, voice = NOON + timedelta(hours=2), 54
    write = partial(message, guild_id=GUILD, channel_id=STAFF, user_id=ADA, username="ada_*l*")

    def member(user: int) -> dict[str, Any]:
        return {
            "user": {"id": user, "username": "ada_*l*" if user == ADA else "bob"},
            "roles": [],
            "joined_at": "2024-01-01T00:00:00+00:00",
        }

    def speaking(user: int, channel: int | None, minute: int) -> Any:
        state = {"guild_id": GUILD, "channel_id": channel, "user_id": user, "session_id": "s", "member": member(user)}
        flags = dict.fromkeys(("deaf", "mute", "self_deaf", "self_mute", "self_video", "suppress"), False)
        return happening("VOICE_STATE_UPDATE", {**state, **flags}, begin + timedelta(minutes=minute))

    def reacting(user: int, to: int, minute: int) -> Any:
        at = begin + timedelta(minutes=minute)
        key = {"user_id": user, "channel_id": STAFF, "message_id": from_time_ms(moment_ms(at), 5), "guild_id": GUILD}
        said = {"emoji": {"id": None, "name": "x"}, "message_author_id": to, "member": member(user)}
        return happening("MESSAGE_REACTION_ADD", {**key, **said}, at)

    return [
        happening("CHANNEL_CREATE", {"id": voice, "type": 2, "name": "v", "guild_id": GUILD}, begin),
        speaking(ADA, voice, 1), speaking(BOB, voice, 1), speaking(ADA, None, 17), speaking(BOB, None, 18),
        reacting(ADA, BOB, 30), reacting(BOB, ADA, 31), *(write(begin + timedelta(minutes=40 + n)) for n in range(4)),
    ]  # fmt: skip


async def test_nothing_that_happens_in_hidden_channels_changes_any_answer(tmp_path: Path) -> None:
    """To whom they are hidden: titles, texts and fields of every command are word for word what they were."""
    commands = [
        *(("stats user", {"target_user_id": user}) for user in (ADA, BOB)),
        *((name, {"metric": metric}) for name in ("leaderboard", "heatmap") for metric in ("messages", "voice")),
        ("leaderboard", {"of": "channels"}), ("stats server", {}), ("growth", {}), ("stats channel", {"target": Target(OPEN, OPEN)}),
    ]  # fmt: skip

    async def all_of_it() -> list[tuple[object, ...]]:
        replies = [await told(stats, name, SOME, **choices) for name, choices in commands]
        return [(reply.title, reply.description, reply.fields) for reply in replies]

    async with recorded(tmp_path) as stats:
        before = await all_of_it()
        report = await stats.record(among_the_staff())
        assert report.refused == 0
        assert await all_of_it() == before
        assert numbers(await told(stats, "stats server", EVERYTHING))["Messages"] == "15"


async def test_a_channel_that_is_ignored_has_a_share_of_what_it_and_the_others_hold(tmp_path: Path) -> None:
    """Fifty-five of fifty-eight messages of people in what a member sees, not eleven times all that is counted."""
    more = [
        message(NOON + timedelta(minutes=100 + n), guild_id=GUILD, channel_id=STAFF, user_id=ADA) for n in range(50)
    ]
    both = Sight(everything=False, places=EVERYTHING.places)
    async with recorded(tmp_path) as stats:
        await stats.record(more)
        await stats.set_guild(GUILD, ignore=(("channel", STAFF),))
        share = numbers(await told(stats, "stats channel", both, target=Target(STAFF, STAFF)))["Share of messages"]

    assert share == f"{55 / (55 + 5):.1%}"


async def test_a_thread_that_is_ignored_counts_for_nobody(tmp_path: Path) -> None:
    """Its channel is named where a member sees only some; that does not bring the thread back."""
    more = [message(NOON + timedelta(minutes=50 + n), guild_id=GUILD, channel_id=THREAD, user_id=ADA) for n in range(6)]
    async with recorded(tmp_path) as stats:
        await stats.record(more)
        before = numbers(await told(stats, "stats server", SOME))["Messages"]
        await stats.set_guild(GUILD, ignore=(("channel", THREAD),))
        after = numbers(await told(stats, "stats server", SOME))["Messages"]

    assert (before, after) == ("11", "5")


async def test_a_heatmap_of_all_time_averages_over_the_weeks_since_the_first_message(tmp_path: Path) -> None:
    """And not over those since 2015; a hundred messages in the same hour of four weeks are a hundred an hour, or a few less by the hours to come."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=28)
    sent = [
        message(hour + timedelta(days=7 * week, seconds=n), guild_id=GUILD + 1, channel_id=OPEN, user_id=ADA, number=week)
        for week in range(4) for n in range(100)
    ]  # fmt: skip
    async with recorded(tmp_path) as stats:
        await stats.record(sent)
        cells = (await stats.heatmap(GUILD + 1, period="all_time")).cells

    [busy] = [cell for cell in cells if cell.value]
    assert (busy.value, 4 <= busy.hours <= 5) == (400, True)
    assert sum(cell.hours for cell in cells) <= 28 * 24 + 1
