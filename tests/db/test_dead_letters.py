"""Dead letters as rows."""

from __future__ import annotations

from mocha_actors.db import dead_letters
from mocha_actors.discord.events import UndecodableEvent
from mocha_actors.pipeline.batch import Batch, DeadLetter
from tests.db.builders import NOON_MS, event, unsettled


def test_the_row_names_the_event_the_reason_and_the_user() -> None:
    """Everything by which it can be found again, and forgotten."""
    batch = unsettled(5, 2)
    letter = DeadLetter("invalid", "no channel", b'{"d":{"author":{"id":"77"}}}')

    assert dead_letters.row_of(batch, 1, letter) == (
        0, 6, "MESSAGE_CREATE", "invalid", "no channel", b'{"d":{"author":{"id":"77"}}}', NOON_MS, 77,
    )  # fmt: skip


def test_a_long_error_is_cut_and_made_writable() -> None:
    """A lone surrogate in it would make the dead letter itself unwritable."""
    batch = Batch(0, "session-1", [UndecodableEvent("MESSAGE\ud800", 1, "", b"")], received_at=0, received_ms=0, size=0)
    row = dead_letters.row_of(batch, 0, DeadLetter("undecodable", "\ud800" + "x" * 5000))

    assert row[2] == "MESSAGE\\ud800"
    assert row[4] == "\\ud800" + "x" * 999


def test_an_unwritable_event_keeps_its_redacted_payload() -> None:
    """The error says what the database said."""
    letter = dead_letters.unwritable(event(3), OverflowError("too large"))

    assert (letter.reason, letter.error) == ("unwritable", "OverflowError: too large")
    assert letter.payload.startswith(b'{"t":"MESSAGE_CREATE","s":3')


def test_an_undecodable_event_that_is_unwritable_is_redacted() -> None:
    """Its frame holds content (P9)."""
    letter = dead_letters.unwritable(UndecodableEvent("X", 1, "bad", b'{"content":"secret"}'), ValueError("x"))

    assert letter.payload == b"{}"
