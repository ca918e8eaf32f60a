"""Rules of `mocha_actors.simulator.recount`. Every expected number is worked out by hand from the rules of its docstring."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mocha_actors.simulator.recount as recount_module
from mocha_actors.simulator import recount_members, recount_talk
from mocha_actors.simulator.recount import Truth, recount

GUILD, CHANNEL, USER, APPLICATION, HOOK = 500, 600, 700, 800, 900

MIDNIGHT_MS = 20_000 * 86_400_000
"""The first millisecond of day number 20000 (2024-10-04 UTC), which is hour number 480000."""


def snowflake(after_midnight_ms: int, low: int = 0) -> int:
    """Make the id of a moment near midnight."""
    return (MIDNIGHT_MS + after_midnight_ms - 1_420_070_400_000) << 22 | low


def message(after_midnight_ms: int = 0, low: int = 0, **fields: Any) -> dict[str, Any]:
    """Make the `d` of a message by a person; a field of None is left out."""
    common = {
        "id": str(snowflake(after_midnight_ms, low)),
        "guild_id": str(GUILD),
        "channel_id": str(CHANNEL),
        "author": {"id": str(USER)},
        "type": 0,
    }
    return {key: value for key, value in (common | fields).items() if value is not None}


def write(path: Path, *entries: tuple[str, int, str, Any]) -> Path:
    """Write a ledger of (session, number, name, data)."""
    lines = [
        json.dumps({"at": 1.0, "shard": 0, "session": session, "frame": {"t": name, "s": seq, "op": 0, "d": data}})
        for session, seq, name, data in entries
    ]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def count(tmp_path: Path, *messages: dict[str, Any]) -> Truth:
    """Recount a ledger of these messages."""
    return recount(write(tmp_path / "l", *(("a", seq, "MESSAGE_CREATE", each) for seq, each in enumerate(messages, 1))))


def test_a_small_ledger_is_counted_by_user_channel_and_guild(tmp_path: Path) -> None:
    """Two people in two channels around midnight: each sum has the numbers that one counts on one's fingers."""
    truth = count(
        tmp_path,
        message(-1, author={"id": "1"}),
        message(0, author={"id": "1"}),
        message(1, author={"id": "1"}, channel_id="601"),
        message(2, author={"id": "2"}, type=19),
        message(3_600_000, author={"id": "2"}),
    )

    assert truth.user_day == {
        (GUILD, 1, 19_999, 0, 0): 1,
        (GUILD, 1, 20_000, 0, 0): 2,
        (GUILD, 2, 20_000, 0, 0): 2,
    }
    assert truth.channel_hour == {
        (GUILD, CHANNEL, 479_999, 0, 0): 1,
        (GUILD, CHANNEL, 480_000, 0, 0): 2,
        (GUILD, 601, 480_000, 0, 0): 1,
        (GUILD, CHANNEL, 480_001, 0, 0): 1,
    }
    assert truth.guild_hour == {
        (GUILD, 479_999, 0, 0): 1,
        (GUILD, 480_000, 0, 0): 3,
        (GUILD, 480_001, 0, 0): 1,
    }
    assert truth.messages_per_guild() == {GUILD: 5}
    assert truth.raw[GUILD, snowflake(1)] == (601, 1, 0, 0)


@pytest.mark.parametrize(
    ("fields", "author_class", "kind"),
    [
        ({}, 0, 0),
        ({"type": 19}, 0, 0),
        ({"author": {"id": str(USER), "bot": False}}, 0, 0),
        ({"author": {"id": str(USER), "bot": True}}, 1, 0),
        ({"author": {"id": str(USER), "bot": True}, "application_id": str(APPLICATION)}, 1, 0),
        ({"type": 20, "webhook_id": str(APPLICATION), "application_id": str(APPLICATION)}, 1, 1),
        ({"type": 23, "author": {"id": str(USER), "bot": True}}, 1, 1),
        ({"type": 0, "webhook_id": str(APPLICATION), "application_id": str(APPLICATION)}, 1, 0),
        ({"webhook_id": str(HOOK)}, 2, 0),
        ({"webhook_id": str(HOOK), "application_id": str(APPLICATION)}, 2, 0),
        ({"webhook_id": str(HOOK), "author": {"id": str(HOOK), "bot": True}}, 2, 0),
        ({"type": 20, "webhook_id": str(HOOK), "application_id": str(APPLICATION)}, 2, 1),
        ({"type": 7}, 0, 2),
        ({"type": 18}, 0, 2),
        ({"type": 21}, 0, 2),
        ({"type": 4711}, 0, 2),
    ],
)
def test_author_class_and_kind(tmp_path: Path, fields: dict[str, Any], author_class: int, kind: int) -> None:
    """Bots, webhooks and interaction replies are told apart by ids, kinds by the type; unknown types are of the system."""
    (row,) = count(tmp_path, message(**fields)).raw.values()
    assert row[2:] == (author_class, kind)


