"""A session: the numbered stream of dispatches to one shard, and its memory for a RESUME."""

from __future__ import annotations

from collections.abc import Sequence

from mocha_actors.simulator.event import Event

MESSAGE_CONTENT_INTENT = 1 << 15
"""Bit of the intents without which the contents of messages are empty."""

LARGE_THRESHOLD = 50
"""What Discord takes for the `large_threshold` of a client that names none."""

UNSEEN = b""
"""Stands in the memory for a dispatch that is never replayed, so that positions and sequence numbers stay in step."""


class Session:
    """What Discord knows of one identified shard; it outlives its connections.

    Dispatches are numbered from 1 without gaps. The newest are kept, encoded, within a number and a size; the oldest
    are forgotten in runs, since each forgetting moves all that is kept.

    Attributes:
        id: the secret that a RESUME has to show.
        shard: the shard's number.
        shards: number of shards in all, as the client identified.
        intents: bits of the intents that the client asked for.
        large_threshold: number of members above which the client wants to hear of those who are online alone.
        last_seq: number of the newest dispatch, 0 before the first.
        floor: number of the newest dispatch that is forgotten, 0 if none is. A RESUME from a lower number is
            impossible.
        sent_seq: greatest number that ever went to a connection.
        disconnected_at: monotonic seconds at which the last connection ended, None while there is one.
        listed_at: monotonic seconds at which all members of a guild were last asked for, by guild.
    """

    def __init__(
        self,
        session_id: str,
        shard: int,
        shards: int,
        intents: int,
        *,
        max_events: int,
        max_bytes: int,
        large_threshold: int = LARGE_THRESHOLD,
    ) -> None:
        """Open an empty session that keeps at most `max_events` dispatches of together `max_bytes`."""
        self.id = session_id
        self.shard = shard
        self.shards = shards
        self.intents = intents
        self.large_threshold = large_threshold
        self.floor = 0
        self.sent_seq = 0
        self.disconnected_at: float | None = None
        self.listed_at: dict[int, float] = {}
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._payloads: list[bytes] = []
        self._bytes = 0

    def __repr__(self) -> str:
        """Name the shard; the id is a secret."""
        return f"<Session shard={self.shard}/{self.shards} seq={self.last_seq}>"

    @property
    def last_seq(self) -> int:
        """Number of the newest dispatch."""
        return self.floor + len(self._payloads)

    def sees(self, guild_id: int) -> bool:
        """Tell whether a guild belongs to this shard, by Discord's formula; direct messages (0) belong to shard 0."""
        return (guild_id >> 22) % self.shards == self.shard

    def select(self, events: Sequence[Event]) -> Sequence[Event]:
        """Pick the events whose guild and intent this session is to get, without contents that it is not to see."""
        missing = ~self.intents
        chosen = [event for event in events if not event.intent & missing]
        if self.shards > 1:
            chosen = [event for event in chosen if self.sees(event.guild_id)]
        if any(event.view for event in chosen):
            seen = (self.intents, self.large_threshold)
            chosen = [event._replace(data=event.view(*seen), view=None) if event.view else event for event in chosen]
        if missing & MESSAGE_CONTENT_INTENT:
            chosen = [event if event.bare is None else event._replace(data=event.bare) for event in chosen]
        return chosen

    def dispatch(self, events: Sequence[Event]) -> list[bytes]:
        """Number events, remember them, and return their frames."""
        first = self.last_seq + 1
        payloads = [
            b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name, seq, data)
            for seq, (name, _, _, data, _, _) in enumerate(events, start=first)
        ]
        self.remember(payloads)
        return payloads

    def dispatch_unseen(self, event: Event) -> bytes:
        """Number an event that only its own connection sees (RESUMED), and return its frame.

        A later RESUME replays what was missed, and the end of an earlier replay is nothing that could be missed.
        """
        payload = b'{"t":"%b","s":%d,"op":0,"d":%b}' % (event.name, self.last_seq + 1, event.data)
        self.remember([UNSEEN])
        return payload

    def remember(self, payloads: Sequence[bytes]) -> None:
        """Append frames that are already numbered, and forget the oldest if there are too many."""
        self._payloads.extend(payloads)
        self._bytes += sum(map(len, payloads))
        while len(self._payloads) > self._max_events or self._bytes > self._max_bytes:
            self._forget(len(self._payloads) // 16 + 1)

    def forget_through(self, seq: int) -> None:
        """Forget the dispatches up to a number, as if the client had acknowledged them."""
        self._forget(min(seq, self.last_seq) - self.floor)

    def _forget(self, count: int) -> None:
        if count > 0:
            self._bytes -= sum(map(len, self._payloads[:count]))
            del self._payloads[:count]
            self.floor += count

    def after(self, seq: int, limit: int) -> list[bytes]:
        """Return the frames that follow a number, at most `limit` of them; `UNSEEN` where one is not replayed."""
        start = seq - self.floor
        return self._payloads[start : start + limit]

    def start_from(self, seq: int) -> None:
        """Continue after `seq`, as a session whose earlier dispatches are not at hand any more."""
        self._forget(len(self._payloads))
        self.floor = self.sent_seq = seq

    def can_resume(self, seq: int) -> bool:
        """Tell whether everything after a number is still remembered."""
        return seq >= self.floor

    def is_expired(self, now: float, timeout: float) -> bool:
        """Tell whether the session has been without connection for longer than `timeout` seconds."""
        return self.disconnected_at is not None and now - self.disconnected_at > timeout
