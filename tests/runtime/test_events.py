from __future__ import annotations

import logging

import pytest
import trio

from mocha_actors.runtime import EVENT_NAMES, Event, SupervisorSpec, open_supervisor

from .toys import Boom, Ping, Recorder, child, settle


async def test_hook_that_raises_kills_nobody_and_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """The runtime goes on as if the hook had returned."""

    def hook(event: Event) -> None:
        raise Boom("hook")

    async with open_supervisor(SupervisorSpec(children=(child("a"),)), on_event=hook) as sup:
        await sup.ref("a").tell(Boom())
        assert 1 == await sup.ref("a").ask(Ping(), timeout=1)
    assert ["the event hook raised on child.started; further failures of it are not reported"] == caplog.messages


async def test_life_of_a_child_is_told_in_order_with_time_and_incarnation() -> None:
    """Every transition has its event, and every name is in the list."""
    recorder = Recorder()
    async with open_supervisor(SupervisorSpec(children=(child("a"),)), on_event=recorder) as sup:
        await sup.ref("a").tell(Boom())
        await settle()
    told = [(event.name, event.incarnation) for event in recorder.events if event.name != "message.slow"]
    assert told == [
        ("child.started", 0),
        ("child.exited", 0),
        ("message.dead", 0),
        ("child.restarting", 0),
        ("child.started", 1),
        ("shutdown.phase", None),
        ("child.exited", 1),
        ("child.stopped", 1),
        ("supervisor.stopped", None),
        ("shutdown.phase", None),
    ]
    assert {event.name for event in recorder.events} <= EVENT_NAMES
    times = [event.at for event in recorder.events]
    assert times == sorted(times)


async def test_failures_are_logged_when_there_is_no_hook(caplog: pytest.LogCaptureFixture) -> None:
    """A crash is never invisible: path, incarnation and traceback, but no content of messages."""
    async with open_supervisor(SupervisorSpec(children=(child("a"),))) as sup:
        await sup.ref("a").tell(Boom("why"))
        await settle()
    record = next(each for each in caplog.records if "child.exited" in each.message)
    assert logging.WARNING == record.levelno
    assert "mocha/a#0" in record.message
    assert record.exc_info is not None


async def test_waiting_messages_of_a_stopped_actor_are_one_event() -> None:
    """A burst of dead letters is one event with a count, and a ring of bounded size."""
    recorder = Recorder()
    async with open_supervisor(SupervisorSpec(children=(child("a", shutdown="kill"),)), on_event=recorder) as sup:
        await sup.ref("a").tell(trio.sleep_forever)
        await settle()
        for number in range(500):
            await sup.ref("a").tell(number)
        await settle()
    assert [1, 500] == [event.fields["count"] for event in recorder.named("message.dead")]
    assert (501, 128) == (sup.dead_letters.total, len(sup.dead_letters.newest))
    assert 499 == sup.dead_letters.newest[-1].message
