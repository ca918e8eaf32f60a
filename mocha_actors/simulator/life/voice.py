"""Voice: who talks where, and how."""

from __future__ import annotations

from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life.parts import Voice
from mocha_actors.simulator.life.turn import VOICE_STATES, Turn
from mocha_actors.simulator.objects import voice_object
from mocha_actors.simulator.world import STAGE, VOICE, Channel, Member

TALKERS = 0.06
"""Share of the members who are in voice at a time of mean activity, in a town of mean sociability."""

MOST_TALKERS = 40
"""Most people of a guild who are in voice."""


def come_and_go(turn: Turn) -> list[Event]:
    """Let somebody join if few are there for the hour, else let somebody leave."""
    few = len(turn.guild.voice) < talkers(turn) * (0.5 + turn.source.draw())
    return join(turn) if few else leave(turn)


def talkers(turn: Turn) -> float:
    """Tell how many are in voice at this hour in the mean. Evenings stand out more than they do in writing."""
    return min(MOST_TALKERS, TALKERS * turn.sociability * len(turn.guild.people) * turn.bustle**2)


def join(turn: Turn) -> list[Event]:
    """Let somebody connect: a member, or a bot where people are."""
    guild = turn.guild
    user_id = turn.somebody()
    channel = _room(turn)
    if guild.voice and turn.chance(0.05):
        user_id = turn.pick(guild.guild.bots[1:]).user.id
        channel = guild.channels[turn.pick(tuple(guild.voice.values())).channel_id]
    if user_id in guild.voice or channel is None:
        return []
    voice = Voice(user_id, channel.id, _session_id(turn))
    # Music bots are always deafened.
    voice.self_deaf = guild.members[user_id].user.bot
    voice.self_mute = not voice.self_deaf and turn.chance(0.3)
    _enter(voice, channel)
    guild.voice[user_id] = voice
    return [_told(turn, voice)]


def leave(turn: Turn) -> list[Event]:
    """Let somebody disconnect."""
    voice = _talker(turn)
    return [] if voice is None else [hang_up(turn, voice)]


def hang_up(turn: Turn, voice: Voice) -> Event:
    """Disconnect somebody, still a member."""
    del turn.guild.voice[voice.user_id]
    return _told(turn, voice, left=True)


def move(turn: Turn) -> list[Event]:
    """Let somebody go to another channel, by themselves or since a moderator wants it."""
    voice, channel = _talker(turn), _room(turn)
    if voice is None or channel is None or channel.id == voice.channel_id:
        return []
    _enter(voice, channel)
    return [_told(turn, voice)]


def fall_asleep(turn: Turn) -> list[Event]:
    """Let somebody who is silent be moved to the AFK channel."""
    guild, voice = turn.guild, _talker(turn)
    away = guild.channels.get(guild.afk_channel_id or 0)
    if voice is None or away is None or voice.channel_id == away.id:
        return []
    _enter(voice, away)
    voice.suppress = True
    return [_told(turn, voice)]


def mute(turn: Turn) -> list[Event]:
    """Let somebody mute or unmute, or deafen, which mutes too."""
    voice = _talker(turn)
    if voice is None:
        return []
    if turn.chance(0.3):
        voice.self_deaf = not voice.self_deaf
        voice.self_mute = voice.self_deaf
    else:
        voice.self_mute = not voice.self_mute
        voice.self_deaf = False
    return [_told(turn, voice)]


def show(turn: Turn) -> list[Event]:
    """Let somebody begin or end to share a screen or the camera."""
    voice = _talker(turn)
    if voice is None:
        return []
    if turn.chance(0.6):
        voice.stream = not voice.stream
    else:
        voice.video = not voice.video
    return [_told(turn, voice)]


def silence(turn: Turn) -> list[Event]:
    """Let a moderator take somebody's voice or hearing, or give it back."""
    guild, voice = turn.guild, _talker(turn)
    if voice is None:
        return []
    member = guild.members[voice.user_id]
    mute_, deaf = (not member.mute, member.deaf) if turn.chance(0.7) else (member.mute, not member.deaf)
    guild.set_member(_with(member, mute_, deaf))
    return [_told(turn, voice)]


def change_device(turn: Turn) -> list[Event]:
    """Let somebody go on talking from another device: the same place under another session."""
    voice = _talker(turn)
    if voice is None:
        return []
    voice.session_id = _session_id(turn)
    voice.stream = voice.video = False
    return [_told(turn, voice)]


def raise_hand(turn: Turn) -> list[Event]:
    """Let the audience of a stage ask for the floor, get it, and give it back."""
    guild = turn.guild
    stages = {channel.id for channel in guild.of_type(STAGE)}
    audience = [voice for voice in guild.voice.values() if voice.channel_id in stages]
    if not audience:
        return []
    voice = turn.pick(audience)
    if not voice.suppress:
        voice.suppress = True
    elif voice.hand is None:
        voice.hand = turn.stamp()
    else:
        voice.suppress, voice.hand = False, None
    return [_told(turn, voice)]


def _enter(voice: Voice, channel: Channel) -> None:
    """Put somebody into a channel; whoever enters a stage listens, and nobody takes a screen along."""
    voice.channel_id = channel.id
    voice.suppress, voice.hand = channel.type == STAGE, None
    voice.stream = False


def _room(turn: Turn) -> Channel | None:
    """Draw a voice channel, the first most often, and the one for those who are away never."""
    rooms = [room for room in turn.guild.of_type(VOICE, STAGE) if room.id != turn.guild.afk_channel_id]
    return rooms[int(turn.source.draw() ** 2 * len(rooms))] if rooms else None


def _talker(turn: Turn) -> Voice | None:
    return turn.pick(tuple(turn.guild.voice.values())) if turn.guild.voice else None


def _with(member: Member, mute_: bool, deaf: bool) -> Member:
    return Member(member.user, member.nick, member.joined_ms, member.roles, member.pending, mute_, deaf)


def _session_id(turn: Turn) -> str:
    return f"{int(turn.source.draw() * (1 << 52)):032x}"


def _told(turn: Turn, voice: Voice, *, left: bool = False) -> Event:
    """Tell of somebody's place in voice, or that there is none any more."""
    guild = turn.guild
    data = {"member": guild.full_member(voice.user_id)} | voice_object(voice, guild.members[voice.user_id])
    if left:
        data |= {"channel_id": None, "suppress": False, "request_to_speak_timestamp": None, "self_video": False}
        data.pop("self_stream", None)
    return turn.event("VOICE_STATE_UPDATE", VOICE_STATES, data)
