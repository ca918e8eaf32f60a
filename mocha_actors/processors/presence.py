"""Presence: who is online. Activities are not recorded, not even for a moment: they are not decoded.

Nothing of it arrives unless the privileged intent GUILD_PRESENCES is configured.
Source: https://discord.com/developers/docs/events/gateway-events#presence-update
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from mocha_actors.discord.dispatch import Event
from mocha_actors.discord.presence import ListedPresence, PresenceUpdate
from mocha_actors.pipeline.batch import IGNORED
from mocha_actors.pipeline.facts import Fact, PresenceChanged, PresencesListed, PresenceStatus
from mocha_actors.pipeline.timing import Stamp

HANDLES: Final = (PresenceUpdate,)
"""The events that :func:`translate` takes."""

STATUSES: Final[Mapping[str, int]] = {
    "online": int(PresenceStatus.ONLINE),
    "idle": int(PresenceStatus.IDLE),
    "dnd": int(PresenceStatus.DND),
    "offline": int(PresenceStatus.OFFLINE),
    "invisible": int(PresenceStatus.OFFLINE),
}


def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
    """The fact which status somebody has now; nothing for a status that Discord does not document.

    Raises:
        TypeError: ``event`` is none of :data:`HANDLES`, which is a mistake in the routes.

    """
    if not isinstance(event, PresenceUpdate):
        msg = f"the presence processor takes PRESENCE_UPDATE, not {event.t}"
        raise TypeError(msg)
    presence, (at_ms, bound_ms, shard) = event.d, stamp
    said = presence.status
    status = STATUSES.get(said) if type(said) is str else None  # it may be anything, a list too
    if status is None:
        return IGNORED
    return (PresenceChanged(presence.guild_id, presence.user.id, status, shard, at_ms, bound_ms),)


def listed(presences: Iterable[ListedPresence], guild_id: int, stamp: Stamp) -> PresencesListed:
    """Everybody who is online, as GUILD_CREATE names them; a presence that is out of shape names nobody."""
    online = {
        user: STATUSES[status]
        for user, status in ((presence.user_id, presence.known_status) for presence in presences)
        if user is not None and status is not None and STATUSES[status] != PresenceStatus.OFFLINE
    }
    return PresencesListed(guild_id, tuple(online.items()), stamp.shard, stamp.at_ms, stamp.bound_ms)