def test_messages_of_the_system_are_rows_and_nothing_else(tmp_path: Path) -> None:
    """Joins and pins stand among the raw rows, and in no sum."""
    truth = count(tmp_path, message(type=7))
    assert (len(truth.raw), truth.user_day, truth.channel_hour, truth.guild_hour) == (1, {}, {}, {})


def test_webhooks_are_in_no_sum_of_users(tmp_path: Path) -> None:
    """A webhook is not a member: channels and guilds count it, users do not."""
    truth = count(tmp_path, message(webhook_id=str(HOOK), author={"id": str(HOOK)}))
    assert truth.user_day == {}
    assert truth.channel_hour == {(GUILD, CHANNEL, 480_000, 2, 0): 1}
    assert truth.guild_hour == {(GUILD, 480_000, 2, 0): 1}


def test_direct_messages_are_not_counted(tmp_path: Path) -> None:
    """Without a guild there is no row."""
    assert count(tmp_path, message(guild_id=None)).raw == {}


def test_a_replay_counts_once(tmp_path: Path) -> None:
    """The same number of the same session is the same dispatch, whether the line says `replay` or not."""
    path = write(tmp_path / "l", ("a", 1, "MESSAGE_CREATE", message()), ("a", 1, "MESSAGE_CREATE", message()))
    truth = recount(path)
    assert (truth.dispatches, truth.guild_hour) == (1, {(GUILD, 480_000, 0, 0): 1})


def test_a_message_that_two_sessions_got_counts_once(tmp_path: Path) -> None:
    """Two sessions of a shard both get every event; the message is one."""
    path = write(tmp_path / "l", ("a", 1, "MESSAGE_CREATE", message()), ("b", 1, "MESSAGE_CREATE", message()))
    truth = recount(path)
    assert (truth.dispatches, truth.guild_hour) == (2, {(GUILD, 480_000, 0, 0): 1})


def test_other_dispatches_are_no_messages(tmp_path: Path) -> None:
    """READY and its like are dispatches, and no rows."""
    truth = recount(write(tmp_path / "l", ("a", 1, "READY", {"guilds": []}), ("a", 2, "MESSAGE_CREATE", message())))
    assert (truth.dispatches, len(truth.raw)) == (2, 1)


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """It was never sent: a line is written before its frame."""
    path = write(tmp_path / "l", ("a", 1, "MESSAGE_CREATE", message()))
    path.write_bytes(path.read_bytes() + b'{"at":1.0,"sha')
    assert recount(path).dispatches == 1


def test_a_client_that_does_not_read_messages_knows_nothing_of_their_text(tmp_path: Path) -> None:
    """Discord shows a bot what it wrote itself, but one without the intent looks at no text: unknown, and not 0 or 2 words."""
    own = message(content="two words", interaction_metadata={"user": {"id": "7"}})
    path = write(tmp_path / "l", ("a", 1, "MESSAGE_CREATE", own))
    [reading] = recount(path).talk.details.values()
    index = path.with_name("l.sessions")
    index.write_text('{"event":"opened","session":"a","intents":1665}\n{"event":"ope')
    [not_reading] = recount(path).talk.details.values()

    assert (0, 0, 0, 0, 9, 2, 7, None, 0) == reading
    assert (0, None, None, None, None, None, 7, None, 0) == not_reading


@pytest.mark.parametrize("line", ["hello", "[]", '{"at":1.0}'])
def test_a_line_of_something_else_is_named(tmp_path: Path, line: str) -> None:
    """A file that is no ledger must not look like an empty one."""
    path = write(tmp_path / "l", ("a", 1, "MESSAGE_CREATE", message()))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match="line 2 of .* is not a line of a ledger"):
        recount(path)


@pytest.mark.parametrize("module", [recount_module, recount_members, recount_talk])
def test_the_oracle_imports_nothing_of_mocha_but_itself(module: ModuleType) -> None:
    """It could not disagree with code that it shares."""
    assert module.__file__ is not None
    imports = [line for line in Path(module.__file__).read_text().splitlines() if line.startswith(("import", "from"))]

    assert [line for line in imports if "mocha_actors" in line and "mocha_actors.simulator.recount_" not in line] == []
