"""What is true in a guild at the moment: the source of all that the simulator says about it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import msgspec

from mocha_actors.simulator.draft import Author, Draft, Place, author_of, author_of_webhook, stranger
from mocha_actors.simulator.life.parts import Presence, Voice
from mocha_actors.simulator.life.roster import Roster
from mocha_actors.simulator.objects import full_member
from mocha_actors.simulator.world import STAGE, TEXT, VOICE, Channel, Guild, Member, User

GUILD_MESSAGES_INTENT = 1 << 9

REMEMBERED = 400
"""Number of a guild's newest messages that can still be edited, deleted or reacted to."""

FORMER = 500
"""Number of those who left that can come back."""

Reactions = dict[tuple[int, str, int], set[int]]
"""Who reacted, by id (0 for Unicode) and name of the emoji and by type of the reaction (1 is a super reaction)."""


@dataclass(slots=True, eq=False)
class Sent:
    """A message that can still change.

    Attributes:
        id: the message.
        place: where it was sent.
        draft: what it says.
        when: its timestamp.
        edited: JSON of the time of the last edit.
        reactions: see `Reactions`.
    """

    id: int
    place: Place
    draft: Draft
    when: str
    edited: str = "null"
    reactions: Reactions = field(default_factory=dict)


class GuildState:
    """A guild as it is now.

    Attributes:
        guild: the guild as it was founded.
        id: its id.
        name: its name.
        afk_channel_id: the voice channel for those who are away, None if there is none.
        available: whether the guild can be reached; if not there is an outage.
        back_at_ms: when an outage ends, milliseconds since the Unix epoch.
        leavable: whether the bot may be removed from it.
        changes: grows with everything that happens.
        members: everybody by user id, bots too.
        people: the humans among them.
        pending: user ids of those who have yet to pass the screening, in the order in which they joined.
        former: who left.
        channels: by id, without threads.
        threads: by id, archived ones too.
        spots: ids of channels and threads in which messages are written.
        voice: who is in a voice channel, by user id.
        presences: who is online, by user id; shared by all guilds.
        sent: the newest messages, oldest first.
    """

    def __init__(self, guild: Guild, presences: dict[int, Presence] | None = None) -> None:
        """Begin with a guild as it was founded."""
        self.guild = guild
        self.id = guild.id
        self.name = guild.name
        self.afk_channel_id: int | None = guild.afk_channel_id
        self.available = True
        self.back_at_ms = 0
        self.leavable = False
        self.changes = 0
        self.members = {member.user.id: member for member in (*guild.bots, *guild.members)}
        self.people = Roster(member.user.id for member in guild.members)
        self.pending: dict[int, None] = {}
        self.former: deque[User] = deque(maxlen=FORMER)
        self.channels = {channel.id: channel for channel in guild.channels}
        self.threads = {thread.id: thread for thread in guild.threads}
        self.spots = Roster(place.id for place in (*guild.channels, *guild.threads) if is_written_in(place))
        self.voice: dict[int, Voice] = {}
        self.presences = {} if presences is None else presences
        self.sent: deque[Sent] = deque(maxlen=REMEMBERED)
        self.webhooks = [author_of_webhook(hook) for hook in guild.webhooks if hook.application_id is None]
        owned = [(hook, hook.application_id) for hook in guild.webhooks if hook.application_id is not None]
        self.proxies = [(author_of_webhook(hook), application_id) for hook, application_id in owned]
        self.own = stranger(guild.bots[0].user)
        self._authors: dict[int, Author] = {}
        self._full: dict[int, msgspec.Raw] = {}
        self._places: dict[int, Place] = {}

    def author(self, user_id: int) -> Author:
        """Render a member as an author, which is done once after each change of the member."""
        author = self._authors.get(user_id)
        if author is None:
            author = self._authors[user_id] = author_of(self.members[user_id])
        return author

    def full_member(self, user_id: int) -> msgspec.Raw:
        """Render a member with the user, which is done once after each change of the member."""
        full = self._full.get(user_id)
        if full is None:
            full = self._full[user_id] = msgspec.Raw(msgspec.json.encode(full_member(self.members[user_id])))
        return full

    def place(self, channel_id: int) -> Place:
        """Find where messages of a channel or thread go."""
        place = self._places.get(channel_id)
        if place is None:
            channel = self.channels.get(channel_id) or self.threads[channel_id]
            place = self._places[channel_id] = Place(self.id, channel_id, channel.type, GUILD_MESSAGES_INTENT)
        return place

    def set_member(self, member: Member) -> None:
        """Let somebody join, or change."""
        self.members[member.user.id] = member
        self._authors.pop(member.user.id, None)
        self._full.pop(member.user.id, None)
        if member.pending:
            self.pending[member.user.id] = None
        else:
            self.pending.pop(member.user.id, None)
        if not member.user.bot:
            self.people.add(member.user.id)

    def drop_member(self, user_id: int) -> Member:
        """Let somebody go, out of any voice channel too."""
        member = self.members.pop(user_id)
        self._authors.pop(user_id, None)
        self._full.pop(user_id, None)
        self.people.remove(user_id)
        self.pending.pop(user_id, None)
        self.voice.pop(user_id, None)
        self.former.append(member.user)
        return member

    def set_channel(self, channel: Channel) -> None:
        """Make or change a channel."""
        self.channels[channel.id] = channel
        if is_written_in(channel):
            self.spots.add(channel.id)

    def drop_channel(self, channel_id: int) -> Channel:
        """Delete a channel, and the threads below it; its messages can not change any more."""
        for thread_id in [each.id for each in self.threads.values() if each.parent_id == channel_id]:
            self.drop_thread(thread_id)
        self._forget_place(channel_id)
        return self.channels.pop(channel_id)

    def set_thread(self, thread: Channel) -> None:
        """Make or change a thread. Nobody writes in one that is archived, and it has no place in GUILD_CREATE."""
        self.threads[thread.id] = thread
        if thread.archived:
            self.spots.remove(thread.id)
        else:
            self.spots.add(thread.id)

    def drop_thread(self, thread_id: int) -> Channel:
        """Delete a thread."""
        self._forget_place(thread_id)
        return self.threads.pop(thread_id)

    def _forget_place(self, channel_id: int) -> None:
        self.spots.remove(channel_id)
        self._places.pop(channel_id, None)
        self.sent = deque((each for each in self.sent if each.place.channel_id != channel_id), maxlen=REMEMBERED)

    def of_type(self, *types: int) -> list[Channel]:
        """List the channels of some types."""
        return [channel for channel in self.channels.values() if channel.type in types]

    def forget_sent(self, sent: Sent) -> None:
        """Delete a message: it can be neither changed nor answered any more."""
        self.sent.remove(sent)
        if sent.place.previous_id == sent.id:
            sent.place.previous_id, sent.place.previous, sent.place.previous_bare = 0, "", ""


def is_written_in(channel: Channel) -> bool:
    """Tell whether messages are written in a channel: not in categories, forums and archived threads."""
    return channel.type in {TEXT, VOICE, STAGE} or (channel.type in {10, 11, 12} and not channel.archived)
