"""A bot's view of its guilds, kept from events alone; it complains of whatever does not follow from what it was told."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.event import Event

EVERYTHING = 0x3FFFFFF

WRITTEN_IN = {0, 2, 10, 11, 12, 13}
"""Types of channels in which messages can be written."""


class Guild:
    """What is known of a guild."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.available = True
        self.members = {member["user"]["id"]: member for member in told["members"]}
        self.member_count = told["member_count"]
        self.channels = {channel["id"]: channel for channel in told["channels"]}
        self.threads = {thread["id"]: thread for thread in told["threads"]}
        self.voice = {voice["user_id"]: voice for voice in told["voice_states"]}
        self.presences = {presence["user"]["id"]: presence for presence in told["presences"]}
        self.messages: dict[str, Any] = {}
        self.reactions: set[tuple[Any, ...]] = set()
        self.banned: set[str] = set()

    def same_as(self, told: dict[str, Any]) -> None:
        """Compare with a GUILD_CREATE of this moment."""
        fresh = Guild(told)
        assert self.members == fresh.members
        assert self.member_count == fresh.member_count
        assert self.channels == fresh.channels
        assert {
            key: each for key, each in self.threads.items() if not each["thread_metadata"]["archived"]
        } == fresh.threads
        assert self.voice == fresh.voice
        assert self.presences == fresh.presences
        assert self.told["name"] == told["name"]
        assert self.told["afk_channel_id"] == told["afk_channel_id"]


