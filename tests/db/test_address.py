"""Addresses of databases, and what is said about bad ones."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mocha_actors.db.address import database_address, database_path, local_path, prepare, require_database
from mocha_actors.db.errors import DatabaseOpenError
from mocha_actors.errors import ConfigError


def test_three_slashes_begin_a_relative_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is relative to the current directory and made absolute at once."""
    monkeypatch.chdir(tmp_path)

    assert database_path("sqlite:///data/mocha.db") == tmp_path / "data" / "mocha.db"


def test_four_slashes_begin_an_absolute_path() -> None:
    """As in every other program with such addresses."""
    assert database_path("sqlite:////var/lib/mocha.db") == Path("/var/lib/mocha.db")


@pytest.mark.parametrize(
    "url", ["", "mocha.db", "sqlite:/x", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://x"]
)
def test_another_address_is_refused_with_what_is_allowed(url: str) -> None:
    """The sentence quotes what was found."""
    with pytest.raises(ConfigError, match="allowed is sqlite:///path/to/file.db"):
        database_path(url)


def test_the_address_of_a_server_shows_all_but_the_password() -> None:
    """In texts, reprs and the names of files (P9)."""
    address = database_address("postgresql://mocha:hunter2@db.example:5433/stats?sslmode=require&password=hunter2")

    assert str(address) == "postgresql://mocha@db.example:5433/stats"
    assert "hunter2" not in repr(address) + str(local_path(address))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://mocha:hunter2@localhost",
        "postgresql://mocha:hunter2@localhost/",
        "postgres://mocha:hunter2@localhost:x/stats",
        "postgresql://mocha:hunter2#x@localhost/stats",
        "postgresql://mocha:hunter2/x@localhost/stats",
        "mysql://mocha:hunter2@localhost/stats",
    ],
)
def test_a_wrong_address_of_a_server_is_refused_without_quoting_its_password(url: str) -> None:
    """Its file may be anybody's log (P9)."""
    with pytest.raises(ConfigError, match=r"database\.url") as caught:
        database_address(url)

    assert "hunter2" not in str(caught.value)


def test_what_belongs_beside_the_database_of_a_server_is_in_the_folder_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the default database; the name tells the databases of several servers apart."""
    monkeypatch.chdir(tmp_path)

    assert (
        local_path(database_address("postgresql://a@db:5/x?options=-csearch_path%3Dy"))
        == tmp_path / "data" / "a@db-5-x"
    )


def test_the_name_of_a_long_address_is_short_and_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket is named after it."""
    monkeypatch.chdir(tmp_path)
    first, second = (local_path(database_address(f"postgresql://a@{'h' * 200}.example/{name}")) for name in "xy")

    assert len(first.name) == len(second.name) == 60
    assert first != second


def test_a_new_database_is_private_and_so_is_one_that_was_not(path: Path) -> None:
    """Nobody but the owner can read it (P9); missing directories are made."""
    new = path.parent / "a" / "b" / "new.db"
    prepare(new)
    path.touch(mode=0o644)
    prepare(path)

    assert [stat.S_IMODE(each.stat().st_mode) for each in (new, path)] == [0o600, 0o600]


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    """A wrong path must not cost somebody a file."""
    path.write_text("my holiday diary")

    with pytest.raises(DatabaseOpenError, match="is not an SQLite database"):
        prepare(path)
    assert path.read_text() == "my holiday diary"


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    """The operating system's reason is part of the sentence."""
    with pytest.raises(DatabaseOpenError, match="Is a directory"):
        prepare(tmp_path)


def test_a_parent_that_is_a_file_is_refused(path: Path) -> None:
    """No directory can be made there."""
    path.touch()

    with pytest.raises(DatabaseOpenError, match="cannot be used"):
        prepare(path / "mocha.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_directory_without_write_permission_is_refused(path: Path) -> None:
    """SQLite needs it for its log."""
    path.touch()
    path.parent.chmod(0o500)
    try:
        with pytest.raises(DatabaseOpenError, match="not writable"):
            prepare(path)
    finally:
        path.parent.chmod(0o700)


def test_a_missing_database_is_not_created_by_looking(path: Path) -> None:
    """Readers need one that exists."""
    with pytest.raises(DatabaseOpenError, match="there is no database at"):
        require_database(path)
    assert not path.exists()
