"""Facts: what processors make of events and projections apply to the database.

A fact says what happened in the terms of the statistics, with flags instead of decisions: bots and webhooks are marked, not dropped, so
that a question can include or exclude them later. Facts are frozen, hold no content and no token, and can be written to a spool as they are.

Times are milliseconds since the Unix epoch. Where an event says no time of its own, ``at_ms`` and ``bound_ms`` are those of its
:class:`~mocha_actors.pipeline.timing.Stamp`: the earliest moment, and how much later it may have been (0: received live, exact).
Facts of several kinds reach a projection in the order of their events, so that it can follow a state.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Literal

import msgspec


class AuthorClass(IntEnum):
    """Who stands behind a message (``spec`` rules 1 and 2: bots and webhooks are recorded and excluded by default)."""

    HUMAN = 0
    BOT = 1
    WEBHOOK = 2


class MessageKind(IntEnum):
    """What a message counts as. Only ``MESSAGE`` and ``COMMAND`` stand in rollups; ``SYSTEM`` is recorded alone."""

    MESSAGE = 0
    COMMAND = 1
    SYSTEM = 2


class BaseFact(msgspec.Struct, frozen=True, gc=False, tag_field="fact", tag=True):
    """Base of all facts; encoded, each carries the name of its class."""


class MessageSent(BaseFact, frozen=True, gc=False):
    """A message was sent in a guild; its time is in its snowflake.

    Attributes:
        guild_id: the guild.
        message_id: the key, and the time.
        channel_id: the channel that Discord named: for a thread's message the thread itself.
        user_id: the author; for a webhook the webhook's id, which is no user.
        author_class: an :class:`AuthorClass`, as int.
        kind: a :class:`MessageKind`, as int.
        type: Discord's message type, unknown ones included.
        username: the author's name at that time; empty when unknown.
        global_name: the author's display name, if set.

    """

    guild_id: int
    message_id: int
    channel_id: int
    user_id: int
    author_class: int
    kind: int
    type: int
    username: str
    global_name: str | None


class MessageDetails(BaseFact, frozen=True, gc=False):
    """What else is known of a message beside that it was sent. It follows its :class:`MessageSent`, and is left out where there is nothing to say.

    Attributes:
        guild_id: the guild.
        message_id: the message.
        attachments: how many.
        embeds: how many; None without the intent MESSAGE_CONTENT, since Discord then sends none (statistics, rule 23).
        mentions: how many users it mentions; None likewise.
        links: how many addresses stand in its text; None likewise.
        length: characters of its text; None likewise.
        words: words of its text; None likewise.
        invoker_id: who used the command that it answers; None for any other message.

    """

    guild_id: int
    message_id: int
    attachments: int = 0
    embeds: int | None = None
    mentions: int | None = None
    links: int | None = None
    length: int | None = None
    words: int | None = None
    invoker_id: int | None = None


class MessageEdited(BaseFact, frozen=True, gc=False):
    """A message's author changed it; it may be one that was never seen."""

    guild_id: int
    message_id: int
    channel_id: int
    edited_ms: int


class MessagesDeleted(BaseFact, frozen=True, gc=False):
    """Messages of one channel were deleted, one or many; ids that were never seen are normal."""

    guild_id: int
    channel_id: int
    message_ids: tuple[int, ...]
    at_ms: int
    bound_ms: int


class ReactionAdded(BaseFact, frozen=True, gc=False):
    """Somebody reacted to a message (statistics, rules 22 and A3.1).

    Attributes:
        guild_id: the guild.
        channel_id: where.
        message_id: to what.
        user_id: who.
        emoji: the key: the id of a custom emoji in digits, else the Unicode emoji itself.
        emoji_name: name of a custom emoji where told; it may change.
        burst: a super reaction, which stands beside a normal one of the same emoji.
        receiver_id: whose message it is; None where Discord does not say, as for webhooks.
        is_bot: whether the one who reacts is a bot; None where it is not said.
        at_ms: see the module.
        bound_ms: see the module.

    """

    guild_id: int
    channel_id: int
    message_id: int
    user_id: int
    emoji: str
    emoji_name: str | None
    burst: bool
    receiver_id: int | None
    is_bot: bool | None
    at_ms: int
    bound_ms: int


class ReactionRemoved(BaseFact, frozen=True, gc=False):
    """A reaction was taken back, or away; one that was never seen is normal."""

    guild_id: int
    channel_id: int
    message_id: int
    user_id: int
    emoji: str
    burst: bool
    at_ms: int
    bound_ms: int


