"""The oracle of what surrounds messages: what is known beside their being sent, and the reactions that stand.

Plain code that shares nothing with the program that it judges. The rules:

1. A message is described if its payload says anything: content, embeds, attachments, or who used the command that it answers. Without content and
embeds it may be that they are kept from the bot, so that what needs them is unknown. A client without the intent for them reads none, though Discord
shows it those of its own messages.
2. An edit counts if the message is known and its `edited_timestamp` is newer than any before.
3. A reaction is known by guild, message, user, emoji (its id, else its name) and whether it is a super reaction. It stands from its add until it is
taken back, cleared, or its message is deleted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

Row = tuple[int | str | None, ...]

UNKNOWN = (None, None, None, None, None)


class Talk:
    """What a ledger says so far.

    Attributes:
        details: (guild, message) to (attachments, embeds, mentions, links, length, words, invoker, last edit, edits).
        reactions: (guild, message, user, emoji, burst) to (channel, is a bot).
    """

    def __init__(self) -> None:
        """Nothing was said."""
        self.details: dict[tuple[int | str, ...], Row] = {}
        self.reactions: dict[tuple[int | str, ...], Row] = {}

    def describe(self, message: dict[str, Any], *, reads: bool) -> None:
        """Take what the `d` of a MESSAGE_CREATE says beside that it was sent to a client that reads messages, or not (rule 1)."""
        if not reads:
            message = {key: value for key, value in message.items() if key not in {"content", "embeds", "attachments"}}
        content, embeds = message.get("content", ""), message.get("embeds", [])
        attachments = len(message.get("attachments", []))
        invoker = ((message.get("interaction_metadata") or {}).get("user") or {}).get("id")
        row: Row = (attachments, *UNKNOWN)
        if content or embeds:
            links = len(re.findall("https?://[^ \t\r\n\v\f]", content))
            mentions = len(message.get("mentions", []))
            row = (attachments, len(embeds), mentions, links, len(content), len(content.split()))
        if content or embeds or attachments or invoker:
            who = int(invoker) if invoker else None
            self.details[int(message["guild_id"]), int(message["id"])] = (*row, who, None, 0)

    def edit(self, message: dict[str, Any], *, known: bool) -> None:
        """Take the `d` of a MESSAGE_UPDATE (rule 2)."""
        stamp = message.get("edited_timestamp")
        if not known or stamp is None:
            return
        key = (int(message["guild_id"]), int(message["id"]))
        row = self.details.get(key, (0, *UNKNOWN, None, None, 0))
        last, edits, now = row[-2], row[-1], milliseconds(stamp)
        if last is None or now > int(last):
            self.details[key] = (*row[:-2], now, int(edits or 0) + 1)

    def react(self, name: str, data: dict[str, Any]) -> None:
        """Take the `d` of a MESSAGE_REACTION_…, whose `name` this is (rule 3)."""
        if "guild_id" not in data:
            return
        message = (int(data["guild_id"]), int(data["message_id"]))
        emoji = str(data["emoji"]["id"] or data["emoji"]["name"]) if "emoji" in data else None
        if name in {"MESSAGE_REACTION_REMOVE_ALL", "MESSAGE_REACTION_REMOVE_EMOJI"}:
            self._drop(message, emoji)
            return
        burst = int(bool(data.get("burst")) or data.get("type") == 1)
        key = (*message, int(data["user_id"]), str(emoji), burst)
        if name == "MESSAGE_REACTION_REMOVE":
            self.reactions.pop(key, None)
        elif key not in self.reactions:
            bot = ((data.get("member") or {}).get("user") or {}).get("bot", False)
            self.reactions[key] = (int(data["channel_id"]), int(bot))

    def delete(self, guild: int, message: int) -> None:
        """Forget the reactions to a message that was deleted."""
        self._drop((guild, message), None)

    def _drop(self, message: tuple[int, int], emoji: str | None) -> None:
        for key in [key for key in self.reactions if key[:2] == message and emoji in {None, key[3]}]:
            del self.reactions[key]


def milliseconds(stamp: str) -> int:
    """Read an ISO 8601 timestamp as whole milliseconds since the Unix epoch."""
    return (datetime.fromisoformat(stamp) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
