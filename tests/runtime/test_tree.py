from __future__ import annotations

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Backoff,
    BreakerPolicy,
    ChildSpec,
    CircuitBreaker,
    Mailbox,
    SupervisorSpec,
    open_supervisor,
)

from .toys import Boom, Forever, Recorder, child, settle


async def test_snapshot_tells_what_a_person_asks_of_a_misbehaving_tree(autojump_clock: trio.testing.MockClock) -> None:
    """States, restarts, waits, mailboxes and last errors of every level, frozen at one moment."""
    inner = SupervisorSpec(children=(child("x", backoff=Backoff(8, jitter="none"), mailbox=Mailbox(20)), child("y")))
    spec = SupervisorSpec(
        children=(ChildSpec("s", inner), ChildSpec("full", Forever, mailbox=Mailbox(4), shutdown="kill"))
    )
    async with open_supervisor(spec, name="app") as sup:
        await sup.ref("s/x").tell(Boom("why"))
        await sup.ref("full").tell("waits")
        await trio.sleep(2)
        tree = sup.tree()
        assert tree.render().splitlines() == [
            "app  running",
            "  s  running  budget spent 1/3",
            "    x  restarting  restarts 1  back-off 8.0 s  mailbox 0/20 (peak 1, oldest 0.0 s)  Boom: why",
            "    y  running  mailbox 0/1000 (peak 0, oldest 0.0 s)",
            "  full  running  mailbox 1/4 (peak 1, oldest 2.0 s)",
        ]
        assert not tree.ready
        assert ["app/s/x"] == list(tree.unready())
        await trio.sleep(8)
        assert sup.tree().ready
    with pytest.raises(AttributeError):
        tree.state = "stopped"


async def test_incarnations_and_restarts_are_counted_over_restarts_of_the_supervisor() -> None:
    """A child's history belongs to its place; only its own failures count as restarts."""
    inner = SupervisorSpec(children=(child("x"), child("y")), max_restarts=0)
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("s", inner, backoff=Backoff(0)),))) as sup:
        await sup.ref("s/x").tell(Boom())
        await settle()
        found = {each.name: (each.incarnation, each.restarts) for each in sup.which_children("s")}
        assert {"x": (1, 0), "y": (1, 0)} == found
        assert (1, 1) == (sup.tree().children[0].incarnation, sup.tree().children[0].restarts)


async def test_tree_shows_its_breakers_and_is_not_ready_while_a_required_one_rejects(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """At any level; when its wait is over it does not count any more, because only a call could close it."""
    recorder, policy = Recorder(), BreakerPolicy(minimum_calls=1, window=1, wait=30)
    needed, wanted = CircuitBreaker("database", policy), CircuitBreaker("cache", policy, required=False)
    inner = SupervisorSpec(breakers=(needed, wanted))
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("s", inner),)), on_event=recorder) as sup:
        assert sup.tree().ready
        with pytest.raises(Boom):
            async with wanted:
                raise Boom
        assert sup.tree().ready
        with pytest.raises(Boom):
            async with needed:
                raise Boom
        await trio.sleep(10)
        tree = sup.tree()
        assert ["breaker database"] == list(tree.unready())
        assert tree.render().splitlines() == [
            "mocha  running",
            "  s  running",
            "    breaker database  opened  next attempt in 20.0 s  rejected 0",
            "    breaker cache  opened  next attempt in 20.0 s  rejected 0",
        ]
        await trio.sleep(20)
        assert sup.tree().ready
    assert ["cache", "database"] == [event.path for event in recorder.named("breaker.opened")]


async def test_breaker_with_its_own_hook_keeps_it() -> None:
    """The tree's hook is for breakers that have none."""
    own, trees = Recorder(), Recorder()
    breaker = CircuitBreaker("database", BreakerPolicy(minimum_calls=1, window=1), on_event=own)
    async with open_supervisor(SupervisorSpec(breakers=(breaker,)), on_event=trees):
        with pytest.raises(Boom):
            async with breaker:
                raise Boom
    assert ["breaker.opened"] == [event.name for event in own.events]
    assert [] == trees.named("breaker.opened")
