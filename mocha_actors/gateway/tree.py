"""The gateway's part of the supervision tree."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mocha_actors.gateway.commands import ShardMessage
from mocha_actors.gateway.identify_queue import IdentifyQueue
from mocha_actors.gateway.settings import ShardSettings, Surroundings
from mocha_actors.gateway.shard import Shard
from mocha_actors.runtime import ActorRef, Backoff, ChildSpec, Restart, SupervisorSpec

ShardRef = ActorRef[ShardMessage]


def gateway_children(shards: Mapping[ShardRef, ShardSettings], surroundings: Surroundings) -> SupervisorSpec:
    """The supervisor of the identify queue and the shards, in the order of ``shards``.

    Shards are transient: one that ended because a person must act (``surroundings.on_fatal`` was told) is not started again.

    Raises:
        PayloadTooLongError: a shard's IDENTIFY would be refused by Discord.
        ValueError: there is no shard.

    """
    if not shards:
        msg = "a gateway has at least one shard"
        raise ValueError(msg)
    for settings in shards.values():
        settings.identity.identify()
    total = max(settings.identity.shards for settings in shards.values())
    queue = partial(
        IdentifyQueue, writer=surroundings.writer, rest=surroundings.rest, shards=total, clock=surroundings.clock
    )
    children = [ChildSpec("identify", queue, ref=surroundings.identify)]
    children += [_shard(ref, settings, surroundings) for ref, settings in shards.items()]
    return SupervisorSpec(children=tuple(children), max_restarts=10, max_seconds=60.0)


def _shard(ref: ShardRef, settings: ShardSettings, surroundings: Surroundings) -> ChildSpec:
    return ChildSpec(
        f"shard-{settings.identity.shard}", partial(Shard, settings, surroundings), ref=ref, restart=Restart.TRANSIENT,
        backoff=Backoff(base=0.2, cap=30.0),
    )  # fmt: skip
