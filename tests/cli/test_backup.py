"""`mocha backup` and `mocha restore`: what was erased after the back-up stays erased."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mocha_actors.cli.main import mocha
from tests.db.builders import message, open_session
from tests.db.test_integrity import damage
from tests.privacy.recorded import assert_verified, count, record

ADA, BOB, EVE = 612_345_678_901_234_567, 612_345_678_901_234_568, 612_345_678_901_234_569


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with a message of each of three users."""
    path = tmp_path / "mocha.db"
    write(path, ADA, BOB, EVE)
    return path


@pytest.fixture
def saved(path: Path, tmp_path: Path) -> Path:
    """Its back-up."""
    target = tmp_path / "saved.db"
    done = run(path, "backup", str(target))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{target}: ")
    return target


def write(path: Path, *users: int) -> None:
    """Record a message of each user."""
    with open_session(path) as session:
        record(session, iter([message(user % 100 + n, user=user, username="ada") for n, user in enumerate(users)]))


def run(path: Path, *arguments: str) -> Result:
    """Run ``mocha`` on the database."""
    return CliRunner().invoke(mocha, [*arguments, "--database", str(path)])


def rows_of(path: Path, user: int) -> int:
    """How many rows name a user."""
    with open_session(path) as session:
        return count(session, "SELECT COUNT(*) FROM user_day WHERE user_id = ?", user) + count(
            session, "SELECT COUNT(*) FROM users WHERE id = ?", user
        )


def test_a_restored_backup_is_as_it_was_and_the_other_is_kept(path: Path, saved: Path) -> None:
    """Under the name that is printed."""
    write(path, ADA + 77)

    done = run(path, "restore", str(saved))

    assert done.exit_code == 0, done.output
    assert "is restored from" in done.stdout
    assert (rows_of(path, ADA), rows_of(path, ADA + 77)) == (2, 0)
    aside = path.with_name("mocha.db.replaced-1")
    assert f"what was there before is {aside}" in done.stdout
    assert rows_of(aside, ADA + 77) == 2
    assert_verified(f"sqlite:///{path}")


def test_who_was_erased_after_the_backup_is_erased_again(path: Path, saved: Path) -> None:
    """The back-up was made before there was any opt-out list, and even any key for it."""
    run(path, "forget", "--user", str(BOB), "--yes")
    assert rows_of(saved, BOB) == 2

    done = run(path, "restore", str(saved))

    assert "1 user erased again" in done.stdout, done.output
    assert (rows_of(path, ADA), rows_of(path, BOB), rows_of(path, EVE)) == (2, 0, 2)
    with open_session(path) as session:
        assert count(session, "SELECT COUNT(*) FROM opt_outs") == 1
        record(session, iter([message(99, user=BOB)]))
        assert count(session, "SELECT COUNT(*) FROM message_events") == 3
    assert_verified(f"sqlite:///{path}")


def test_who_was_on_the_list_before_is_not_searched_for_again(path: Path, tmp_path: Path) -> None:
    """Only what is new of it is done, by the same key."""
    run(path, "forget", "--user", str(EVE), "--yes")
    run(path, "backup", str(tmp_path / "later.db"))
    run(path, "forget", "--user", str(BOB), "--yes")

    done = run(path, "restore", str(tmp_path / "later.db"))

    assert "1 user erased again" in done.stdout, done.output
    assert (rows_of(path, ADA), rows_of(path, BOB), rows_of(path, EVE)) == (2, 0, 0)


def test_a_restore_of_another_database_is_refused(path: Path, tmp_path: Path) -> None:
    """Its list would tell nothing about these users."""
    other = tmp_path / "other.db"
    write(other, ADA)
    for database in (path, other):
        run(database, "forget", "--user", str(EVE), "--yes")

    done = run(path, "restore", str(other))

    assert (done.exit_code, "is of another database" in done.stderr) == (2, True)
    assert rows_of(path, BOB) == 2


def test_a_damaged_database_is_replaced_only_if_that_is_said(path: Path, saved: Path) -> None:
    """Its list cannot be read, so who was erased since would be back."""
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)

    refused = run(path, "restore", str(saved))
    done = run(path, "restore", str(saved), "--without-opt-outs")

    assert (refused.exit_code, "see --without-opt-outs" in refused.stderr) == (1, True)
    assert done.exit_code == 0, done.output
    assert rows_of(path, BOB) == 2


def corrupt(saved: Path) -> None:
    """Damage a back-up."""
    damage(saved)


def remove(saved: Path) -> None:
    """Lose it."""
    saved.unlink()


@pytest.mark.parametrize("harm", [corrupt, remove])
def test_a_backup_that_cannot_be_used_leaves_everything_as_it_was(
    path: Path, saved: Path, harm: Callable[[Path], None]
) -> None:
    """One line, and the database is still there."""
    harm(saved)

    done = run(path, "restore", str(saved))

    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert rows_of(path, BOB) == 2
    assert not path.with_name("mocha.db.replaced-1").exists()


def test_a_backup_is_noted_in_the_audit_log(path: Path, saved: Path) -> None:
    """It gives somebody everything."""
    with open_session(path) as session:
        assert count(session, "SELECT COUNT(*) FROM audit_log WHERE action = 'read_backup'") == 1


def test_in_anonymised_mode_the_erasures_are_left_to_a_person(
    path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can be told by a hash of a hash; the command says so."""
    monkeypatch.setenv("MOCHA_PRIVACY__ANONYMISE", "true")

    assert "must be erased again by mocha forget" in run(path, "restore", str(saved)).stdout


def test_files_are_named_relative_to_the_current_directory(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with any other command: to be copied to, and to be restored."""
    monkeypatch.chdir(tmp_path)

    done = [run(path, name, "copy.db") for name in ("backup", "restore")]

    assert [0, 0] == [result.exit_code for result in done], done
    assert (tmp_path / "copy.db").is_file()
