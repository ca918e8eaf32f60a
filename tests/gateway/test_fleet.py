"""How many shards there are, and whose guild is whose."""

from __future__ import annotations

from random import Random

import pytest
import trio

from mocha_actors.discord.events import Event, MessageCreate, UnknownEvent
from mocha_actors.discord.messages import Message
from mocha_actors.discord.users import User
from mocha_actors.gateway.close_codes import RefusedTokenError
from mocha_actors.gateway.fleet import misrouted, objection, shard_count
from mocha_actors.gateway.rest import GatewayInfo, RestUnavailableError
from tests.gateway.surroundings import Rest


def message(guild_id: int | None) -> Event:
    """A message of that guild; None for a direct one."""
    return MessageCreate(1, Message(2, 3, User(4), guild_id))


async def test_a_number_is_not_asked_for(autojump_clock: trio.abc.Clock) -> None:
    """What is configured stands."""
    assert 3 == await shard_count(3, Rest(RestUnavailableError("away")), Random(1))  # type: ignore[arg-type]


async def test_auto_takes_what_discord_recommends(autojump_clock: trio.abc.Clock) -> None:
    """One at least."""
    for answer, count in ((16, 16), (0, 1)):
        rest = Rest(GatewayInfo("wss://g", answer))
        assert count == await shard_count("auto", rest, Random(1))  # type: ignore[arg-type]


async def test_auto_waits_for_an_api_that_is_away(autojump_clock: trio.abc.Clock) -> None:
    """As long as it asks for, and longer and longer when it says nothing."""
    rest = Rest(RestUnavailableError("rate limited", 40.0))
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shard_count, "auto", rest, Random(1))
        await trio.sleep(39)
        rest.answer = GatewayInfo("wss://g", 2)

    assert 40.0 <= trio.current_time() - start < 41.0


async def test_auto_with_a_refused_token_is_an_error(autojump_clock: trio.abc.Clock) -> None:
    """Waiting would not help."""
    with pytest.raises(RefusedTokenError):
        await shard_count("auto", Rest(RefusedTokenError("no")), Random(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shards", "recommended", "found"),
    [
        (1, 1, None),
        (16, 16, None),
        (3, 7, None),  # 7,000 guilds fit into three shards
        (2, 6, "about 3 shards are needed at least"),
        (160, 160, None),
        (320, 160, None),
        (200, 160, "needs a multiple of 160"),
        (80, 160, "needs a multiple of 160"),
        (149, 150, "needs a multiple of 150"),
        (148, 149, None),  # not a large bot yet
        (64, 0, None),
    ],
)
def test_a_number_of_shards_is_measured_by_what_discord_recommends(
    shards: int, recommended: int, found: str | None
) -> None:
    """A4.39: from 150,000 guilds on only multiples; and never more than 2,500 guilds a shard."""
    said = objection(shards, recommended)
    assert said is None if found is None else said is not None and found in said


def test_a_guild_belongs_to_one_shard() -> None:
    """By bits 22 and up of its id, modulo the number of shards; what names no guild is nobody's."""
    events = [message(5 << 22), message(6 << 22), message(None), UnknownEvent("X", 5)]

    assert 0 == misrouted(events[:1], 1, 4)
    assert 1 == misrouted(events, 1, 4)
    assert 2 == misrouted(events, 3, 4)
