"""Facts of every kind for the tests of this folder, and applying them as the writer does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mocha_actors.db.comparison import Verification
from mocha_actors.db.projections.base import Projection
from mocha_actors.db.projections.channels import ChannelProjection
from mocha_actors.db.projections.guilds import GuildProjection
from mocha_actors.db.projections.members import MemberProjection
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.projections.names import NameProjection
from mocha_actors.db.projections.reactions import ReactionProjection
from mocha_actors.db.recounts.base import Piece
from mocha_actors.db.recounts.registry import RECOUNTS
from mocha_actors.db.session import Session
from mocha_actors.db.verify import compare_all, next_piece, recount_piece
from mocha_actors.pipeline.facts import Fact, MemberJoined, MemberLeft, MembersSeen, Profile, ReactionAdded
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message

HOUR_MS = 3_600_000
DAY_MS = 86_400_000

TABLES = (
    "guilds", "member_counts", "channels", "members", "member_events", "member_hour", "member_removals", "users", "emojis",
    "message_events", "message_details", "user_day", "user_week", "channel_hour", "channel_day", "guild_hour",
    "reaction_events", "reaction_state", "reaction_channel_hour", "reaction_emoji_day", "reaction_user_day", "closed_days",
)  # fmt: skip
"""What the projections of these tests write."""

MESSAGE = message().message_id
AUTHOR = USER + 5


class FailedError(Exception):
    """The transaction fails at its end."""


def fresh() -> list[Projection]:
    """The projections of these tests, which remember nothing."""
    return [
        NameProjection(), GuildProjection(), ChannelProjection(), MemberProjection(), MessageProjection(), ReactionProjection(),
    ]  # fmt: skip


def apply(session: Session, facts: Sequence[Fact], projections: list[Projection] | None = None) -> set[int]:
    """Apply ``facts`` in one transaction; returns the guilds of which something changed."""
    with session.transaction() as connection:
        return project(connection, facts, projections or fresh())


def apply_and_fail(session: Session, facts: Sequence[Fact], projections: list[Projection]) -> None:
    """Apply ``facts`` in a transaction that fails at its end."""
    try:
        with session.transaction() as connection:
            project(connection, facts, projections)
            raise FailedError
    except FailedError:
        for projection in projections:
            projection.reset()


def project(connection: Any, facts: Sequence[Fact], projections: list[Projection]) -> set[int]:
    """Give each projection its share."""
    changed: set[int] = set()
    for projection in projections:
        share = [fact for fact in facts if type(fact) in projection.facts]
        if share:
            changed |= projection.apply(connection, share) or set()
    return changed


def select(session: Session, sql: str) -> list[tuple[Any, ...]]:
    """The result of a query."""
    with session.transaction() as connection:
        return [tuple(row) for row in connection.execute(sql).fetchall()]


def clear(session: Session) -> None:
    """Empty every table."""
    with session.transaction() as connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")


def everything(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """What all tables hold."""
    with session.transaction() as connection:
        return {
            table: sorted((tuple(row) for row in connection.execute(f"SELECT * FROM {table}")), key=repr)
            for table in TABLES
        }


def verified(session: Session) -> Verification:
    """Every rollup against its recount."""
    recounts = [recount for recount in RECOUNTS if recount.recounted is not None]
    result = Verification()
    with session.transaction() as connection:
        piece = next_piece(connection, Piece(-1, 0))
        while piece is not None:
            daily = [recount for recount in recounts if recount.days == 1]
            weekly = [recount for recount in recounts if recount.days == 7]
            result += compare_all(daily, piece, recount_piece, connection)
            result += compare_all(weekly, piece.monday, recount_piece, connection)
            piece = next_piece(connection, piece)
    return result


def profile(user: int = USER, joined_ms: int | None = NOON_MS, **fields: Any) -> Profile:
    """A member."""
    values = {
        "username": "ada",
        "global_name": "Ada",
        "is_bot": False,
        "nick": None,
        "roles": (),
        "pending": False,
    } | fields
    return Profile(user_id=user, joined_ms=joined_ms, **values)


def join(user: int = USER, at_ms: int = NOON_MS, *, told_ms: int | None = None, **fields: Any) -> MemberJoined:
    """Somebody joined at ``at_ms``, which is told at ``told_ms``."""
    return MemberJoined(GUILD, profile(user, at_ms, **fields), at_ms if told_ms is None else told_ms, 0)


def seen(*members: Profile, at_ms: int = NOON_MS) -> MembersSeen:
    """Members as they are."""
    return MembersSeen(GUILD, members, at_ms)


def leave(user: int = USER, at_ms: int = NOON_MS, *, is_bot: bool = False, bound_ms: int = 0) -> MemberLeft:
    """Somebody left."""
    return MemberLeft(GUILD, user, is_bot, at_ms, bound_ms)


def react(user: int = USER, emoji: str = "👍", at_ms: int = NOON_MS, **fields: Any) -> ReactionAdded:
    """A reaction to the message ``MESSAGE`` of ``AUTHOR``."""
    values = {"emoji_name": None, "burst": False, "receiver_id": AUTHOR, "is_bot": False, "bound_ms": 0} | fields
    return ReactionAdded(
        guild_id=GUILD, channel_id=CHANNEL, message_id=MESSAGE, user_id=user, emoji=emoji, at_ms=at_ms, **values
    )
