"""Administrative commands: what they are, and how each is done at a desk.

They are the same whether a running service does them, asked over its control socket, or the command line itself, which then owns the database for that
time. Each that changes something is noted in the audit log in the transaction of the change, or at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from mocha_actors.db.connection import Connection
from mocha_actors.db.guild_settings import IGNORED_KINDS, change_ignores, set_options
from mocha_actors.db.optout_list import set_opt_out
from mocha_actors.db.repair import repair
from mocha_actors.errors import ConfigError
from mocha_actors.plurals import counted
from mocha_actors.privacy import letters, orphans
from mocha_actors.privacy.audit import AuditEntry, note
from mocha_actors.privacy.desk import Desk
from mocha_actors.privacy.erasure import close_open, erase
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.zones import check_week_start, zone_named

R = TypeVar("R")

ACTOR_LENGTH: Final = 100

Progress = Callable[[int, int], None]
"""Told how many of how many steps are done."""


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="cmd", forbid_unknown_fields=True):
    """Base of the commands.

    Attributes:
        actor: who asks, for the audit log.

    """

    actor: str


class Forget(Command, frozen=True, kw_only=True, tag="forget"):
    """Erase a user, see :func:`mocha_actors.privacy.erasure.erase`."""

    user_id: int


class SetOptOut(Command, frozen=True, kw_only=True, tag="opt_out"):
    """Put a user on the opt-out list, or take it off."""

    user_id: int
    out: bool


class SetGuild(Command, frozen=True, kw_only=True, tag="guild_set"):
    """Change the settings of a guild; what is left out stays.

    Attributes:
        guild_id: the guild, which must be known.
        time_zone: IANA name, empty for that of the configuration.
        week_start: 0 for Monday to 6 for Sunday.
        ignore: what questions are to leave out, as (kind, id) with the kinds ``channel``, ``user`` and ``role``.
        heed: what they are to count again, likewise.

    """

    guild_id: int
    time_zone: str | None = None
    week_start: int | None = None
    ignore: tuple[tuple[str, int], ...] = ()
    heed: tuple[tuple[str, int], ...] = ()


class NoteAccess(Command, frozen=True, kw_only=True, tag="note_access"):
    """Note in the audit log that somebody is given what is stored: of a user, of a guild, or this log; ``what`` says what, and names nobody."""

    what: Literal["user_data", "audit", "export", "dead_letters", "backup"]


class Repair(Command, frozen=True, kw_only=True, tag="repair"):
    """Build rollups anew that differ from a recount, see :mod:`mocha_actors.db.repair`."""


class RetryLetters(Command, frozen=True, kw_only=True, tag="retry_dead_letters"):
    """Try dead letters again, all when ``ids`` is None; see :mod:`mocha_actors.privacy.letters`."""

    ids: tuple[int, ...] | None


class DropLetters(Command, frozen=True, kw_only=True, tag="drop_dead_letters"):
    """Drop dead letters, all when ``ids`` is None."""

    ids: tuple[int, ...] | None


class ReplaySpool(Command, frozen=True, kw_only=True, tag="replay_spool"):
    """Record what can be of an orphaned spool, whose absolute ``path`` is given; see :mod:`mocha_actors.privacy.orphans`."""

    path: str


AnyCommand = Forget | SetOptOut | SetGuild | NoteAccess | Repair | RetryLetters | DropLetters | ReplaySpool


class Done(msgspec.Struct, frozen=True, tag_field="answer", tag="done"):
    """What a command came to, as a sentence for people, and in numbers for programs."""

    text: str
    numbers: dict[str, int] = {}


def check(command: AnyCommand) -> None:
    """Refuse what cannot be.

    Raises:
        ConfigError: with what was found and what is allowed.

    """
    if not 0 < len(command.actor) <= ACTOR_LENGTH:
        msg = f"actor: expected 1 to {ACTOR_LENGTH} characters, found {len(command.actor)}"
        raise ConfigError(msg)
    if isinstance(command, SetGuild):
        _check_guild(command)
    elif isinstance(command, Forget | SetOptOut) and not 0 < command.user_id < 1 << 63:
        msg = f"user: expected an id of Discord, a positive integer of 63 bits, found {command.user_id}"
        raise ConfigError(msg)


def _check_guild(command: SetGuild) -> None:
    try:
        if command.time_zone:
            zone_named(command.time_zone)
        if command.week_start is not None:
            check_week_start(command.week_start)
    except QuestionError as error:
        raise ConfigError(str(error)) from None
    for kind, _ in (*command.ignore, *command.heed):
        if kind not in IGNORED_KINDS:
            msg = f"ignore: expected one of {', '.join(IGNORED_KINDS)}, found {kind!r}"
            raise ConfigError(msg)


async def perform(
    desk: Desk, command: AnyCommand, *, anonymised: bool, progress: Progress, now_ms: int | None = None
) -> Done:
    """Do ``command``.

    Args:
        desk: where.
        command: what.
        anonymised: whether users stand under pseudonyms in the database.
        progress: told of what takes long.
        now_ms: the time, milliseconds since the Unix epoch; that of the system when left out.

    Raises:
        ConfigError: it cannot be; nothing was changed.
        MochaError: the database is not available; it may be asked again.

    """
    check(command)
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    match command:
        case Forget():
            return await _forget(desk, command, now_ms, anonymised=anonymised, progress=progress)
        case SetOptOut():
            return await _opt_out(desk, command, now_ms)
        case SetGuild():
            return await _set_guild(desk, command, now_ms)
        case NoteAccess():
            return await _note_access(desk, command, now_ms)
        case Repair():
            return await _repair(desk, command, now_ms, progress)
        case RetryLetters(ids=ids):
            return retried(await letters.retry(desk, ids, actor=command.actor, now_ms=now_ms))
        case DropLetters(ids=ids):
            dropped = await letters.drop(desk, ids, actor=command.actor, now_ms=now_ms)
            return Done(f"{counted(dropped, 'dead letter')} dropped", {"dropped": dropped})
        case ReplaySpool(path=path):
            return replayed(
                await orphans.replay(desk, Path(path), actor=command.actor, now_ms=now_ms, progress=progress)
            )


async def _forget(desk: Desk, command: Forget, now_ms: int, *, anonymised: bool, progress: Progress) -> Done:
    erased = await erase(
        desk, command.user_id, now_ms=now_ms, actor=command.actor, anonymised=anonymised, progress=progress
    )
    proof = (
        "a search of every table finds nothing"
        if not erased.left
        else f"a search still finds {counted(erased.left, 'mention')}; ask again"
    )
    return Done(
        f"{counted(erased.rows, 'row')} in {counted(erased.guilds, 'guild')}; {proof}", msgspec.structs.asdict(erased)
    )


async def _opt_out(desk: Desk, command: SetOptOut, now_ms: int) -> Done:
    def work(connection: Connection) -> int:
        changed = set_opt_out(connection, command.user_id, now_ms, out=command.out)
        note(connection, AuditEntry(now_ms, command.actor, "opt_out" if command.out else "opt_in", None, ""))
        return int(changed)

    changed = await desk.chore(work, resets=True)
    if command.out:
        await close_open(desk, command.user_id, now_ms)
    state = "is not recorded any more" if command.out else "is recorded again"
    return Done(f"the user {state}" + ("" if changed else ", as before"), {"changed": changed})


async def _note_access(desk: Desk, command: NoteAccess, now_ms: int) -> Done:
    def work(connection: Connection) -> int:
        note(connection, AuditEntry(now_ms, command.actor, f"read_{command.what}", None, ""))
        return 1

    await desk.chore(work)
    return Done("noted")


async def _repair(desk: Desk, command: Repair, now_ms: int, progress: Progress) -> Done:
    repaired = await repair(DeskReaders(desk), desk.chore, progress)
    text = (
        f"{counted(repaired.rows, 'row')} of {counted(repaired.pieces, 'table and day', 'tables and days')} built anew"
    )

    def work(connection: Connection) -> int:
        note(connection, AuditEntry(now_ms, command.actor, "repair", None, text))
        return 1

    await desk.chore(work)
    return Done(text, repaired._asdict())


class DeskReaders:
    """A desk as what asks the database; it has a deadline of its own."""

    def __init__(self, desk: Desk) -> None:
        """Ask at ``desk``."""
        self._desk = desk

    async def run(self, question: Callable[[Connection], R], *, deadline: float) -> R:
        """See :meth:`mocha_actors.db.readers.Readers.run`."""
        return await self._desk.read(question)


def replayed(result: orphans.Replayed) -> Done:
    """What came of an orphaned spool."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(result.left_out.items()))
    text = f"{counted(result.facts, 'fact')} about messages recorded, {counted(result.letters, 'dead letter')} added"
    left_out = sum(result.left_out.values())
    numbers = {"facts": result.facts, "letters": result.letters, "left_out": left_out}
    return Done(f"{text}; left out, since they depend on their neighbours: {kinds}" if kinds else text, numbers)


