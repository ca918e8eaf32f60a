"""What the tests with real libraries share: the truth about guilds, to compare a library's own cache with."""

from __future__ import annotations

from typing import Any

from mocha_actors.simulator.server import Simulator

SCRIPT = (
    "message", "edit", "unfurl", "react", "react", "unreact", "delete", "voice-join", "voice-join", "voice-join",
    "voice-mute", "voice-move", "voice-show", "voice-silence", "voice-device", "voice-afk", "voice-stage", "voice-leave",
    "appear", "appear", "appear", "flap", "activity", "join", "nick", "roles", "screening", "leave", "kick", "ban",
    "channel", "channel", "channel-change", "channel-delete", "thread", "thread", "thread-reveal", "thread-change",
    "thread-delete", "guild-name", "guild-afk", "clear-emoji", "react", "clear-reactions", "bulk",
)  # fmt: skip
"""One of everything that leaves traces in a cache."""


async def play(simulator: Simulator, rounds: int) -> set[str]:
    """Let everything happen in each guild, and return the names of the events that told it."""
    told: set[str] = set()
    for _ in range(rounds):
        for name in SCRIPT:
            for guild_id in tuple(simulator.guilds):
                told.update(await simulator.happen(name, guild_id))
    return told


def truth(simulator: Simulator) -> dict[int, dict[str, Any]]:
    """Return what is so in each guild, in the words of no library."""
    return {
        guild.id: {
            "name": guild.name,
            "members": {user_id: member.nick for user_id, member in guild.members.items()},
            "channels": {channel.id: channel.name for channel in guild.channels.values()},
            "threads": {thread.id for thread in guild.threads.values() if not thread.archived},
            "voice": {user_id: (voice.channel_id, voice.self_mute) for user_id, voice in guild.voice.items()},
        }
        for guild in simulator.guilds.values()
    }