class ReactionsCleared(BaseFact, frozen=True, gc=False):
    """All reactions to a message are gone, or all of one emoji (``emoji``, as in :class:`ReactionAdded`)."""

    guild_id: int
    channel_id: int
    message_id: int
    emoji: str | None
    at_ms: int
    bound_ms: int


class VoiceFlag(IntFlag):
    """How somebody is in a voice channel. ``AFK`` and ``ALONE`` are the projection's, since a single event does not tell them."""

    SELF_MUTE = 1
    MUTE = 2
    SELF_DEAF = 4
    DEAF = 8
    STREAM = 16
    VIDEO = 32
    SUPPRESS = 64
    AFK = 128
    ALONE = 256


class VoiceChanged(BaseFact, frozen=True, gc=False):
    """Somebody's place in the voice channels of a guild is now this; what changed, only the state before can tell.

    Attributes:
        guild_id: the guild.
        user_id: who.
        channel_id: where; None after leaving.
        device: hash of the voice connection's session id, which is a secret: another one in the same channel is a change of device.
        flags: of :class:`VoiceFlag`, as int, without AFK and ALONE.
        is_bot: None where it is not said.
        username: the unique name; empty when unknown.
        global_name: the display name, if set.
        shard: who received it.
        at_ms: see the module.
        bound_ms: see the module.
        hidden: somebody who is not to be recorded: occupies the channel, and leaves no row.

    """

    guild_id: int
    user_id: int
    channel_id: int | None
    device: int
    flags: int
    is_bot: bool | None
    username: str
    global_name: str | None
    shard: int
    at_ms: int
    bound_ms: int
    hidden: bool = False


class VoiceListed(BaseFact, frozen=True, gc=False):
    """Everybody who is in a voice channel of a guild at this moment; whoever is not named is in none."""

    guild_id: int
    states: tuple[VoiceChanged, ...]
    shard: int
    at_ms: int
    bound_ms: int


class PresenceStatus(IntEnum):
    """Who is online. ``invisible`` is offline to everybody else."""

    OFFLINE = 0
    ONLINE = 1
    IDLE = 2
    DND = 3


class PresenceChanged(BaseFact, frozen=True, gc=False):
    """Somebody's status in a guild is now ``status``, a :class:`PresenceStatus` as int; most repeat the one before."""

    guild_id: int
    user_id: int
    status: int
    shard: int
    at_ms: int
    bound_ms: int


class PresencesListed(BaseFact, frozen=True, gc=False):
    """Everybody who is online in a guild at this moment, as (user, status); whoever is not named is offline."""

    guild_id: int
    online: tuple[tuple[int, int], ...]
    shard: int
    at_ms: int
    bound_ms: int


class Profile(msgspec.Struct, frozen=True, gc=False):
    """A member of a guild as an event describes it.

    Attributes:
        user_id: who.
        username: the unique name; empty when unknown.
        global_name: the display name, if set.
        is_bot: whether it is a bot.
        joined_ms: when it joined; None where it is not said.
        nick: the name in this guild, if any.
        roles: ids, the complete list.
        pending: whether it has yet to pass the guild's screening; None where it is not said.

    """

    user_id: int
    username: str
    global_name: str | None
    is_bot: bool
    joined_ms: int | None
    nick: str | None
    roles: tuple[int, ...]
    pending: bool | None


class MemberJoined(BaseFact, frozen=True, gc=False):
    """Somebody joined a guild, or is said to (a repetition has the same ``joined_ms``; statistics, A3.10)."""

    guild_id: int
    member: Profile
    at_ms: int
    bound_ms: int


class MembersSeen(BaseFact, frozen=True, gc=False):
    """Members as they are now: no joins. From GUILD_CREATE, a chunk or an update; at most some thousand, since each fact fits into a transaction."""

    guild_id: int
    members: tuple[Profile, ...]
    at_ms: int


class MembersListed(BaseFact, frozen=True, gc=False):
    """The complete list of a guild's members, sorted by id: whoever is known as a member and is not named has left meanwhile (rule 19)."""

    guild_id: int
    user_ids: tuple[int, ...]
    at_ms: int


class MemberLeft(BaseFact, frozen=True, gc=False):
    """Somebody left a guild, was kicked or was banned."""

    guild_id: int
    user_id: int
    is_bot: bool
    at_ms: int
    bound_ms: int


class LeaveReason(IntEnum):
    """Why somebody left, where moderation events tell it."""

    KICK = 1
    BAN = 2


