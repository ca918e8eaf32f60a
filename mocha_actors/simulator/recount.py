"""The oracle: what a ledger says about messages, counted by plain code.

It is written to be read beside `statistics.md` and to share nothing with the program that it judges: json, dicts and
loops, no library, no imports from Mocha but its own
parts. Speed is no aim. The rules, in the order in which they apply:

1. A dispatch counts once, however often it was replayed: it is known by session and number.
2. Messages are counted here; edits, reactions and members beside, by rules of their own. A message without `guild_id` is a direct or an ephemeral one, and is not stored.
3. A message counts once, though several sessions may have got it: it is known by guild and message id.
4. Author: with a `webhook_id` other than the `application_id` it is a webhook; else a bot if it is an interaction's
reply (both ids are
   equal) or if `author.bot` is set; else a human.
5. Kind: types 0 and 19 are messages, 20 and 23 commands, every other type is of the system.
6. Time: that of the message id, whose upper 42 bits are milliseconds since 2015.
7. Rows of the system are stored and in no sum. Webhooks are in the sums of channels and guilds, and in none of users.
8. A deletion is counted once, beside the message that was sent, under the message's own time; one of a message that is
not known is nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mocha_actors.simulator.recount_members import Members
from mocha_actors.simulator.recount_talk import Talk

HUMAN, BOT, WEBHOOK = 0, 1, 2
MESSAGE, COMMAND, SYSTEM = 0, 1, 2

MESSAGE_CONTENT = 1 << 15
"""Bit of the intent for the contents of messages."""

Key = tuple[int | str, ...]
Numbers = tuple[int | str | None, ...]

Gap = tuple[int, int, int]
"""(shard, from, to), half-open, in milliseconds since the Unix epoch: what was sent then was not observed."""

TABLES = ("message_events", "user_day", "user_week", "channel_hour", "channel_day", "guild_hour")
"""The tables of which a ledger tells every row."""

MS_A_HOUR = 3_600_000
MS_A_DAY = 86_400_000
EPOCH_MS_OF_2015 = 1_420_070_400_000


@dataclass
class Truth:
    """What a database that lost nothing and counted nothing twice must hold.

    Hours and days are numbers since the Unix epoch, UTC. Classes of authors are 0 human, 1 bot, 2 webhook; kinds are 0
    message, 1 command, 2 system.

    Attributes:
        talk: what is known of messages beside that they were sent, and the reactions that stand.
        members: who is a member.
        deleted: (guild, message) of those that were deleted.
        raw: (guild, message) to (channel, author, class, kind). The author of a webhook's message is the id in
            `author.id`.
        sent: by sum, see `sums_of`, the number of messages sent of each key.
        dispatches: number of dispatches of every kind, replays not counted.
    """

    raw: dict[tuple[int, int], tuple[int, int, int, int]] = field(default_factory=dict)
    sent: dict[str, Counter[Key]] = field(default_factory=lambda: {table: Counter() for table in TABLES[1:]})
    deleted: set[tuple[int, int]] = field(default_factory=set)
    talk: Talk = field(default_factory=Talk)
    members: Members = field(default_factory=Members)
    dispatches: int = 0

    def tables(self) -> dict[str, dict[Key, Numbers]]:
        """Give the rows of each table that must be there: by key, the numbers."""
        tables: dict[str, dict[Key, Numbers]] = {name: {} for name in TABLES}
        for (guild, message_id), row in self.raw.items():
            gone = int((guild, message_id) in self.deleted)
            tables["message_events"][guild, message_id] = (*row, gone)
            for table, key in sums_of(guild, message_id, row):
                sent, deleted = tables[table].get(key, (0, 0))
                tables[table][key] = (int(sent or 0) + 1, int(deleted or 0) + gone)
        tables["message_details"] = dict(self.talk.details)
        tables["reaction_state"] = dict(self.talk.reactions)
        tables["members"] = {key: member.row() for key, member in self.members.known.items()}
        return tables

    @property
    def user_day(self) -> Counter[Key]:
        """Messages sent by (guild, user, day, class, kind)."""
        return self.sent["user_day"]

    @property
    def channel_hour(self) -> Counter[Key]:
        """Messages sent by (guild, channel, hour, class, kind)."""
        return self.sent["channel_hour"]

    @property
    def guild_hour(self) -> Counter[Key]:
        """Messages sent by (guild, hour, class, kind)."""
        return self.sent["guild_hour"]

    def messages_per_guild(self) -> dict[int, int]:
        """Count the rows of each guild, those of the system included."""
        return dict(Counter(guild for guild, _ in self.raw))

    def message_ids(self) -> dict[int, set[int]]:
        """Collect the ids of each guild's messages, those of the system included."""
        ids: dict[int, set[int]] = {}
        for guild, message in self.raw:
            ids.setdefault(guild, set()).add(message)
        return ids

    def add(self, message: dict[str, Any], *, reads: bool = True) -> None:
        """Count the `d` of a MESSAGE_CREATE, sent to a client that reads messages or not, unless it is known or not to be stored."""
        if "guild_id" not in message:
            return
        guild, message_id = int(message["guild_id"]), int(message["id"])
        if (guild, message_id) in self.raw:
            return
        channel, author = int(message["channel_id"]), int(message["author"]["id"])
        author_class, kind = classify_author(message), classify_kind(message["type"])
        self.raw[guild, message_id] = row = (channel, author, author_class, kind)
        for table, key in sums_of(guild, message_id, row):
            self.sent[table][key] += 1
        self.talk.describe(message, reads=reads)

    def take(self, name: str, data: dict[str, Any]) -> None:
        """Count the `d` of any other dispatch; some kinds say nothing that is counted."""
        if name in {"MESSAGE_DELETE", "MESSAGE_DELETE_BULK"}:
            self.delete(data)
        elif name == "MESSAGE_UPDATE":
            self.talk.edit(data, known=_key(data) in self.raw)
        elif name.startswith("MESSAGE_REACTION_"):
            self.talk.react(name, data)
        else:
            self.members.take(name, data)

    def delete(self, data: dict[str, Any]) -> None:
        """Note the `d` of a MESSAGE_DELETE or MESSAGE_DELETE_BULK."""
        for message_id in data.get("ids", [data.get("id")]):
            key = (int(data.get("guild_id", 0)), int(message_id))
            self.talk.delete(*key)
            if key in self.raw:
                self.deleted.add(key)


