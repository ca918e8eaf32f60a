"""The commands of one shard that are under way: which is sent when, and what became of it. Pure; time is an argument."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from mocha_actors.discord.dispatch import Event
from mocha_actors.discord.members import GuildMembersChunk, MembersChunk
from mocha_actors.discord.opcodes import Opcode
from mocha_actors.discord.session import RateLimited, RateLimitedData
from mocha_actors.errors import DataError
from mocha_actors.gateway.commands import (
    Command,
    CommandNotSentError,
    CommandRefusedError,
    Errand,
    MembersReport,
    RequestMembers,
    UpdatePresence,
    render,
)  # fmt: skip
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.ratelimit import MARGIN, SlidingWindow

MAX_ERRANDS: Final = 100
"""Commands under way; one more is refused."""

GUILD_SPACING: Final = 30.0
"""Seconds between two requests for all members of a guild."""

TOO_MANY_PAYLOADS: Final = 4008
"""Discord's close code for a connection that sent more than it may."""

COOL_DOWN: Final = 60.0
"""Seconds without any command after Discord closed with :data:`TOO_MANY_PAYLOADS`."""

QUIET: Final = 15.0
"""Seconds without a chunk, while connected, after which the request is made again."""

MAX_ATTEMPTS: Final = 3
"""How often one request is made."""

Answer = Callable[[Command, "MembersReport | Exception | None"], None]
"""Is told what became of a command: its result, or an error."""


