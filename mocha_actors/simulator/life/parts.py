"""Who is in voice, and who is online."""

from __future__ import annotations

from dataclasses import dataclass

OFFLINE = "offline"


@dataclass(slots=True)
class Voice:
    """Somebody's place in a voice channel. What the guild does to a member, `mute` and `deaf`, stands with the member.

    Attributes:
        user_id: who.
        channel_id: where.
        session_id: of the voice connection: each device has its own.
        self_mute: muted by own choice, as are the three that follow.
        self_deaf: deafened.
        stream: sharing a screen.
        video: sharing the camera.
        suppress: listening on a stage.
        hand: since when, as JSON, the speaker of a stage waits to be let on.
    """

    user_id: int
    channel_id: int
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    stream: bool = False
    video: bool = False
    suppress: bool = False
    hand: str | None = None


@dataclass(frozen=True)
class Presence:
    """How somebody is seen, in all guilds at once.

    Attributes:
        status: "online", "idle" or "dnd"; who is offline has no presence.
        device: "desktop", "mobile" or "web".
        activities: JSON of the list.
    """

    status: str
    device: str
    activities: str = "[]"
