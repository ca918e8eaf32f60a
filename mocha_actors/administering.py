"""Administrative commands as methods: what a program that embeds Mocha may do to what was recorded."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from functools import partial

from mocha_actors.administration import AnyCommand, Done, Forget, NoteAccess, Progress, SetGuild, SetOptOut, perform
from mocha_actors.db.connection import Connection
from mocha_actors.privacy.desk import Desk
from mocha_actors.privacy.erasure import pseudonym_of
from mocha_actors.privacy.userdata import write_json

PROGRAM = "program"
"""Who asks, in the audit log, unless the program says more."""


def unheard(_done: int, _of: int) -> None:
    """Progress that nobody asked to be told."""


class Administering(ABC):
    """The commands.

    Raises:
        ConfigError: a command cannot be; nothing was changed.
        MochaError: the database is not available; it may be asked again.
        ActorError: the tree could not do it.

    """

    @property
    @abstractmethod
    def desk(self) -> Desk:
        """Where commands are done."""

    @property
    @abstractmethod
    def anonymised(self) -> bool:
        """Whether users stand under pseudonyms in the database."""

    async def command(self, command: AnyCommand, progress: Progress = unheard) -> Done:
        """Do any command of :mod:`mocha_actors.administration`."""
        return await perform(self.desk, command, anonymised=self.anonymised, progress=progress)

    async def forget(self, user_id: int, *, actor: str = PROGRAM, progress: Progress = unheard) -> Done:
        """Erase a user for good, and record nothing more of it; what it did stays counted under random ids that nothing links to it.

        Args:
            user_id: whom.
            actor: who asks, for the audit log.
            progress: told how many of how many steps are done.

        """
        return await self.command(Forget(actor=actor, user_id=user_id), progress)

    async def opt_out(self, user_id: int, *, out: bool = True, actor: str = PROGRAM) -> Done:
        """Record nothing more of a user, or, with ``out=False``, record it again; what is recorded stays."""
        return await self.command(SetOptOut(actor=actor, user_id=user_id, out=out))

    async def user_data(self, user_id: int, *, actor: str = PROGRAM) -> str:
        """Everything that is stored about a user, as JSON."""
        await self.command(NoteAccess(actor=actor, what="user_data"))
        return await self.desk.read(partial(_user_data, user_id=user_id, anonymised=self.anonymised))

    async def set_guild(
        self,
        guild_id: int,
        *,
        time_zone: str | None = None,
        week_start: int | None = None,
        ignore: tuple[tuple[str, int], ...] = (),
        heed: tuple[tuple[str, int], ...] = (),
        actor: str = PROGRAM,
    ) -> Done:
        """Change the settings of a guild; see :class:`~mocha_actors.administration.SetGuild`."""
        wanted = SetGuild(
            actor=actor, guild_id=guild_id, time_zone=time_zone, week_start=week_start, ignore=ignore, heed=heed
        )
        return await self.command(wanted)


def _user_data(connection: Connection, user_id: int, *, anonymised: bool) -> str:
    text = io.StringIO()
    write_json(connection, pseudonym_of(connection, user_id) if anonymised else user_id, text)
    return text.getvalue()
