"""Dead letters: tried again where it can be right, dropped, and noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mocha_actors.db.session import Session
from mocha_actors.discord.events import Message, MessageCreate, User
from mocha_actors.pipeline.facts import MessageSent
from mocha_actors.pipeline.redaction import redact
from mocha_actors.privacy.audit import entries
from mocha_actors.privacy.desk import open_desk
from mocha_actors.privacy.letters import Letter, NotRetriedError, drop, facts_of, newest, obstacle, retry
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message, open_session
from tests.privacy.recorded import count

SENT = message()


def create(**changes: Any) -> dict[str, Any]:
    """The data of a MESSAGE_CREATE as Discord sends it."""
    author = {"id": str(USER), "username": "ada"}
    return {"id": str(SENT.message_id), "channel_id": str(CHANNEL), "guild_id": str(GUILD), "type": 0, "content": "hi", "author": author} | changes  # fmt: skip


def frame(kind: str, data: Any) -> bytes:
    """A frame, redacted as it is stored."""
    return redact(json.dumps({"op": 0, "t": kind, "s": 5, "d": data}).encode())


def letter(kind: str = "MESSAGE_CREATE", payload: bytes | None = None) -> Letter:
    """A dead letter."""
    return Letter(1, 0, 5, kind, "poison", "E: e", frame(kind, create()) if payload is None else payload, NOON_MS)


@pytest.fixture
def url(database_url: str) -> str:
    """On SQLite and on PostgreSQL."""
    return database_url


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    """Another session with the database."""
    with open_session(url) as session:
        yield session


def store(session: Session, *letters: Letter) -> list[int]:
    """Write letters; returns their numbers."""
    with session.transaction() as connection:
        for each in letters:
            connection.execute(
                "INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (each.shard, each.seq, each.type, each.reason, each.error, each.payload, each.at_ms),
            )
        return [number for (number,) in connection.execute("SELECT id FROM dead_letters ORDER BY id").fetchall()]


def test_a_message_can_be_read_again_as_a_frame_and_as_it_was_decoded() -> None:
    """Both forms occur: of what could not be read, and of what a processor stumbled over."""
    decoded = MessageCreate(s=5, d=Message(SENT.message_id, CHANNEL, User(USER, "ada"), guild_id=GUILD))
    for payload in (frame("MESSAGE_CREATE", create()), redact(msgspec.json.encode(decoded))):
        (fact,) = facts_of(letter(payload=payload))
        assert isinstance(fact, MessageSent)
        assert (fact.guild_id, fact.message_id, fact.user_id) == (GUILD, SENT.message_id, USER)


@pytest.mark.parametrize(
    "kind", ["VOICE_STATE_UPDATE", "MESSAGE_REACTION_ADD", "GUILD_MEMBER_ADD", "MESSAGE_UPDATE", "GUILD_CREATE"]
)
def test_what_depends_on_its_neighbours_cannot_be_tried_again(kind: str) -> None:
    """The reason is given."""
    assert f"what {kind} means depends on the events before and after it" in obstacle(letter(kind))
    with pytest.raises(NotRetriedError):
        facts_of(letter(kind))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "nothing of the event was kept"),
        (redact(b"\xff no json"), "only a summary of the event was kept"),
        (frame("MESSAGE_CREATE", create(author=7)), "it still cannot be read"),
    ],
)
def test_what_was_not_kept_whole_or_is_wrong_cannot_be_tried_again(payload: bytes, reason: str) -> None:
    """Each with its reason."""
    with pytest.raises(NotRetriedError, match=reason):
        facts_of(letter(payload=payload))


async def test_what_is_recorded_is_dropped_and_the_rest_is_kept_with_its_reason(url: str, session: Session) -> None:
    """And the act is noted."""
    good, bad = store(session, letter(), letter("VOICE_STATE_UPDATE"))

    async with open_desk(url, inline=True) as desk:
        result = await retry(desk, None, actor="ada", now_ms=NOON_MS)

    assert (result.recorded, [number for number, _ in result.kept]) == (1, [bad])
    assert count(session, "SELECT COUNT(*) FROM message_events") == 1
    assert count(session, "SELECT SUM(sent) FROM user_day") == 1
    assert [count(session, "SELECT COUNT(*) FROM dead_letters WHERE id = ?", each) for each in (good, bad)] == [0, 1]
    with session.transaction() as connection:
        (entry,) = entries(connection)
    assert (entry.actor, entry.action, entry.detail) == ("ada", "retry_dead_letters", "1 recorded, 1 kept")


async def test_a_message_that_was_recorded_meanwhile_is_not_counted_twice(url: str, session: Session) -> None:
    """Its key tells."""
    store(session, letter(), letter())

    async with open_desk(url, inline=True) as desk:
        assert (await retry(desk, None, actor="ada", now_ms=NOON_MS)).recorded == 2

    assert count(session, "SELECT SUM(sent) FROM user_day") == 1


async def test_a_number_that_is_none_is_said(url: str, session: Session) -> None:
    """It may have been dropped, or have grown too old."""
    async with open_desk(url, inline=True) as desk:
        result = await retry(desk, [77], actor="ada", now_ms=NOON_MS)

    assert result.kept == ((77, "there is no such dead letter"),)


async def test_letters_are_dropped_by_number_or_all(url: str, session: Session) -> None:
    """The number that there were is returned; more than one piece of them too."""
    first, *others = store(session, *[letter()] * 1_203)

    async with open_desk(url, inline=True) as desk:
        assert await drop(desk, [first, first + 1_000_000], actor="ada", now_ms=NOON_MS) == 1
        assert await desk.read(lambda connection: [each.id for each in newest(connection, 2)]) == others[:-3:-1]
        assert await drop(desk, None, actor="ada", now_ms=NOON_MS) == 1_202

    assert count(session, "SELECT COUNT(*) FROM dead_letters") == 0
