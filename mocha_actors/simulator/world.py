"""The people and places of the simulated Discord, made from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms
from mocha_actors.simulator.vocabulary import ADJECTIVES, CHANNEL_NAMES, EMOJI_NAMES, FIRST_NAMES, NOUNS, THREAD_NAMES

FIRST_GUILD_MS = 1_577_836_800_000
"""2020-01-01 UTC: no guild, channel or member of the world is older."""

YEAR_MS = 31_536_000_000

TEXT, VOICE, CATEGORY, PUBLIC_THREAD, PRIVATE_THREAD, STAGE, FORUM = 0, 2, 4, 11, 12, 13, 15
"""Types of channels, as numbered by https://discord.com/developers/docs/resources/channel."""

LOW_IDS = 1 << 22
"""Number of ids that a millisecond has room for."""

MEMBERS = 60
BOTS = 4
WEBHOOKS = 3
TEXT_CHANNELS = 8
THREADS = 6


@dataclass(frozen=True)
class User:
    """An account: a person or a bot."""

    id: int
    username: str
    global_name: str | None
    bot: bool
    avatar: str


@dataclass(frozen=True)
class Member:
    """A user inside one guild.

    Attributes:
        user: who.
        nick: the name in this guild.
        joined_ms: milliseconds since the Unix epoch.
        roles: ids of the roles.
        pending: whether the guild's screening is still to be passed.
        mute: whether the guild has taken away the voice.
        deaf: whether the guild has taken away the hearing.
    """

    user: User
    nick: str | None
    joined_ms: int
    roles: tuple[int, ...]
    pending: bool = False
    mute: bool = False
    deaf: bool = False


@dataclass(frozen=True)
class Channel:
    """A channel or, with a type above 9 and below 13, a thread. Threads alone have an owner, or are archived."""

    id: int
    type: int
    name: str
    parent_id: int | None
    position: int
    owner_id: int | None = None
    archived: bool = False


@dataclass(frozen=True)
class Emoji:
    """An emoji of a guild's own."""

    id: int
    name: str


@dataclass(frozen=True)
class Webhook:
    """What posts under a name of its own. `application_id` is set if an application made it."""

    id: int
    name: str
    application_id: int | None


@dataclass(frozen=True)
class Guild:
    """A server with everything that is in it. `bots` are members too; the first of them is the simulated bot itself."""

    id: int
    name: str
    owner_id: int
    roles: tuple[int, ...]
    channels: tuple[Channel, ...]
    threads: tuple[Channel, ...]
    members: tuple[Member, ...]
    bots: tuple[Member, ...]
    webhooks: tuple[Webhook, ...]
    emojis: tuple[Emoji, ...]
    afk_channel_id: int
    system_channel_id: int


@dataclass(frozen=True)
class World:
    """All that a bot can see of the simulated Discord.

    Attributes:
        bot: the account of whoever connects; its id is that of its application too, as with every younger bot.
        guilds: the guilds that the bot is in.
    """

    bot: User
    guilds: tuple[Guild, ...]


def build_world(seed: int, guilds: int, shards: int, members: int = MEMBERS) -> World:
    """Make the same world for the same arguments, every time. Each guild has so many members, besides its bots.

    The guilds are dealt to the shards in turn: `(id >> 22) % shards` of guild number `i` is `i % shards`.
    """
    builder = _Builder(random.Random(f"world {seed}"))  # noqa: S311 - a repeatable stream is the point
    bot = builder.user(bot=True)
    return World(bot, tuple(builder.guild(bot, _guild_ms(number, shards), members) for number in range(guilds)))


def build_guild(seed: int, bot: User, number: int, shards: int, members: int) -> Guild:
    """Make one guild more, of shard `number % shards`; no other guild of the world may have this number."""
    rng = random.Random(f"guild {seed} {number}")  # noqa: S311 - a repeatable stream is the point
    # Half of the low bits is far from those that the world's own builder counted up to.
    return _Builder(rng, first_low=1 << 21).guild(bot, _guild_ms(number, shards), members)


def make_user(rng: random.Random, user_id: int, *, bot: bool) -> User:
    """Draw an account with this id."""
    first, noun = rng.choice(FIRST_NAMES), rng.choice(NOUNS)
    name = f"{noun}_bot{rng.randrange(100)}" if bot else f"{first.lower()}.{noun}{rng.randrange(1000)}"
    shown = None if bot or rng.random() < 0.3 else f"{first} {rng.choice(ADJECTIVES)}"
    return User(user_id, name, shown, bot, f"{rng.getrandbits(128):032x}")


