"""From the bytes of a connection to typed events.

A block is what one run of frames held: JSON documents, usually one a line. The usual block holds dispatches of known shape and nothing else;
it is decoded in one call (1 to 3 us an event, of which nearly all is JSON). The data of an event that nobody takes is skipped. Any other block is decoded document by document, and only there the
exceptions are told apart: a control payload, an unknown event, an event of a known kind with data of the wrong shape, and something
that is no gateway payload at all.

A guild of tens of thousands of members would hold the loop for its whole frame. It comes as an :class:`OutlinedEvent`, its members cut and not read: whoever
takes it reads them one by one, in a thread, and so never has all of them in memory as Discord describes them.

That a dispatch of known ``t`` says ``"op":0`` is not checked: it costs a field on every event and Discord sends ``t`` with no other opcode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, Union

import msgspec

from mocha_actors.discord.blocks import LARGE, Block, has_large, lines
from mocha_actors.discord.dispatch import (
    Dispatch,
    Event,
    OutlinedEvent,
    Sequence,
    UndecodableEvent,
    UnknownEvent,
    bare,
)  # fmt: skip
from mocha_actors.discord.events import TYPED, UNTYPED, FullMessageCreate, MessageCreate
from mocha_actors.discord.guilds import GuildCreate, OutlinedGuildCreate
from mocha_actors.discord.members import GuildMembersChunk
from mocha_actors.discord.opcodes import Opcode
from mocha_actors.discord.session import RateLimited, Ready, Resumed
from mocha_actors.errors import DataError


class Control(msgspec.Struct, gc=False):
    """A payload that is no dispatch: HELLO, a heartbeat's acknowledgement, RECONNECT, INVALID_SESSION and what else may come.

    Attributes:
        op: the opcode, known or not.
        d: its data, undecoded JSON.

    """

    op: int
    d: msgspec.Raw = msgspec.Raw(b"null")


class ProtocolViolation(DataError):
    """What came is no gateway payload, so that its ``s`` is unknown: the connection must be given up and the session resumed.

    Attributes:
        position: byte offset of the document in its block.
        raw: the bytes from there on, at most :data:`EXCERPT`; they may hold content and are never logged.

    """

    def __init__(self, text: str, position: int, raw: Document = b"") -> None:
        """An error whose text names the position, and nothing of the payload."""
        super().__init__(f"{text} (at byte {position} of a run of frames)")
        self.position, self.raw = position, bytes(raw[:EXCERPT])


class Decoded(NamedTuple):
    """What a block held, in order.

    Attributes:
        pieces: runs of dispatches, and the controls between them.
        violation: why nothing after ``pieces`` could be read; None when everything was.

    """

    pieces: list[list[Event] | Control]
    violation: ProtocolViolation | None


class _Envelope(msgspec.Struct, gc=False):
    """A payload of any kind, its data left alone."""

    op: int
    t: str | None = None
    s: Sequence | None = None
    d: msgspec.Raw = msgspec.Raw(b"null")


Document = bytes | memoryview
"""A part of a block."""

EXCERPT: Final = 64 << 10
"""Bytes of an unreadable document that are kept as evidence."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises because of what it was given."""

NEEDED: Final = frozenset({Ready, Resumed, RateLimited, GuildMembersChunk})
"""Events that a shard cannot do without, whoever else takes them."""

MESSAGE_CREATE: Final = "MESSAGE_CREATE"
GUILD_CREATE: Final = "GUILD_CREATE"

_NAMES: Final = (*(str(kind.__struct_config__.tag) for kind in TYPED), *UNTYPED)
_KNOWN: Final = frozenset(_NAMES)

