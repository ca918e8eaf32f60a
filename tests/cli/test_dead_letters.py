"""`mocha dead-letters` and `mocha verify --repair` as a person uses them, without a service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from mocha_actors.db.session import Session
from tests.db.builders import message, open_session
from tests.privacy.recorded import count, record
from tests.privacy.test_letters import letter, store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "mocha.db"


@pytest.fixture
def session(path: Path) -> Iterator[Session]:
    """A database with a message and two dead letters."""
    with open_session(path) as session:
        record(session, iter([message(9)]))
        store(session, letter(), letter("VOICE_STATE_UPDATE"))
        yield session


def run(path: Path, *arguments: str) -> Result:
    """Run ``mocha`` on the database."""
    return CliRunner().invoke(mocha, [*arguments, "--database", str(path)])


def test_the_list_says_what_can_be_tried_again(path: Path, session: Session) -> None:
    """Newest first; reading it is noted."""
    done = run(path, "dead-letters", "list", "--json")

    assert done.exit_code == 0, done.output
    listed = json.loads(done.stdout)
    assert [(each["id"], each["type"], each["retry"] == "yes") for each in listed] == [
        (2, "VOICE_STATE_UPDATE", False),
        (1, "MESSAGE_CREATE", True),
    ]
    assert "MESSAGE_CREATE" in run(path, "dead-letters", "list").stdout
    assert count(session, "SELECT COUNT(*) FROM audit_log WHERE action = 'read_dead_letters'") == 2


def test_one_is_shown_with_its_event_and_without_content(path: Path, session: Session) -> None:
    """As JSON."""
    shown = json.loads(run(path, "dead-letters", "show", "1").stdout)

    assert shown["payload"]["t"] == "MESSAGE_CREATE"
    assert "content" not in shown["payload"]["d"]


def test_one_that_is_not_there_is_one_line(path: Path, session: Session) -> None:
    """With exit code 2."""
    done = run(path, "dead-letters", "show", "77")

    assert (done.exit_code, done.stderr) == (2, "mocha: there is no dead letter 77\n")


def test_they_are_tried_again_and_dropped(path: Path, session: Session) -> None:
    """The one that cannot be is kept, with the reason, until it is dropped."""
    retried = run(path, "dead-letters", "retry", "--all")
    dropped = run(path, "dead-letters", "drop", "2")

    assert retried.stdout.startswith("1 dead letter recorded, 1 kept\n2 is kept: what VOICE_STATE_UPDATE means depends")
    assert dropped.stdout == "1 dead letter dropped\n"
    assert count(session, "SELECT COUNT(*) FROM dead_letters") == 0
    assert count(session, "SELECT COUNT(*) FROM message_events") == 2


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
def test_which_ones_must_be_said_in_one_way(path: Path, session: Session, arguments: tuple[str, ...]) -> None:
    """Nothing is dropped by a slip."""
    done = run(path, "dead-letters", "drop", *arguments)

    assert (done.exit_code, done.stderr) == (2, "mocha: give the ids of dead letters, or --all\n")
    assert count(session, "SELECT COUNT(*) FROM dead_letters") == 2


def test_a_wrong_number_is_found_repaired_and_found_right(path: Path, session: Session) -> None:
    """The exit code tells how it ended."""
    with session.transaction() as connection:
        connection.execute("UPDATE user_day SET sent = 5")

    assert run(path, "verify").exit_code == 1
    repaired = run(path, "verify", "--repair")

    assert repaired.exit_code == 0, repaired.output
    assert "1 row of 1 table and day built anew" in repaired.stdout
    assert run(path, "verify").exit_code == 0
    assert count(session, "SELECT COUNT(*) FROM audit_log WHERE action = 'repair'") == 1


def test_a_ledger_is_no_measure_for_a_repair(path: Path, session: Session, tmp_path: Path) -> None:
    """It is refused before anything is read."""
    done = run(path, "verify", "--repair", "--ledger", str(tmp_path / "none.jsonl"))

    assert done.exit_code == 2
    assert "leave out --ledger" in done.stderr