def _guild_ms(number: int, shards: int) -> int:
    """Choose the founding time of a guild so that the sharding formula gives the shard that it is dealt to."""
    wanted = FIRST_GUILD_MS + number * 86_400_000
    return wanted + (number - (wanted - DISCORD_EPOCH_MS)) % shards


class _Builder:
    """Draws the parts of a world from one random stream."""

    def __init__(self, rng: random.Random, first_low: int = 0) -> None:
        self._rng = rng
        self._low = first_low

    def _id(self, ms: int) -> int:
        """Make an id of about this time; the counter in its low bits makes it unlike every other."""
        self._low = (self._low + 1) % LOW_IDS
        return from_time_ms(ms, self._low)

    def _later(self, ms: int) -> int:
        return ms + self._rng.randrange(YEAR_MS)

    def user(self, *, bot: bool) -> User:
        return make_user(self._rng, self._id(self._later(FIRST_GUILD_MS - YEAR_MS)), bot=bot)

    def _member(self, user: User, founded: int, roles: tuple[int, ...]) -> Member:
        rng = self._rng
        nick = f"{rng.choice(ADJECTIVES)} {user.username.split('.')[0]}" if rng.random() < 0.3 else None
        worn = tuple(sorted(rng.sample(roles[1:], rng.randrange(4))))
        return Member(user, nick, self._later(founded), worn)

    def guild(self, bot: User, founded: int, members: int) -> Guild:
        rng = self._rng
        guild_id = self._id(founded)
        roles = (guild_id, *(self._id(self._later(founded)) for _ in range(5)))
        channels = self._channels(founded)
        people = [self._member(self.user(bot=False), founded, roles) for _ in range(members)]
        bots = [self._member(user, founded, roles) for user in (bot, *(self.user(bot=True) for _ in range(BOTS - 1)))]
        name = f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}s".title()
        return Guild(
            id=guild_id,
            name=name,
            owner_id=people[0].user.id,
            roles=roles,
            channels=channels,
            threads=self._threads(channels, founded, people[0].user.id),
            members=tuple(people),
            bots=tuple(bots),
            webhooks=tuple(self._webhook(number, founded) for number in range(WEBHOOKS)),
            emojis=tuple(Emoji(self._id(founded), name) for name in EMOJI_NAMES),
            afk_channel_id=channels[-1].id,
            system_channel_id=next(channel.id for channel in channels if channel.type == TEXT),
        )

    def _channels(self, founded: int) -> tuple[Channel, ...]:
        names = self._rng.sample(CHANNEL_NAMES, TEXT_CHANNELS + 1)
        category = Channel(self._id(founded), CATEGORY, "community", None, 0)
        text = [Channel(self._id(founded), TEXT, name, category.id, place) for place, name in enumerate(names[1:], 1)]
        forum = Channel(self._id(founded), FORUM, names[0], category.id, TEXT_CHANNELS + 1)
        spoken = Channel(self._id(founded), CATEGORY, "voice", None, 1)
        voice = [Channel(self._id(founded), VOICE, f"Lounge {n}", spoken.id, n) for n in (1, 2, 3)]
        stage = Channel(self._id(founded), STAGE, "Town Hall", spoken.id, 4)
        away = Channel(self._id(founded), VOICE, "Away", spoken.id, 5)
        return (category, *text, forum, spoken, *voice, stage, away)

    def _threads(self, channels: tuple[Channel, ...], founded: int, owner_id: int) -> tuple[Channel, ...]:
        parents = [channel for channel in channels if channel.type in (TEXT, FORUM)]
        names = self._rng.sample(THREAD_NAMES, THREADS)
        # The first hangs below the forum, which is the last of the parents: each world has a forum post.
        places = [parents[-1], *(self._rng.choice(parents) for _ in names[1:])]
        return tuple(
            Channel(self._id(self._later(founded)), PUBLIC_THREAD, name, parent.id, 0, owner_id)
            for name, parent in zip(names, places, strict=True)
        )

    def _webhook(self, number: int, founded: int) -> Webhook:
        # Every third was made by some application (as PluralKit makes them), which must not turn it into a bot's reply.
        application = self._id(founded) if number % 3 == 2 else None
        return Webhook(self._id(self._later(founded)), f"{self._rng.choice(NOUNS)} feed", application)
