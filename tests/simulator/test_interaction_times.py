"""How long an interaction can be answered: in seconds that are named, without a clock."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.simulator.application import Application, Stand
from mocha_actors.simulator.forms import Form
from mocha_actors.simulator.interactions import Instant, Interaction
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.refusals import Refusal
from mocha_actors.simulator.world import build_world
from tests.simulator.rest import PING

MS = 1_700_000_000_000
SAY: dict[str, Any] = {"content": "x"}


class Stage:
    """An application in a world in which only a test says what time it is."""

    def __init__(self) -> None:
        world = build_world(1, 1, 1, members=3)
        guild = world.guilds[0]
        self.application = Application(world.bot.id, {guild.id: GuildState(guild)}, MS)
        self.application.commands.replace(None, [PING])
        self.stand = Stand(guild.id, guild.system_channel_id, guild.members[0].user.id)

    def use(self, at: float) -> Interaction:
        """Let a user use the command."""
        return self.application.invoke("ping", self.stand, {}, _at(at)).interaction

    def respond(self, interaction: Interaction, at: float, kind: int = 4) -> None:
        """Answer."""
        form = Form({"type": kind, "data": SAY}, {})
        self.application.interactions.respond(interaction.id, interaction.token, form, _at(at), with_response=False)

    def edit(self, interaction: Interaction, at: float) -> None:
        """Edit the answer."""
        self.application.interactions.edit(interaction.token, None, Form(SAY, {}), _at(at))

    def follow_up(self, interaction: Interaction, at: float) -> None:
        """Add a message."""
        self.application.interactions.follow_up(interaction.token, Form(SAY, {}), _at(at))


def _at(seconds: float) -> Instant:
    return Instant(seconds, MS + int(seconds * 1000))


@pytest.fixture
def stage() -> Stage:
    """Return a new stage."""
    return Stage()


def test_an_interaction_is_acknowledged_within_three_seconds(stage: Stage) -> None:
    """Later it is unknown, and nothing can be sent for it."""
    in_time, late = stage.use(10.0), stage.use(10.0)
    stage.respond(in_time, 13.0)
    with pytest.raises(Refusal, match="404, 10062"):
        stage.respond(late, 13.001)
    with pytest.raises(Refusal, match="404, 10015"):
        stage.edit(late, 13.001)
    with pytest.raises(Refusal, match="400, 40060"):
        stage.respond(in_time, 13.001)


@pytest.mark.parametrize("kind", [4, 5])
def test_a_token_is_valid_for_a_quarter_of_an_hour(stage: Stage, kind: int) -> None:
    """Counted from the use of the command, not from the answer."""
    interaction = stage.use(10.0)
    stage.respond(interaction, 12.0, kind)
    stage.edit(interaction, 910.0)
    stage.follow_up(interaction, 910.0)
    for do in (stage.edit, stage.follow_up):
        with pytest.raises(Refusal, match="401, 50027"):
            do(interaction, 910.001)
    assert interaction.original is not None
    assert interaction.original.edits == 1
    assert len(interaction.follow_ups) == 1


def test_old_interactions_are_forgotten_and_their_messages_can_still_be_used(stage: Stage) -> None:
    """So that a simulator that runs for long does not grow."""
    old = stage.use(0.0)
    stage.respond(old, 1.0)
    for hour in range(1, 50):
        stage.use(3600.0 * hour)
    interactions = stage.application.interactions
    assert interactions.find(old.id) is None
    assert len(interactions) == 1
    assert old.original is not None
    assert interactions.reply(old.original.id) is old.original


def test_ids_differ_and_are_of_their_time(stage: Stage) -> None:
    """Also many of one millisecond."""
    ids = [stage.use(5.0).id for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(each >> 22) + 1_420_070_400_000 for each in ids} == {MS + 5000}
    assert sorted(ids) == ids