class Observer:
    """Follows events.

    Attributes:
        guilds: by id.
        names: how many events of each kind there were.
        late: whether there were messages, reactions and archived threads before, which GUILD_CREATE does not name.
        silent_leaves: how many people left a guild out of voice without a VOICE_STATE_UPDATE before.

    """

    def __init__(self, large_threshold: int = 250, *, late: bool = False) -> None:
        self.guilds: dict[str, Guild] = {}
        self.names: Counter[str] = Counter()
        self.silent_leaves = 0
        self.last_id = 0
        self.threshold = large_threshold
        self.late = late

    def see(self, event: Event) -> None:
        """Take in an event that is told at this moment."""
        name = event.name.decode()
        data = json.loads(event.view(EVERYTHING, self.threshold) if event.view else event.data)
        assert event.guild_id == guild_of(name, data)
        self.hear(name, data)

    def hear(self, name: str, data: dict[str, Any]) -> None:
        """Take in what a dispatch says."""
        self.names[name] += 1
        if name in {"GUILD_CREATE", "GUILD_DELETE"}:
            getattr(self, name.lower())(data)
            return
        if not guild_of(name, data):
            assert name in {"MESSAGE_CREATE", "READY", "RESUMED", "USER_UPDATE", "MOCHA_SIMULATED_EVENT"}
            return
        guild = self.guilds[data.get("guild_id", data.get("id"))]
        assert guild.available, "nothing is told of a guild during an outage"
        getattr(self, name.lower())(guild, data)

    def guild_create(self, data: dict[str, Any]) -> None:
        known = self.guilds.get(data["id"])
        if known is not None:
            assert not known.available
            assert data["unavailable"] is False
        elif self.names["MESSAGE_CREATE"]:
            assert "unavailable" not in data, "the bot has joined"
        guild = self.guilds[data["id"]] = Guild(data)
        if known is not None:
            guild.messages, guild.reactions, guild.banned = known.messages, known.reactions, known.banned
            archived = {key: each for key, each in known.threads.items() if each["thread_metadata"]["archived"]}
            guild.threads = archived | guild.threads

    def guild_delete(self, data: dict[str, Any]) -> None:
        assert self.guilds[data["id"]].available
        if data.get("unavailable"):
            self.guilds[data["id"]].available = False
        else:
            del self.guilds[data["id"]]

    def guild_update(self, guild: Guild, data: dict[str, Any]) -> None:
        assert "members" not in data
        assert data["afk_channel_id"] is None or guild.channels[data["afk_channel_id"]]["type"] == 2
        guild.told = guild.told | data

    def channel_create(self, guild: Guild, data: dict[str, Any]) -> None:
        assert data["id"] not in guild.channels
        assert guild.channels[data["parent_id"]]["type"] == 4
        guild.channels[data["id"]] = without_guild(data)

    def channel_update(self, guild: Guild, data: dict[str, Any]) -> None:
        assert data["id"] in guild.channels
        guild.channels[data["id"]] = without_guild(data)

    def channel_delete(self, guild: Guild, data: dict[str, Any]) -> None:
        assert without_guild(data) == guild.channels.pop(data["id"])
        # Of the threads below it nothing is said.
        guild.threads = {key: each for key, each in guild.threads.items() if each["parent_id"] != data["id"]}
        assert guild.told["afk_channel_id"] != data["id"]
        assert not [each for each in guild.voice.values() if each["channel_id"] == data["id"]]

    def thread_create(self, guild: Guild, data: dict[str, Any]) -> None:
        assert data.pop("newly_created") is True
        assert data["id"] not in guild.threads
        assert data["parent_id"] in guild.channels
        assert data["owner_id"] in guild.members
        guild.threads[data["id"]] = data

    def thread_update(self, guild: Guild, data: dict[str, Any]) -> None:
        assert self.late or data["id"] in guild.threads
        guild.threads[data["id"]] = data

    def thread_delete(self, guild: Guild, data: dict[str, Any]) -> None:
        if self.late and data["id"] not in guild.threads:
            return
        known = guild.threads.pop(data["id"])
        assert data == {key: known[key] for key in ("id", "guild_id", "parent_id", "type")}

    def thread_list_sync(self, guild: Guild, data: dict[str, Any]) -> None:
        [parent] = data["channel_ids"]
        listed = {thread["id"]: thread for thread in data["threads"]}
        known = [each for each in guild.threads.values() if each["parent_id"] == parent]
        assert {each["id"] for each in known if not each["thread_metadata"]["archived"]} < set(listed)
        guild.threads |= listed

    def guild_member_add(self, guild: Guild, data: dict[str, Any]) -> None:
        user_id = data["user"]["id"]
        known = guild.members.get(user_id)
        assert known in (None, without_guild(data)), "a second time only if it is a repetition"
        assert user_id not in guild.banned
        guild.member_count += known is None
        guild.members[user_id] = without_guild(data)

    def guild_member_update(self, guild: Guild, data: dict[str, Any]) -> None:
        assert guild.members[data["user"]["id"]]["joined_at"] == data["joined_at"]
        guild.members[data["user"]["id"]] = without_guild(data)

    def guild_member_remove(self, guild: Guild, data: dict[str, Any]) -> None:
        user_id = data["user"]["id"]
        assert guild.members.pop(user_id)["user"] == data["user"]
        guild.member_count -= 1
        guild.presences.pop(user_id, None)
        self.silent_leaves += guild.voice.pop(user_id, None) is not None

    def guild_ban_add(self, guild: Guild, data: dict[str, Any]) -> None:
        assert data["user"]["id"] in guild.members
        guild.banned.add(data["user"]["id"])

    def guild_audit_log_entry_create(self, guild: Guild, data: dict[str, Any]) -> None:
        assert data["target_id"] not in guild.members
        assert (data["action_type"] == 22) == (data["target_id"] in guild.banned)

    def presence_update(self, guild: Guild, data: dict[str, Any]) -> None:
        user_id = data["user"]["id"]
        assert user_id in guild.members
        assert set(data["client_status"].values()) == ({data["status"]} - {"offline"})
        if data["status"] == "offline":
            guild.presences.pop(user_id)
        else:
            guild.presences[user_id] = without_guild(data)

    def voice_state_update(self, guild: Guild, data: dict[str, Any]) -> None:
        user_id = data["user_id"]
        member = data.pop("member")
        # What the guild does to somebody in voice is told here alone.
        guild.members[user_id] = guild.members[user_id] | {"mute": data["mute"], "deaf": data["deaf"]}
        assert member == guild.members[user_id]
        if data["channel_id"] is None:
            assert guild.voice.pop(user_id)["channel_id"]
            return
        assert guild.channels[data["channel_id"]]["type"] in {2, 13}
        assert without_guild(data) != guild.voice.get(user_id), "an event tells a change"
        guild.voice[user_id] = without_guild(data)

    def message_create(self, guild: Guild, data: dict[str, Any]) -> None:
        message_id = int(data["id"])
        if data["id"] not in guild.threads:
            assert message_id > self.last_id
            self.last_id = message_id
        assert abs(datetime.fromisoformat(data["timestamp"]).timestamp() * 1000 - time_ms(message_id)) < 1000
        place = guild.channels.get(data["channel_id"]) or guild.threads[data["channel_id"]]
        assert place["type"] == data["channel_type"]
        assert place["type"] in WRITTEN_IN
        assert not place.get("thread_metadata", {}).get("archived")
        if "webhook_id" not in data:
            member = guild.members[data["author"]["id"]]
            assert data["author"] == member["user"]
            assert data["member"] == {key: value for key, value in member.items() if key != "user"}
        guild.messages[data["id"]] = data

    def message_update(self, guild: Guild, data: dict[str, Any]) -> None:
        if self.late and data["id"] not in guild.messages:
            return
        known = guild.messages[data["id"]]
        edited, before = data["edited_timestamp"], known["edited_timestamp"]
        if known["content"] != data["content"]:
            assert edited is not None
            assert before is None or edited >= before
        else:
            assert edited == before or edited is not None
        fixed = ("channel_id", "author", "timestamp", "type")
        assert {key: data[key] for key in fixed if key != "author"} == {
            key: known[key] for key in fixed if key != "author"
        }
        assert data["author"]["id"] == known["author"]["id"]
        guild.messages[data["id"]] = data

    def message_delete(self, guild: Guild, data: dict[str, Any]) -> None:
        known = guild.messages.pop(data["id"], None)
        assert known is None or known["channel_id"] == data["channel_id"]
        guild.reactions = {each for each in guild.reactions if each[0] != data["id"]}

    def message_delete_bulk(self, guild: Guild, data: dict[str, Any]) -> None:
        assert 2 <= len(data["ids"]) <= 100 or len(set(data["ids"])) == len(data["ids"])
        for message_id in data["ids"]:
            self.message_delete(guild, {"id": message_id, "channel_id": data["channel_id"]})

    def message_reaction_add(self, guild: Guild, data: dict[str, Any]) -> None:
        if self.late and data["message_id"] not in guild.messages:
            return
        message = guild.messages[data["message_id"]]
        assert message["channel_id"] == data["channel_id"]
        assert data["member"] == guild.members[data["user_id"]]
        if "message_author_id" in data:
            assert data["message_author_id"] == message["author"]["id"]
        else:
            assert "webhook_id" in message
        assert ("burst_colors" in data) == data["burst"] == (data["type"] == 1)
        assert reaction(data) not in guild.reactions
        guild.reactions.add(reaction(data))

    def message_reaction_remove(self, guild: Guild, data: dict[str, Any]) -> None:
        assert "member" not in data
        if self.late and reaction(data) not in guild.reactions:
            return
        guild.reactions.remove(reaction(data))

    def message_reaction_remove_all(self, guild: Guild, data: dict[str, Any]) -> None:
        kept = {each for each in guild.reactions if each[0] != data["message_id"]}
        assert self.late or kept != guild.reactions
        guild.reactions = kept

    def message_reaction_remove_emoji(self, guild: Guild, data: dict[str, Any]) -> None:
        gone = (data["message_id"], data["emoji"]["id"], data["emoji"]["name"])
        kept = {each for each in guild.reactions if (each[0], *each[2:4]) != gone}
        assert self.late or kept != guild.reactions
        guild.reactions = kept


def guild_of(name: str, data: dict[str, Any]) -> int:
    """Return which guild an event is of, 0 for none."""
    own_id = data["id"] if name in {"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"} else 0
    return int(data.get("guild_id", own_id))


def reaction(data: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key of a reaction."""
    return (data["message_id"], data["user_id"], data["emoji"]["id"], data["emoji"]["name"], data["type"])


def without_guild(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what GUILD_CREATE leaves out, too."""
    return {key: value for key, value in data.items() if key != "guild_id"}