def sums_of(guild: int, message_id: int, row: tuple[int, int, int, int]) -> Iterator[tuple[str, Key]]:
    """Name the sums in which a message stands, and its key in each (rules 6 and 7)."""
    channel, author, author_class, kind = row
    if kind == SYSTEM:
        return
    ms = (message_id >> 22) + EPOCH_MS_OF_2015
    yield "channel_hour", (guild, channel, ms // MS_A_HOUR, author_class, kind)
    yield "channel_day", (guild, channel, ms // MS_A_DAY, author_class, kind)
    yield "guild_hour", (guild, ms // MS_A_HOUR, author_class, kind)
    if author_class != WEBHOOK:
        yield "user_day", (guild, author, ms // MS_A_DAY, author_class, kind)
        yield "user_week", (guild, author, (ms // MS_A_DAY + 3) // 7, author_class, kind)


def classify_author(message: dict[str, Any]) -> int:
    """Tell a human from a bot and from a webhook (rule 4)."""
    webhook = message.get("webhook_id")
    if webhook is not None and webhook != message.get("application_id"):
        return WEBHOOK
    if webhook is not None or message["author"].get("bot"):
        return BOT
    return HUMAN


def classify_kind(message_type: int) -> int:
    """Tell a message from a command and from what Discord itself wrote (rule 5)."""
    if message_type in (0, 19):
        return MESSAGE
    return COMMAND if message_type in (20, 23) else SYSTEM


def recount(path: Path, omit: AbstractSet[tuple[int, int]] = frozenset(), gaps: Collection[Gap] = ()) -> Truth:
    """Count a ledger, but for the messages (guild, message) in `omit`, and for what else was sent in one of `gaps`.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not a line of a ledger; the text names its number. A last line without line end was torn
            by a crash, never reached a client, and is left out.
    """
    truth = Truth()
    seen: set[tuple[str, int]] = set()
    began: dict[str, float] = {}
    not_reading = _not_reading(path)
    for line in _lines(path):
        session, frame = line["session"], line["frame"]
        began.setdefault(session, line["at"] * 1000)
        if (session, frame["s"]) in seen:
            continue
        seen.add((session, frame["s"]))
        truth.dispatches += 1
        if frame["t"] == "MESSAGE_CREATE":
            if _key(frame["d"]) not in omit:
                truth.add(frame["d"], reads=session not in not_reading)
        elif not _in_gap(line, began[session], gaps):
            truth.take(frame["t"], frame["d"])
    return truth


def _not_reading(path: Path) -> set[str]:
    """Find the sessions whose client did not ask for the contents of messages, in the index of a ledger that has one."""
    index = path.with_name(path.name + ".sessions")
    lines = index.read_bytes().splitlines(keepends=True) if index.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {each["session"] for each in entries if each["event"] == "opened" and not each["intents"] & MESSAGE_CONTENT}


def _in_gap(line: dict[str, Any], began: float, gaps: Collection[Gap]) -> bool:
    """Tell whether a line was sent in a gap of a session that had begun before; the one that ends a gap does not lie in it."""
    at = line["at"] * 1000
    return any(line["shard"] == shard and began < start <= at < end for shard, start, end in gaps)


def _key(message: dict[str, Any]) -> tuple[int, int]:
    return int(message.get("guild_id", 0)), int(message["id"])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                entry = json.loads(line)
                entry["session"], entry["frame"]["s"], entry["frame"]["t"], entry["shard"], entry["at"] + 0.0
            except (ValueError, KeyError, TypeError) as error:
                msg = f"line {number} of {path} is not a line of a ledger: {error!r}"
                raise ValueError(msg) from error
            yield entry
