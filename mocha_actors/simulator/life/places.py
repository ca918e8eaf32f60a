"""Channels and threads: made, changed, found and deleted."""

from __future__ import annotations

from dataclasses import replace

from mocha_actors.simulator.draft import Draft
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.life import talk, voice
from mocha_actors.simulator.life.servers import set_afk_channel
from mocha_actors.simulator.life.state import Sent
from mocha_actors.simulator.life.turn import GUILDS, Turn
from mocha_actors.simulator.objects import channel_object, thread_object
from mocha_actors.simulator.shapes import DEFAULT, THREAD_CREATED, THREAD_STARTER, reference
from mocha_actors.simulator.vocabulary import ADJECTIVES, NOUNS, THREAD_NAMES
from mocha_actors.simulator.world import FORUM, PRIVATE_THREAD, PUBLIC_THREAD, TEXT, VOICE, Channel

HAS_THREAD = 1 << 5
"""Discord's flag of a message that a thread began from."""

MOST_EXTRA = 6
"""Most channels of a guild beyond those that it was founded with."""

MOST_THREADS = 40
"""Most threads of a guild, archived ones too; beyond them old ones are deleted before new ones are made."""


def make_channel(turn: Turn) -> list[Event]:
    """Let a bot make a channel for a while: a text channel, or a room to talk in."""
    guild = turn.guild
    if len(guild.channels) >= len(guild.guild.channels) + MOST_EXTRA:
        return []
    kind = turn.pick((TEXT, VOICE, VOICE))
    name = f"{turn.pick(ADJECTIVES)}-{turn.pick(NOUNS)}"
    parent = next(channel for channel in guild.guild.channels if channel.type == kind).parent_id
    channel = Channel(turn.new_id(), kind, name, parent, len(guild.channels))
    guild.set_channel(channel)
    return [turn.event("CHANNEL_CREATE", GUILDS, channel_object(channel))]


def change_channel(turn: Turn) -> list[Event]:
    """Let a channel be renamed or moved."""
    channel = turn.pick(turn.guild.of_type(TEXT, VOICE))
    name = f"{turn.pick(ADJECTIVES)}-{turn.pick(NOUNS)}"
    changed = replace(channel, name=name) if turn.chance(0.6) else replace(channel, position=channel.position + 1)
    turn.guild.set_channel(changed)
    return [turn.event("CHANNEL_UPDATE", GUILDS, channel_object(changed))]


def delete_channel(turn: Turn) -> list[Event]:
    """Delete a channel that was made later; whoever talks there is thrown out first."""
    guild = turn.guild
    founding = {channel.id for channel in guild.guild.channels}
    extra = [channel for channel in guild.channels.values() if channel.id not in founding]
    if not extra:
        return []
    channel = turn.pick(extra)
    there = [each for each in guild.voice.values() if each.channel_id == channel.id]
    gone = [voice.hang_up(turn, each) for each in there]
    told = [] if channel.id != guild.afk_channel_id else set_afk_channel(turn, None)
    guild.drop_channel(channel.id)
    return [*gone, *told, turn.event("CHANNEL_DELETE", GUILDS, channel_object(channel))]


def make_thread(turn: Turn) -> list[Event]:
    """Let somebody begin a thread by itself, from a message, or as a post in a forum."""
    guild = turn.guild
    if len(guild.threads) >= MOST_THREADS:
        return delete_thread(turn)
    if turn.chance(0.4):
        return _post(turn)
    sent = talk.recent(turn)
    if sent is not None and sent.place.channel_type == TEXT and sent.id not in guild.threads and turn.chance(0.5):
        return _thread_from(turn, sent)
    parent = turn.pick(guild.of_type(TEXT))
    thread, told = _new_thread(turn, turn.new_id(), parent.id)
    author = guild.author(thread.owner_id or 0)
    place = guild.place(parent.id)
    where = f'"message_reference":{{"type":0,"guild_id":"{guild.id}","channel_id":"{thread.id}"}},'
    return [told, talk.send(turn, place, Draft(THREAD_CREATED, author, thread.name, where))]


def _post(turn: Turn) -> list[Event]:
    """Post in a forum: a thread whose id is that of its first message."""
    forum = turn.pick(turn.guild.of_type(FORUM))
    thread, told = _new_thread(turn, turn.new_id(), forum.id)
    draft = Draft(DEFAULT, turn.guild.author(thread.owner_id or 0), turn.pick(turn.source.contents))
    return [told, talk.send(turn, turn.guild.place(thread.id), draft, quotable=True, message_id=thread.id)]


def _thread_from(turn: Turn, sent: Sent) -> list[Event]:
    """Begin a thread from a message, whose id it gets, and which Discord repeats in the thread."""
    thread, told = _new_thread(turn, sent.id, sent.place.channel_id)
    place = turn.guild.place(thread.id)
    starter = Draft(THREAD_STARTER, turn.guild.author(thread.owner_id or 0), "", reference(sent.place, sent.id))
    sent.draft = sent.draft._replace(flags=sent.draft.flags | HAS_THREAD)
    return [talk.tell_change(turn, sent), told, talk.send(turn, place, starter._replace(quoted="null"))]


def _new_thread(turn: Turn, thread_id: int, parent_id: int) -> tuple[Channel, Event]:
    owner = turn.somebody()
    thread = Channel(thread_id, PUBLIC_THREAD, turn.pick(THREAD_NAMES), parent_id, 0, owner)
    turn.guild.set_thread(thread)
    return thread, turn.event("THREAD_CREATE", GUILDS, thread_object(thread, turn.guild.id) | {"newly_created": True})


def change_thread(turn: Turn) -> list[Event]:
    """Let a thread be renamed, go to the archive or come back from there."""
    guild = turn.guild
    if not guild.threads:
        return []
    thread = turn.pick(tuple(guild.threads.values()))
    if thread.archived or turn.chance(0.5):
        thread = replace(thread, archived=not thread.archived)
    else:
        thread = replace(thread, name=turn.pick(THREAD_NAMES))
    guild.set_thread(thread)
    return [turn.event("THREAD_UPDATE", GUILDS, thread_object(thread, guild.id))]


def delete_thread(turn: Turn) -> list[Event]:
    """Delete a thread; no more than ids and type are told."""
    if not turn.guild.threads:
        return []
    thread = turn.guild.drop_thread(turn.pick(tuple(turn.guild.threads)))
    return [turn.event("THREAD_DELETE", GUILDS, {
        "id": str(thread.id),
        "parent_id": str(thread.parent_id),
        "type": thread.type,
    })]  # fmt: skip


def reveal_thread(turn: Turn) -> list[Event]:
    """Give the bot access to a private thread that nobody told it of: all threads of the channel are listed."""
    guild = turn.guild
    if len(guild.threads) >= MOST_THREADS:
        return []
    parent = turn.pick(guild.of_type(TEXT))
    thread = Channel(turn.new_id(), PRIVATE_THREAD, turn.pick(THREAD_NAMES), parent.id, 0, turn.somebody())
    guild.set_thread(thread)
    listed = [each for each in guild.threads.values() if each.parent_id == parent.id and not each.archived]
    return [turn.event("THREAD_LIST_SYNC", GUILDS, {
        "channel_ids": [str(parent.id)],
        "threads": [thread_object(each, guild.id) for each in listed],
        "members": [],
    })]  # fmt: skip
