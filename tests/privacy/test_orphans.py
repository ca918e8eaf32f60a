"""An orphaned spool is replayed by command, as far as it can still be right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from mocha_actors.db.session import Session
from mocha_actors.db.spool import OwnerRecord, Spool, record_of
from mocha_actors.pipeline.batch import IGNORED, DeadLetter
from mocha_actors.pipeline.facts import MessagesDeleted, VoiceChanged
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message, open_session, settled
from tests.privacy.recorded import assert_verified, count, record

FIRST, SECOND = message(1), message(2)
VOICE = VoiceChanged(GUILD, USER, CHANNEL, 0, 0, None, "ada", None, 0, NOON_MS, 0)
GONE = MessagesDeleted(GUILD, CHANNEL, (FIRST.message_id,), NOON_MS + 5, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "mocha.db"


@pytest.fixture
def orphan(path: Path) -> Path:
    """A spool with two messages, the deletion of one, somebody in voice, an event that counts for nothing and a dead letter."""
    orphan = path.with_name("mocha.db.spool.orphan-1")
    spool = Spool.open(orphan, 1 << 20)
    letter = DeadLetter("poison", "E: e", b"{}")
    spool.append([OwnerRecord(1), record_of(settled(2, [(FIRST,), (VOICE,), IGNORED, letter]))])
    spool.append([record_of(settled(6, [(SECOND,), (GONE,)]))])
    spool.close()
    return orphan


@pytest.fixture
def session(path: Path) -> Iterator[Session]:
    """The database, which somebody else recorded one of the messages into."""
    with open_session(path) as session:
        record(session, iter([SECOND]))
        yield session


def replay(path: Path, orphan: Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(mocha, ["spool", "replay", str(orphan), "--database", str(path)])


def test_what_can_be_right_is_recorded_once_and_the_rest_is_counted(path: Path, orphan: Path, session: Session) -> None:
    """The file gets another name, and the act is noted."""
    done = replay(path, orphan)

    assert done.exit_code == 0, done.output
    assert done.stdout == (
        "3 facts about messages recorded, 1 dead letter added; left out, since they depend on their neighbours: 1 VoiceChanged\n"
    )
    assert count(session, "SELECT COUNT(*) FROM message_events") == 2
    assert count(session, "SELECT SUM(sent) FROM guild_hour") == 2
    assert count(session, "SELECT SUM(deleted) FROM guild_hour") == 1
    assert count(session, "SELECT COUNT(*) FROM voice_events") == 0
    assert count(session, "SELECT COUNT(*) FROM dead_letters") == 1
    assert count(session, "SELECT COUNT(*) FROM audit_log WHERE action = 'replay_spool'") == 1
    assert [each.name for each in path.parent.glob("*orphan*")] == ["mocha.db.spool.orphan-1.replayed"]
    assert_verified(f"sqlite:///{path}")


def test_who_is_on_the_opt_out_list_by_now_is_not_recorded(path: Path, orphan: Path, session: Session) -> None:
    """The spool is older than the wish, which holds all the same."""
    done = CliRunner().invoke(mocha, ["forget", "--user", str(USER), "--yes", "--database", str(path)])
    assert done.exit_code == 0, done.output

    replay(path, orphan)

    assert count(session, "SELECT COUNT(*) FROM message_events WHERE user_id = ?", USER) == 0
    assert count(session, "SELECT COUNT(*) FROM message_events") == 1


@pytest.mark.parametrize("name", ["mocha.db.spool", "none.orphan-1"])
def test_what_is_no_orphan_is_refused(path: Path, session: Session, name: str) -> None:
    """The writer's own spool above all."""
    if name == "mocha.db.spool":
        Spool.open(path.with_name(name), 1 << 20).append([OwnerRecord(1)])

    done = replay(path, path.with_name(name))

    assert done.exit_code == 2
    assert "is no orphaned spool" in done.stderr