def retried(result: letters.Retried) -> Done:
    """What came of trying letters again, with the reason for each that was kept."""
    kept = [f"{number} is kept: {reason}" for number, reason in result.kept]
    text = "\n".join([f"{counted(result.recorded, 'dead letter')} recorded, {len(kept):,} kept", *kept])
    return Done(text, {"recorded": result.recorded, "kept": len(kept)})


async def _set_guild(desk: Desk, command: SetGuild, now_ms: int) -> Done:
    def work(connection: Connection) -> int:
        changed = set_options(connection, command.guild_id, command.time_zone, command.week_start)
        changed += change_ignores(connection, command.guild_id, ignore=command.ignore, heed=command.heed)
        detail = {
            name: value
            for name, value in msgspec.to_builtins(command).items()
            if value not in (None, []) and name not in {"cmd", "actor", "guild_id"}
        }
        entry = AuditEntry(
            now_ms, command.actor, "guild_set", command.guild_id, msgspec.json.encode(detail).decode("utf-8")
        )
        note(connection, entry)
        return changed

    known = await desk.read(partial(_is_known, guild_id=command.guild_id))
    if not known:
        msg = f"the database holds no guild {command.guild_id}"
        raise ConfigError(msg)
    changed = await desk.chore(work, resets=True)
    return Done(f"{counted(changed, 'setting')} changed", {"changed": changed})


def _is_known(connection: Connection, guild_id: int) -> bool:
    return connection.execute("SELECT 1 FROM guilds WHERE id = ?", (guild_id,)).fetchone() is not None
