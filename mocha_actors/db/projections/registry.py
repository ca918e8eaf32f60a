"""Which projections the writer has."""

from __future__ import annotations

from mocha_actors.db.projections.base import Projection
from mocha_actors.db.projections.channels import ChannelProjection
from mocha_actors.db.projections.coverage import CoverageProjection
from mocha_actors.db.projections.guilds import GuildProjection
from mocha_actors.db.projections.members import MemberProjection
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.projections.names import NameProjection
from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.projections.reactions import ReactionProjection
from mocha_actors.db.projections.voice import VoiceProjection


def projections() -> list[Projection]:
    """A fresh set, which remembers nothing yet; each is given the facts of its types in the order of their events.

    Voice and presence come first: what they read of guilds and members has to be as it was before the transaction.
    """
    return [
        VoiceProjection(),
        PresenceProjection(),
        NameProjection(),
        GuildProjection(),
        ChannelProjection(),
        MemberProjection(),
        MessageProjection(),
        ReactionProjection(),
        CoverageProjection(),
    ]
