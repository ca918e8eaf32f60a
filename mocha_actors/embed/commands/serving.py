"""The way of a command, the same for both libraries: put off, ask, draw, show; and one sentence where that fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from mocha_actors.embed.commands import telling
from mocha_actors.embed.commands.answering import answer, erase
from mocha_actors.embed.commands.asked import Asked
from mocha_actors.embed.commands.confirming import Confirmation
from mocha_actors.embed.commands.definitions import PRIVATE
from mocha_actors.embed.commands.drawing import Drawing
from mocha_actors.embed.commands.replies import Reply, fitted
from mocha_actors.embed.commands.sentences import SOMEBODY_ELSE, is_expected, sentence
from mocha_actors.errors import TransientError

if TYPE_CHECKING:
    from mocha_actors.embed.host import MochaStats

PICTURE: Final = "chart.png"
"""What a chart's file is called."""

ATTACHMENT_BYTES: Final = 10 << 20
"""How large a file may be anywhere on Discord."""

ROOM_BYTES: Final = 64 << 10
"""What a request has around its file."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class UnsentError(TransientError):
    """Discord did not take what was to be shown; the text has neither address nor token."""


class Turn(Protocol):
    """An interaction, as each library offers it: a use of a command, or a button that was pressed.

    Raises:
        UnsentError: Discord did not take it.

    """

    async def put_off(self, *, private: bool) -> None:
        """Say that an answer is on its way, within the 3 seconds that Discord waits; of a button nothing is seen of that."""

    async def show(self, reply: Reply, picture: bytes | None) -> None:
        """Show the answer that was put off, or the message that the pressed button was on, as this."""

    async def say(self, text: str, *, private: bool) -> None:
        """Show a sentence to whoever asked alone, instead of the answer that was put off, ``private`` or not."""

    async def refuse(self, text: str) -> None:
        """Show a sentence to whoever did it alone, where nothing was put off; the message of a button stays as it is."""


class Server:
    """Serves commands from one Mocha."""

    def __init__(self, stats: MochaStats) -> None:
        """Answer from ``stats``, which may start later, and may end."""
        self._stats = stats
        self._drawing = Drawing()

    async def serve(self, turn: Turn, asked: Asked) -> None:
        """Answer a command. Nothing is raised: what goes wrong is told and logged."""
        private = not asked.share or asked.command.startswith(PRIVATE)
        try:
            await turn.put_off(private=private)
            try:
                await self._show(turn, await answer(self._stats, asked, time.time()))
            except UnsentError:
                raise
            except Exception as error:  # noqa: BLE001 - whoever asked must hear of it, whatever it is
                _log(asked.command, error)
                await turn.say(sentence(error), private=private)
        except UnsentError as error:
            logger.warning("command.unanswered", command=asked.command, error=str(error))

    async def refuse(self, turn: Turn, command: str, text: str) -> None:
        """Answer a command with a sentence. Nothing is raised, as above."""
        try:
            await turn.refuse(text)
        except UnsentError as error:
            logger.warning("command.unanswered", command=command, error=str(error))

    async def pressed(self, press: Turn, button: Confirmation, presser_id: int) -> None:
        """Do what a button of a confirmation says. Nothing is raised, as above."""
        try:
            match button.verdict(presser_id, time.time()):
                case "somebody_else":
                    await press.refuse(SOMEBODY_ELSE)
                case "expired":
                    await press.put_off(private=True)
                    await self._show(press, telling.expired())
                case "keep":
                    await press.put_off(private=True)
                    await self._show(press, telling.kept())
                case "erase":
                    await press.put_off(private=True)
                    await self._erase(press, button.user_id)
        except UnsentError as error:
            logger.warning("command.unanswered", command="privacy forget", error=str(error))

    async def _erase(self, press: Turn, user_id: int) -> None:
        await self._show(press, telling.erasing())
        try:
            reply = await erase(self._stats, user_id)
        except Exception as error:  # noqa: BLE001 - as above
            _log("privacy forget", error)
            reply = telling.not_erased(sentence(error))
        await self._show(press, reply)

    async def _show(self, turn: Turn, reply: Reply) -> None:
        picture = None if reply.chart is None else await self._drawing.png(reply.chart)
        await turn.show(fitted(reply), picture)


def unsent(error: Exception) -> UnsentError:
    """What Discord, or the way to it, refused, in words that may be logged: the text of an error can have an address, and that the token."""
    numbers = [str(each) for name in ("status", "code") if (each := getattr(error, name, None))]
    return UnsentError(" ".join([type(error).__name__, *numbers]))


def room(limit_bytes: int | None) -> int:
    """How large a file may be, by what Discord says, or by what holds anywhere."""
    return (limit_bytes or ATTACHMENT_BYTES) - ROOM_BYTES


def _log(command: str, error: Exception) -> None:
    if not is_expected(error):
        logger.error("command.failed", command=command, exc_info=error)
