"""The ledger: the truth about everything that was dispatched, one JSON line each.

A line is `{"at": unix seconds, "shard": n, "session": id, "frame": {"t": ..., "s": ..., "op": 0, "d": ...}}`; one that
repeats an earlier dispatch after a RESUME has `"replay": true` too. A line is written before its frame goes to a
socket: whatever a client ever got stands in the ledger, even if the simulator is killed.

Of an INTERACTION_CREATE a line holds who used which command where, and nothing else: not the token with which it is answered,
and nothing that the user typed.

Beside it lies a small index of the sessions (`<ledger>.sessions`), so that a later start finds them without reading all
of the ledger. Both files hold session ids and are readable for their owner alone.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mocha_actors.simulator.errors import SimulatorError
from mocha_actors.simulator.session import LARGE_THRESHOLD, Session

TAIL_BLOCK = 1 << 16

_HEAD = re.compile(
    rb'\{"at":[0-9.]+,"shard":[0-9]+,"session":"([^"]+)","frame":(?=\{"t":"([A-Z_]+)","s":([0-9]+),"op":0,)',
)


_INTERACTION = b'{"t":"INTERACTION_CREATE",'

_KEPT = ("version", "type", "id", "guild_id", "context", "channel_id", "application_id")
"""What a line says of an interaction, its user and the command aside."""

_KEPT_DATA = ("id", "name", "type", "component_type")


class Opened(msgspec.Struct, tag_field="event", tag="opened"):
    """A line of the index: a session began, and its READY stands at or after `offset` bytes of the ledger."""

    session: str
    shard: int
    shards: int
    intents: int
    offset: int
    large_threshold: int = LARGE_THRESHOLD


class Ended(msgspec.Struct, tag_field="event", tag="ended"):
    """A line of the index: a session can not be resumed any more."""

    session: str


class Line(msgspec.Struct):
    """A first-hand line of the ledger: which session got what, under which number. `frame` is the whole frame."""

    session: str
    name: str
    seq: int
    frame: bytes


class Ledger:
    """An open ledger and its index, for one simulator alone."""

    def __init__(self, path: Path, index: int | None = None) -> None:
        """Open or create the files; a last line that was torn by a crash is cut off.

        Args:
            path: of the ledger.
            index: what `take_index` gave to whoever made the ledger before; it is closed with it.

        Raises:
            SimulatorError: a file cannot be opened, or another simulator writes to it.
        """
        self.path = path
        self._index = take_index(path) if index is None else index
        try:
            self._file = _open_alone(path, path)
        except SimulatorError:
            os.close(self._index)
            raise
        self.size = _cut_torn_line(self._file)
        _cut_torn_line(self._index)

    def close(self) -> None:
        """Close both files and let other simulators have them."""
        os.close(self._file)
        os.close(self._index)

    def write(self, session: Session, frames: Sequence[bytes], at: float, *, replay: bool = False) -> None:
        """Append a run of frames of one session. `at` is Unix seconds.

        Raises:
            SimulatorError: the file takes no more; whatever then stands there in part is cut off by the next start.
        """
        frames = [without_secrets(frame) if frame.startswith(_INTERACTION) else frame for frame in frames]
        again = b'"replay":true,' if replay else b""
        head = b'{"at":%.6f,"shard":%d,"session":"%b",%b"frame":' % (at, session.shard, session.id.encode(), again)
        self.size += self._append(self._file, head + (b"}\n" + head).join(frames) + b"}\n")

    def open_session(self, session: Session) -> None:
        """Note that a session begins here; to be called before its READY is written."""
        opened = Opened(session.id, session.shard, session.shards, session.intents, self.size, session.large_threshold)
        self._append(self._index, msgspec.json.encode(opened) + b"\n")

    def end_session(self, session: Session) -> None:
        """Note that a session can not be resumed any more."""
        self._append(self._index, msgspec.json.encode(Ended(session.id)) + b"\n")

    def _append(self, file: int, data: bytes) -> int:
        """Write everything, and return how much that was; a file may take less than it is given."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(file, view) :]
        except OSError as error:
            msg = f"the ledger {self.path} cannot be written: {error.strerror}"
            raise SimulatorError(msg) from error
        return len(data)

    def open_sessions(self) -> list[Opened]:
        """List the sessions that began and did not end, oldest first.

        Raises:
            SimulatorError: the index holds something else.
        """
        sessions: dict[str, Opened] = {}
        try:
            for note in msgspec.json.Decoder(Opened | Ended).decode_lines(_read_from(self._index, 0)):
                if isinstance(note, Opened):
                    sessions[note.session] = note
                else:
                    sessions.pop(note.session, None)
        except msgspec.MsgspecError as error:
            msg = f"{self.path}.sessions is not the index of a ledger ({error}): without it old sessions are forgotten"
            raise SimulatorError(msg) from error
        return list(sessions.values())

    def lines_from(self, offset: int) -> Iterator[Line]:
        """Read the first-hand lines of the ledger from the first whole line at or after `offset` bytes.

        Replays, and lines that somebody else added, are passed over.
        """
        lines = _read_from(self._file, max(offset - 1, 0)).split(b"\n")
        # What stands before the first line end began before the offset, or is empty; what follows the last one is
        # empty.
        for line in lines[1 if offset else 0 : -1]:
            head = _HEAD.match(line)
            if head:
                yield Line(head[1].decode(), head[2].decode(), int(head[3]), line[head.end() : -1])


def without_secrets(frame: bytes) -> bytes:
    """Take from the frame of an INTERACTION_CREATE its token and whatever the user typed or saw."""
    whole = msgspec.json.decode(frame)
    interaction = whole["d"] if isinstance(whole["d"], dict) else {}
    told = _picked(interaction, _KEPT)
    if isinstance(interaction.get("member"), dict):
        told["member"] = {"user": _picked(interaction["member"].get("user"), ("id",))}
    if isinstance(interaction.get("data"), dict):
        told["data"] = _picked(interaction["data"], _KEPT_DATA)
    return msgspec.json.encode(whole | {"d": told})


def _picked(found: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found} if isinstance(found, dict) else {}


def take_index(path: Path) -> int:
    """Open or create the index of a ledger for one simulator alone, which may then make the ledger itself.

    Raises:
        SimulatorError: it cannot be opened, or another simulator has it.
    """
    return _open_alone(path.with_name(path.name + ".sessions"), path)


def _open_alone(path: Path, ledger: Path) -> int:
    """Open the ledger, or what lies beside it, and lock it; errors name the ledger, which is what somebody asked for."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"the ledger {ledger} cannot be opened: {error.strerror}"
        raise SimulatorError(msg) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        msg = f"the ledger {ledger} belongs to another simulator that is running"
        raise SimulatorError(msg) from error
    if stat.S_ISREG(os.fstat(file).st_mode):
        # Nothing else is ours to close to others: as root that would be /dev/null for the whole machine.
        os.fchmod(file, 0o600)
    return file


def _cut_torn_line(file: int) -> int:
    """Cut off what follows the last line end, and return the size that is left."""
    end = os.fstat(file).st_size
    position = end
    while position > 0:
        start = max(position - TAIL_BLOCK, 0)
        found = os.pread(file, position - start, start).rfind(b"\n")
        if found >= 0:
            position = start + found + 1
            break
        position = start
    if position < end:
        os.ftruncate(file, position)
    return position


def _read_from(file: int, offset: int) -> bytes:
    parts = []
    while part := os.pread(file, 1 << 24, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