class Errands:
    """Commands that wait, and those whose answer is awaited.

    Args:
        identity: of the shard.
        rng: for nonces.
        answer: see :data:`Answer`.

    """

    def __init__(self, identity: Identity, rng: Random, answer: Answer) -> None:
        self._identity, self._rng, self._answer = identity, rng, answer
        self._waiting: deque[Errand] = deque()
        self._in_hand: Errand | None = None
        self._awaited: dict[str, Errand] = {}
        self._presences = SlidingWindow(5, 20.0 + MARGIN)
        self._asked: dict[int, float] = {}
        self._cool_until = -math.inf
        self._active = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._awaited) + (self._in_hand is not None)

    @property
    def expecting(self) -> bool:
        """Whether :meth:`observe` has anything to look for."""
        return bool(self._awaited)

    @property
    def deadline(self) -> float:
        """When to :meth:`tick` next."""
        quiet = [errand.quiet_since + QUIET for errand in self._awaited.values()] if self._active else []
        return min(quiet + [errand.expires for errand in self._all()], default=math.inf)

    def _all(self) -> list[Errand]:
        return [*self._waiting, *self._awaited.values()]

    def submit(self, command: Command, now: float) -> None:
        """Take a command on, or answer at once why not."""
        errand = Errand(command, now + command.timeout, self._nonce(), now)
        try:
            if len(self) >= MAX_ERRANDS:
                msg = f"{MAX_ERRANDS} commands are under way already"
                raise CommandRefusedError(msg)
            render(command, self._identity, errand.nonce)
        except DataError as error:
            self._answer(command, error)
        else:
            self._waiting.append(errand)

    def _nonce(self) -> str:
        """16 of the 32 bytes that Discord allows; a longer one it would drop without a word."""
        return f"{self._rng.getrandbits(64):016x}"

    def active(self, now: float, *, active: bool) -> None:
        """The session became active, or is not any more. Silence counts only while chunks can come."""
        if active and not self._active:
            for errand in self._awaited.values():
                errand.quiet_since = now
        self._active = active

    def wait(self, now: float) -> float:
        """Seconds until a command may be sent, leaving aside the limit that all payloads share."""
        if not self._active or not self._waiting:
            return math.inf
        return max(self._cool_until - now, min(self._wait_of(errand, now) for errand in self._waiting))

    def _wait_of(self, errand: Errand, now: float) -> float:
        match errand.command:
            case UpdatePresence():
                return self._presences.wait(now)
            case RequestMembers(guild_id=guild_id) as command if command.everybody:
                spaced = self._asked.get(guild_id, -math.inf) + GUILD_SPACING
                return max(errand.not_before, spaced) - now
            case _:
                return errand.not_before - now

    def take(self, now: float) -> bytes:
        """The payload of the command that may be sent now; it is in hand until :meth:`sent` or :meth:`disconnected`."""
        errand = min(self._waiting, key=lambda each: max(0.0, self._wait_of(each, now)))
        self._waiting.remove(errand)
        self._in_hand = errand
        errand.attempts += 1
        if isinstance(errand.command, UpdatePresence):
            self._presences.sent(now)
        elif errand.command.everybody:
            self._asked = {guild: at for guild, at in self._asked.items() if at > now - GUILD_SPACING}
            self._asked[errand.command.guild_id] = now
        return render(errand.command, self._identity, errand.nonce)

    def sent(self, now: float) -> None:
        """What was taken left: a presence is done, members are awaited."""
        errand, self._in_hand = self._in_hand, None
        if errand is None:
            return
        if isinstance(errand.command, UpdatePresence):
            self._answer(errand.command, None)
        else:
            errand.quiet_since = now
            self._awaited[errand.nonce] = errand

    def disconnected(self, code: int | None, now: float) -> None:
        """The connection is gone, closed with ``code``: what was in hand goes again, with the next one. Answers may still come in a replay."""
        self._active = False
        if self._in_hand is not None:
            self._waiting.appendleft(self._in_hand)
            self._in_hand = None
        if code == TOO_MANY_PAYLOADS:
            self._cool_until = now + COOL_DOWN

    def session_lost(self) -> None:
        """What was awaited will not come any more: request it again."""
        for errand in list(self._awaited.values()):
            self._again(errand, 0.0)

    def observe(self, events: Iterable[Event], now: float) -> None:
        """Look for answers among dispatches."""
        for event in events:
            if isinstance(event, GuildMembersChunk):
                self._chunk(event.d, now)
            elif isinstance(event, RateLimited) and event.d.opcode == Opcode.REQUEST_GUILD_MEMBERS:
                self._refused(event.d, now)

    def _chunk(self, chunk: MembersChunk, now: float) -> None:
        errand = self._awaited.get(chunk.nonce or "")
        if errand is None or chunk.chunk_index in errand.chunks or chunk.guild_id != errand.guild_id:
            return
        errand.chunks.add(chunk.chunk_index)
        errand.chunk_count, errand.quiet_since = chunk.chunk_count, now
        errand.members += len(chunk.members)
        errand.not_found += chunk.not_found
        if errand.complete:
            self._report(errand)

    def _refused(self, limited: RateLimitedData, now: float) -> None:
        """Too soon: the request goes again when Discord says. That is no attempt that failed."""
        for errand in list(self._awaited.values()):
            if limited.meta.nonce == errand.nonce or (
                limited.meta.nonce is None and limited.meta.guild_id == errand.guild_id
            ):
                errand.attempts -= 1
                self._again(errand, now + max(0.0, limited.retry_after))

    def _again(self, errand: Errand, not_before: float) -> None:
        """Put a request back in line, or report what came if it was made often enough."""
        if errand.attempts >= MAX_ATTEMPTS:
            self._report(errand)
            return
        del self._awaited[errand.nonce]
        errand.begin_anew(self._nonce())
        errand.not_before = not_before
        self._waiting.append(errand)

    def _report(self, errand: Errand) -> None:
        del self._awaited[errand.nonce]
        self._answer(errand.command, errand.report())

    def tick(self, now: float) -> None:
        """Time has passed: answer what must be answered by now, request again what stays away."""
        for errand in list(self._awaited.values()):
            if now >= errand.expires:
                self._report(errand)
            elif self._active and now >= errand.quiet_since + QUIET:
                self._again(errand, now)
        for errand in [each for each in self._waiting if now >= each.expires]:
            self._waiting.remove(errand)
            self._answer(errand.command, self._too_late(errand))

    def _too_late(self, errand: Errand) -> MembersReport | CommandNotSentError:
        if errand.attempts:
            return errand.report()
        reason = "its turn under the rate limits" if self._active else "an active session"
        return CommandNotSentError(f"not sent within {errand.command.timeout:g} s of waiting for {reason}")
