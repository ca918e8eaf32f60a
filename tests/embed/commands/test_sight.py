"""Who sees which channel: as discord.py works it out for the same server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.embed.commands.asked import RefusedError
from mocha_actors.embed.commands.sight import (
    ADMINISTRATOR,
    VIEW_CHANNEL,
    Overwrite,
    Place,
    Plan,
    Sight,
    of_everybody,
    of_member,
)  # fmt: skip

discord = pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")

GUILD, MODERATORS, GUESTS, OWNER, ADA = 100, 101, 102, 200, 201
OPEN, STAFF, CATEGORY = 50, 51, 60

BITS = st.sampled_from([0, VIEW_CHANNEL, VIEW_CHANNEL | 1 << 11, 1 << 11])
OVERWRITE = st.tuples(st.sampled_from([GUILD, MODERATORS, GUESTS, ADA, 999]), BITS, BITS).map(
    # Discord keeps no bit that is allowed and denied at once.
    lambda each: (each[0], each[1], each[2] & ~each[1])
)


def plan(*places: Place, everybody: int = VIEW_CHANNEL, moderators: int = 0) -> Plan:
    """A server with a role of moderators and one of guests."""
    return Plan(GUILD, OWNER, {GUILD: everybody, MODERATORS: moderators, GUESTS: 0}, places)


def seen(sight: Sight) -> list[int]:
    """Ids of the channels that are seen."""
    return [place.channel_id for place in sight.places]


HIDDEN = Place(STAFF, None, (Overwrite(GUILD, 0, VIEW_CHANNEL), Overwrite(MODERATORS, VIEW_CHANNEL, 0)))


def test_a_channel_that_is_denied_to_everybody_is_seen_by_the_role_that_it_allows() -> None:
    """The usual channel of moderators; nobody else sees it, and it is not shared."""
    here = plan(Place(OPEN, None, ()), HIDDEN)

    assert seen(of_member(here, ADA, [MODERATORS])) == [OPEN, STAFF]
    assert seen(of_member(here, ADA, [GUESTS])) == [OPEN]
    assert seen(of_everybody(here)) == [OPEN]


def test_owner_and_administrators_see_everything_and_nobody_else_does() -> None:
    """Who merely sees every channel that there is may not know of those that were deleted."""
    assert of_member(plan(HIDDEN), OWNER, []).everything
    assert of_member(plan(HIDDEN, moderators=ADMINISTRATOR), ADA, [MODERATORS]).everything
    assert not of_member(plan(HIDDEN), ADA, [MODERATORS]).everything
    assert not of_everybody(plan(HIDDEN, everybody=ADMINISTRATOR)).everything


def test_what_the_guild_ignores_is_not_counted_though_it_is_seen() -> None:
    """By itself or by its category: a question that named it would count it."""
    places = (Place(50, None, ()), Place(51, CATEGORY, ()), Place(52, None, ()))
    sight = Sight(everything=False, places=places)

    assert sight.counted(()) == (50, 51, 52)
    assert sight.counted((52, CATEGORY)) == (50,)


def server(everybody: int, moderators: int, channels: list[list[tuple[int, int, int]]], roles: list[int]) -> Any:
    """The server as discord.py knows it, and the member."""
    state = discord.Client(intents=discord.Intents.default())._connection
    role_fields = {"color": 0, "hoist": False, "managed": False, "mentionable": False, "position": 0}
    granted = {GUILD: everybody, MODERATORS: moderators, GUESTS: 0}
    guild = discord.Guild(
        state=state,
        data={
            "id": str(GUILD), "name": "here", "owner_id": str(OWNER), "members": [],
            "roles": [{"id": str(key), "name": "r", "permissions": str(bits), **role_fields} for key, bits in granted.items()],
            "channels": [
                {
                    "id": str(OPEN + number), "type": (0, 2, 13, 15)[number % 4], "name": "c", "position": number, "bitrate": 64_000,
                    "user_limit": 0, "topic": None,
                    "permission_overwrites": [
                        {"id": str(target), "type": int(target in {ADA, 999}), "allow": str(allow), "deny": str(deny)}
                        for target, allow, deny in overwrites
                    ],
                }
                for number, overwrites in enumerate(channels)
            ],
        },
    )  # fmt: skip
    user = {"id": str(ADA), "username": "ada", "discriminator": "0", "avatar": None}
    data = {"user": user, "roles": [str(role) for role in roles], "joined_at": None, "flags": 0, "deaf": False}
    member = discord.Member(state=state, guild=guild, data=data)
    guild._add_member(member)
    return guild, member


@given(
    everybody=st.sampled_from([0, VIEW_CHANNEL]),
    moderators=st.sampled_from([0, VIEW_CHANNEL, ADMINISTRATOR]),
    channels=st.lists(st.lists(OVERWRITE, max_size=4, unique_by=lambda each: each[0]), min_size=1, max_size=5),
    roles=st.lists(st.sampled_from([MODERATORS, GUESTS]), unique=True),
)
def test_the_arithmetic_is_that_of_discord_py(
    everybody: int, moderators: int, channels: list[list[tuple[int, int, int]]], roles: list[int]
) -> None:
    """Any roles and overwrites, of text, voice, stage and forum channels; and the cog reads them out of its objects."""
    from mocha_actors.embed.commands.discord_py import _sight

    guild, member = server(everybody, moderators, channels, roles)

    expected = {each.id for each in guild.channels if each.permissions_for(member).view_channel}
    assert set(seen(_sight(guild, member, share=False))) == expected
    default = {each.id for each in guild.channels if each.permissions_for(guild.default_role).view_channel}
    assert set(seen(_sight(guild, member, share=True))) == default


def test_a_server_whose_channels_are_not_known_is_answered_nothing() -> None:
    """An empty list of channels would mean all of them."""
    from mocha_actors.embed.commands.discord_py import _sight

    guild, member = server(VIEW_CHANNEL, 0, [], [])

    with pytest.raises(RefusedError, match="do not know this server's channels"):
        _sight(guild, member, share=False)