_envelopes: Final = msgspec.json.Decoder(_Envelope)
_json: Final = json.JSONDecoder(strict=False)
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class EventDecoder:
    """Decodes the events that somebody takes; of all others only ``s`` is read.

    Args:
        taken: structs of the events to read, beside those of :data:`NEEDED`.
        content: whether the intent MESSAGE_CONTENT is there: only then what it lets through is worth being decoded.

    """

    def __init__(self, taken: Iterable[type[Event]] = TYPED, *, content: bool = False) -> None:
        kinds = {bare(name).__struct_config__.tag: bare(name) for name in _NAMES}
        kinds |= {kind.__struct_config__.tag: kind for kind in TYPED if kind in NEEDED.union(taken)}
        if content and kinds[MESSAGE_CREATE] is MessageCreate:
            kinds[MESSAGE_CREATE] = FullMessageCreate
        self._events = self._large = decoder_of(kinds.values())
        if kinds[GUILD_CREATE] is GuildCreate:
            self._large = decoder_of((kinds | {GUILD_CREATE: OutlinedGuildCreate}).values())

    def decode(self, block: Block) -> Decoded:
        """Decode a run of frames: JSON documents, separated by newlines or by nothing."""
        try:
            large = len(block) >= LARGE and has_large(block)
            events = [self._decode_one(line) for _, line in lines(block)] if large else self._events.decode_lines(block)
        except UNREADABLE:
            return self._decode_each(block)
        return Decoded([events] if events else [], None)

    def _decode_one(self, document: Document) -> Event:
        """One dispatch; of a large guild the outline."""
        event: Event = (self._events if len(document) < LARGE else self._large).decode(document)
        if isinstance(event, OutlinedGuildCreate):
            return OutlinedEvent(event.t, event.s, event.d, memoryview(document))
        return event

    def _decode_each(self, block: Block) -> Decoded:
        pieces: list[list[Event] | Control] = []
        try:
            for position, document in _documents(block):
                payload = self._decode_document(document, position)
                if isinstance(payload, Control):
                    pieces.append(payload)
                elif pieces and isinstance(pieces[-1], list):
                    pieces[-1].append(payload)
                else:
                    pieces.append([payload])
        except ProtocolViolation as violation:
            return Decoded(pieces, violation)
        return Decoded(pieces, None)

    def _decode_document(self, document: Document, position: int) -> Event | Control:
        """One payload. Raises ProtocolViolation when it is none."""
        try:
            return self._decode_one(document)
        except UNREADABLE as error:
            return _decode_exception(document, position, error)


def decoder_of(kinds: Iterable[type[Dispatch]]) -> msgspec.json.Decoder[Any]:
    """A decoder of events. Ids are strings on the wire and integers here: that is what ``strict=False`` is for."""
    return msgspec.json.Decoder(Union[tuple(kinds)], strict=False)  # noqa: UP007 - made from a tuple


_whole_guilds: Final = decoder_of([GuildCreate])


def whole_guild(event: OutlinedEvent) -> GuildCreate | UndecodableEvent:
    """A guild that was outlined, decoded in one step after all: when an item could not be read, to say what is wrong as for any other event."""
    try:
        guild: GuildCreate = _whole_guilds.decode(event.raw)
    except UNREADABLE as error:
        return UndecodableEvent(event.t, event.s, _reason(error), bytes(event.raw))
    guild.s = event.s
    return guild


def _documents(block: Block) -> Iterator[tuple[int, Document]]:
    """Each document with its byte offset: the lines of ``block``, or, from the first line that is no document, what a scan finds."""
    for position, line in lines(block):
        if not _is_blank(line):
            if not _is_document(line):
                yield from _scanned(bytes(block), position)
                return
            yield position, line


def _is_blank(line: memoryview) -> bool:
    return len(line) < LARGE and not bytes(line).strip()


def _is_document(line: memoryview) -> bool:
    try:
        _envelopes.decode(line)
    except msgspec.ValidationError:
        return True
    except UNREADABLE:
        return False
    return True


def _scanned(block: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """Documents from ``position`` on, wherever they end. Raises ProtocolViolation where no document begins.

    Latin-1 maps each byte to one character, so that offsets agree; JSON's structure is ASCII and is not affected.
    """
    text = block.decode("latin-1")
    while (start := _SPACE.match(text, position).end()) < len(text):  # type: ignore[union-attr]  # it always matches
        try:
            _, position = _json.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            reason = f"no JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else "no JSON that can be read"
            raise ProtocolViolation(reason, start, block[start:]) from None
        yield start, block[start:position]


def _decode_exception(document: Document, position: int, error: Exception) -> Event | Control:
    """What a payload is that is no dispatch of known shape; ``error`` is why it is none."""
    try:
        envelope = _envelopes.decode(document)
    except UNREADABLE as cause:
        raise ProtocolViolation(f"no gateway payload: {_reason(cause)}", position, document) from None
    if envelope.op != Opcode.DISPATCH:
        return Control(envelope.op, envelope.d)
    if envelope.t is None or envelope.s is None:
        raise ProtocolViolation("a dispatch without s or t", position, document)
    if envelope.t in _KNOWN:
        return UndecodableEvent(envelope.t, envelope.s, _reason(error), bytes(document))
    return UnknownEvent(envelope.t, envelope.s)


def _reason(error: Exception) -> str:
    """The text of a decoder's error, which names types and paths; a UnicodeDecodeError's would show bytes."""
    return str(error) if isinstance(error, msgspec.DecodeError) else f"{type(error).__name__} in its data"
