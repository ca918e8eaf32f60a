"""The transcript: what the clients did, with times, for tests that assert on the wire."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

MAX_ENTRIES = 100_000
"""Most entries that are kept; the oldest go first."""

Kind = Literal["connect", "payload", "close"]


class Entry(msgspec.Struct, omit_defaults=True):
    """One thing that happened on a connection.

    Attributes:
        at: monotonic seconds (`trio.current_time`); only differences mean something.
        connection: number of the connection, counted from 1.
        shard: number of the shard, None if the connection never said it.
        kind: the client asked for a connection, it sent a payload, or the connection ended.
        target: of a connect, path and query that were asked for.
        status: of a connect, the HTTP status that was answered.
        op: opcode of a payload, None if it could not be read.
        d: the `d` of a payload, without the token.
        size: of a payload, its bytes.
        code: of a close, the code; 1006 without a close frame, 1005 for a frame without a code.
        by: of a close, who began it.
    """

    at: float
    connection: int
    shard: int | None
    kind: Kind
    target: str = ""
    status: int = 101
    op: int | None = None
    d: Any = None
    size: int = 0
    code: int | None = None
    by: Literal["client", "server", ""] = ""

    @property
    def seq(self) -> int | None:
        """Sequence number that a heartbeat or RESUME carries."""
        seq = self.d.get("seq") if isinstance(self.d, dict) else self.d if self.op == 1 else None
        return seq if isinstance(seq, int) else None


class Transcript:
    """What all clients did, oldest first. The token is nowhere in it; ids of sessions are."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries, oldest first."""
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def connects(self, shard: int | None = None) -> list[Entry]:
        """List the connections that were asked for, of a shard or of all."""
        return self._select("connect", shard)

    def payloads(self, op: int | None = None, shard: int | None = None) -> list[Entry]:
        """List the payloads, of one opcode or of all, of one shard or of all."""
        return [entry for entry in self._select("payload", shard) if op is None or entry.op == op]

    def closes(self, shard: int | None = None, by: Literal["client", "server"] | None = None) -> list[int]:
        """List the codes of the connections that ended, by one side or by either."""
        ended = self._select("close", shard)
        return [entry.code for entry in ended if entry.code is not None and by in {None, entry.by}]

    def _select(self, kind: Kind, shard: int | None) -> list[Entry]:
        return [entry for entry in self._entries if entry.kind == kind and shard in {None, entry.shard}]

    def note_connect(self, at: float, connection: int, shard: int | None, target: str, status: int = 101) -> None:
        """Note that a client asked for a connection, and what HTTP answered."""
        self._entries.append(Entry(at, connection, shard, "connect", target=target, status=status))

    def note_payload(self, at: float, connection: int, shard: int | None, text: bytes) -> None:
        """Note what a client sent; whatever it is."""
        try:
            payload = msgspec.json.decode(text)
        except msgspec.MsgspecError:
            payload = None
        op, data = (payload.get("op"), payload.get("d")) if isinstance(payload, dict) else (None, None)
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key != "token"}
        op = op if isinstance(op, int) else None
        self._entries.append(Entry(at, connection, shard, "payload", op=op, d=data, size=len(text)))

    def note_shard(self, connection: int, shard: int) -> None:
        """Note whose connection it is, for what it did before it said so too."""
        for entry in reversed(self._entries):
            if entry.connection != connection:
                continue
            if entry.shard is not None:
                break
            entry.shard = shard

    def note_close(
        self, at: float, connection: int, shard: int | None, code: int, by: Literal["client", "server"]
    ) -> None:
        """Note that a connection ended."""
        self._entries.append(Entry(at, connection, shard, "close", code=code, by=by))