class MemberRemoved(BaseFact, frozen=True, gc=False):
    """A moderator kicked or banned somebody: it explains a leave that comes shortly before or after. ``reason`` is a :class:`LeaveReason`, as int."""

    guild_id: int
    user_id: int
    reason: int
    at_ms: int
    bound_ms: int


class GuildSeen(BaseFact, frozen=True, gc=False):
    """What a guild is like.

    Attributes:
        guild_id: the guild.
        name: None where it is not said.
        owner_id: whose it is; None likewise.
        afk_channel_id: the voice channel whose time does not count; None if it has none.
        member_count: Discord's count of members, bots included; only GUILD_CREATE says it.
        joined_ms: when the bot joined; only GUILD_CREATE says it.
        shard: who received it.
        at_ms: see the module.

    """

    guild_id: int
    name: str | None
    owner_id: int | None
    afk_channel_id: int | None
    member_count: int | None
    joined_ms: int | None
    shard: int
    at_ms: int


class GuildGone(BaseFact, frozen=True, gc=False):
    """A guild became unavailable (``outage``), or the bot is no member any more."""

    guild_id: int
    outage: bool
    at_ms: int
    bound_ms: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """A channel or thread. ``parent_id`` is the category of a channel and the channel of a thread; ``type`` is Discord's number."""

    channel_id: int
    type: int
    name: str | None
    parent_id: int | None
    owner_id: int | None


class ChannelsSeen(BaseFact, frozen=True, gc=False):
    """Channels and threads as they are now.

    Attributes:
        guild_id: the guild.
        places: what they are like.
        complete: these are all channels of the guild (threads aside, of which only active ones are ever listed): another one is gone.
        at_ms: see the module.

    """

    guild_id: int
    places: tuple[Place, ...]
    complete: bool
    at_ms: int


class ChannelDeleted(BaseFact, frozen=True, gc=False):
    """A channel or thread was deleted; its messages were not, as far as statistics go (A3.5). ``place`` teaches the parent (A3.4)."""

    guild_id: int
    place: Place
    at_ms: int
    bound_ms: int


GapReason = Literal[
    "first_start", "session_invalid", "session_not_resumable", "fingerprint_changed", "resume_refused", "poison_frame",
    "host_disconnected", "intake_full",
]  # fmt: skip


class SessionStarted(BaseFact, frozen=True, gc=False):
    """READY came: a new session exists and becomes the shard's checkpoint; what an older one still held is lost.

    Attributes:
        shard: shard id.
        session_id: secret; goes into ``gateway_sessions`` only.
        resume_url: where to RESUME.
        fingerprint: hash of the parameters of the IDENTIFY; a RESUME with others is never tried.
        user_id: the bot's user id.
        application_id: the bot's application id; 0 when READY does not name it.
        ready_ms: when READY was received.
        reason: why there is no older session; stored with the coverage gap since the shard's ``last_alive``, or since ever.
        guild_ids: all guilds of the shard, as READY names them; None where that is not known.
        shards: number of shards of the bot.

    """

    shard: int
    session_id: str
    resume_url: str
    fingerprint: str
    user_id: int
    application_id: int
    ready_ms: int
    reason: GapReason
    guild_ids: tuple[int, ...] | None = None
    shards: int = 1

    def __repr__(self) -> str:
        return f"SessionStarted(shard={self.shard}, session_id=<secret>, reason={self.reason!r})"


class SessionEnded(BaseFact, frozen=True, gc=False):
    """A shard's session was lost for good and another begins: the writer makes this one itself, of :class:`SessionStarted` and what it knows.

    Attributes:
        shard: shard id.
        evidence_ms: when the old session was last known to be followed: what was open then is closed there (promise P6).
        at_ms: when the new session began.

    """

    shard: int
    evidence_ms: int
    at_ms: int


class EventsMissed(BaseFact, frozen=True, gc=False):
    """Events of a shard were not taken for want of room, within a session that goes on: a coverage gap, half-open.

    Attributes:
        shard: shard id.
        from_ms: when the first one was not taken, milliseconds since the Unix epoch.
        to_ms: when there was room again.
        reason: stored with the gap.

    """

    shard: int
    from_ms: int
    to_ms: int
    reason: GapReason


Fact = (
    MessageSent | MessageDetails | MessageEdited | MessagesDeleted
    | ReactionAdded | ReactionRemoved | ReactionsCleared
    | VoiceChanged | VoiceListed
    | PresenceChanged | PresencesListed
    | MemberJoined | MembersSeen | MembersListed | MemberLeft | MemberRemoved
    | GuildSeen | GuildGone | ChannelsSeen | ChannelDeleted
    | SessionStarted | SessionEnded | EventsMissed
)  # fmt: skip
