from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorFailed,
    AskTimeout,
    ChildError,
    ChildSpec,
    Context,
    Mailbox,
    MailboxFull,
    RestartLimitExceeded,
    RuntimeClosed,
    StartFailed,
    SupervisorSpec,
    open_supervisor,
)
from mocha_actors.runtime.bridge import Bridge, start_as_guest, start_in_thread

from .toys import Boom, Echo, Forever, Ping, child, fail, scripted

Start = Callable[..., Awaitable[Bridge]]


@pytest.fixture(params=[start_in_thread, start_as_guest], ids=["thread", "guest"])
def start(request: pytest.FixtureRequest) -> Start:
    """Both ways to be embedded behave the same."""
    way: Start = request.param
    return way


class Slow(Actor[Any]):
    """Waits until it is told to go on, on whichever side somebody tells it."""

    def __init__(self, go_on: trio.Event, handled: list[Any]) -> None:
        self.go_on = go_on
        self.handled = handled

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        await self.go_on.wait()
        self.handled.append(message)
        return message


def tree(*children: ChildSpec, **options: Any) -> Any:
    """A program of these children."""
    return partial(open_supervisor, SupervisorSpec(children=children, **options))


def echo(handled: list[Any], **options: Any) -> ChildSpec:
    """An actor that notes what it handles."""
    return ChildSpec("echo", lambda: Echo(handled), **options)


async def set_event(event: trio.Event) -> None:
    """Set an event on its own side."""
    event.set()


def test_host_tells_and_asks(start: Start) -> None:
    """An ask sees what was told before it; answers and errors come back as they are."""
    handled: list[Any] = []

    async def host() -> None:
        async with await start(tree(echo(handled))) as bridge:
            assert all(bridge.tell("echo", number) for number in range(100))
            assert 0 == await bridge.ask("echo", Ping(), timeout=5)
            assert list(range(100)) == handled
            assert "running" == (await bridge.tree()).state
            with pytest.raises(ActorFailed) as caught:
                await bridge.ask(bridge.ref("echo"), Boom("mine"), timeout=5)  # type: ignore[arg-type]
            assert "Boom('mine')" == repr(caught.value.__cause__)
            with pytest.raises(ChildError, match="mocha/nobody is not known"):
                bridge.tell("nobody", 1)

    asyncio.run(host())


def test_closing_drains_and_says_that_nothing_was_lost(start: Start) -> None:
    """What `tell` accepted is handled, however much waits."""
    handled: list[Any] = []

    async def host() -> None:
        bridge = await start(tree(echo(handled)))
        accepted = [bridge.tell("echo", number) for number in range(500)]
        report = await bridge.aclose(drain=30)
        assert (500, 0, None) == (sum(accepted), report.lost, report.error)
        assert report == await bridge.aclose()

    asyncio.run(host())
    assert list(range(500)) == handled


def test_closed_runtime_takes_nothing_more(start: Start) -> None:
    """Asks raise, tells are dropped and counted; several runtimes may follow one another in one loop."""

    async def host() -> None:
        for _ in range(2):
            bridge = await start(tree(child("echo")))
            await bridge.aclose()
            assert not bridge.tell("echo", 1)
            assert 1 == bridge.dropped
            with pytest.raises(RuntimeClosed):
                await bridge.ask("echo", Ping(), timeout=5)
            with pytest.raises(RuntimeClosed):
                await bridge.tree()

    asyncio.run(host())


def test_drain_is_bounded_and_what_was_not_handled_is_counted(start: Start) -> None:
    """After `drain` seconds the actors are killed, whatever their specs say."""

    async def host() -> None:
        bridge = await start(tree(ChildSpec("forever", Forever, shutdown=None)))
        for number in range(3):
            bridge.tell("forever", number)
        report = await bridge.aclose(drain=0)
        assert (3, 0) == (report.dead, report.dropped)

    asyncio.run(host())


def test_ask_under_way_at_the_close_is_answered_or_told(start: Start) -> None:
    """A drain answers it; a kill tells it that the actor is dead."""

    async def outcome(drain: float, *, go_on: bool) -> object:
        event, handled = trio.Event(), list[Any]()
        bridge = await start(tree(ChildSpec("slow", partial(Slow, event, handled), shutdown=None)))
        ask = asyncio.ensure_future(bridge.ask("slow", "question", timeout=60))  # type: ignore[arg-type]
        while not (await bridge.tree()).children[0].mailbox.in_hand:  # type: ignore[union-attr]
            await asyncio.sleep(0)
        if go_on:
            await bridge.run(set_event, event)
        await bridge.aclose(drain=drain)
        return (await asyncio.gather(ask, return_exceptions=True))[0]

    assert "question" == asyncio.run(outcome(30, go_on=True))
    assert isinstance(asyncio.run(outcome(0, go_on=False)), ActorDead)


def test_intake_is_bounded_while_the_runtime_is_busy() -> None:
    """A runtime that holds its thread stops neither the host nor its memory from being safe: the rest is dropped."""
    handled: list[Any] = []
    blocking, go_on = threading.Event(), threading.Event()

    async def block() -> None:
        blocking.set()
        go_on.wait(30)

    async def host() -> None:
        bridge = await start_in_thread(tree(echo(handled)), capacity=10)
        bridge.tell("echo", block)
        await asyncio.to_thread(blocking.wait, 30)
        accepted = [bridge.tell("echo", number) for number in range(15)]
        assert ([True] * 10 + [False] * 5, 5) == (accepted, bridge.dropped)
        go_on.set()
        report = await bridge.aclose(drain=30)
        assert (0, 5, 5) == (report.dead, report.dropped, report.lost)

    asyncio.run(host())
    assert list(range(10)) == handled


def test_full_mailbox_never_holds_up_the_host(start: Start) -> None:
    """Behind the bridge a message that does not fit is a dead letter; the messages to others pass."""
    handled: list[Any] = []

    async def host() -> None:
        full = ChildSpec("full", Forever, mailbox=Mailbox(2), shutdown="kill")
        bridge = await start(tree(full, echo(handled)))
        assert all(bridge.tell("full", number) for number in range(5))
        assert 0 == await bridge.ask("echo", Ping(), timeout=5)
        assert 5 == (await bridge.aclose()).dead

    asyncio.run(host())


def test_asks_under_way_are_bounded(start: Start) -> None:
    """One more than the intake holds is refused at once."""

    async def host() -> None:
        event, handled = trio.Event(), list[Any]()
        slow = ChildSpec("slow", partial(Slow, event, handled))
        async with await start(tree(slow), capacity=3) as bridge:
            asks = [asyncio.ensure_future(bridge.ask("slow", number, timeout=60)) for number in range(3)]  # type: ignore[arg-type]
            await asyncio.sleep(0)
            with pytest.raises(MailboxFull, match="the bridge"):
                await bridge.tree()
            bridge._intake.put(event.set, always=True)
            assert [0, 1, 2] == await asyncio.gather(*asks)
            await bridge.tree()

    asyncio.run(host())


def test_ask_times_out_and_a_cancelled_ask_is_withdrawn(start: Start) -> None:
    """In both cases the actor never sees a request that it has not begun."""

    async def host() -> None:
        event, handled = trio.Event(), list[Any]()
        async with await start(tree(ChildSpec("slow", partial(Slow, event, handled)))) as bridge:
            bridge.tell("slow", "first")
            with pytest.raises(AskTimeout, match=r"mocha/slow did not answer str within 0\.01 s"):
                await bridge.ask("slow", "too late", timeout=0.01)  # type: ignore[arg-type]
            cancelled = asyncio.ensure_future(bridge.ask("slow", "cancelled", timeout=60))  # type: ignore[arg-type]
            await bridge.tree()
            cancelled.cancel()
            assert [True] == [
                isinstance(each, asyncio.CancelledError)
                for each in await asyncio.gather(cancelled, return_exceptions=True)
            ]
            await bridge.run(set_event, event)
        assert ["first"] == handled

    asyncio.run(host())


def test_ask_of_a_stuck_runtime_times_out_all_the_same() -> None:
    """The host has a clock of its own."""
    blocking, go_on = threading.Event(), threading.Event()

    async def block() -> None:
        blocking.set()
        go_on.wait(30)

    async def host() -> None:
        async with await start_in_thread(tree(child("echo"))) as bridge:
            bridge.tell("echo", block)
            await asyncio.to_thread(blocking.wait, 30)
            with pytest.raises(AskTimeout):
                await bridge.ask("echo", Ping(), timeout=0.01)
            go_on.set()

    asyncio.run(host())


def test_failing_start_comes_out_and_leaves_nothing_behind(start: Start) -> None:
    """No thread, no guest: the next start works."""

    async def host() -> None:
        with pytest.raises(StartFailed, match="mocha/bad did not start"):
            await start(tree(child("good"), scripted("bad", fail)))
        await (await start(tree(child("good")))).aclose()

    asyncio.run(host())
    assert "mocha-actors" not in {thread.name for thread in threading.enumerate()}


def test_cancelled_start_is_given_up(start: Start) -> None:
    """A host that waits no longer for a start that hangs gets its loop back."""

    async def host() -> None:
        begun = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        async def hang() -> None:
            loop.call_soon_threadsafe(begun.set_result, None)
            await trio.sleep_forever()

        starting = asyncio.ensure_future(start(tree(scripted("hangs", hang))))
        await begun
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(host())
    assert "mocha-actors" not in {thread.name for thread in threading.enumerate()}


def test_tree_that_gives_up_leaves_the_host_running_and_says_so_once(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """The host finds the error in the report, and one line in the log."""

    async def host() -> None:
        bridge = await start(tree(child("echo"), max_restarts=0))
        bridge.tell("echo", Boom())
        report = await bridge.wait_closed()
        assert isinstance(report.error, RestartLimitExceeded)
        with pytest.raises(RuntimeClosed):
            await bridge.ask("echo", Ping(), timeout=5)
        assert report == await bridge.aclose()

    with caplog.at_level(logging.ERROR, "mocha_actors.runtime"):
        asyncio.run(host())
    assert 1 == caplog.text.count("the actor runtime ended: mocha gave up: mocha/echo exceeded 0 restarts in 5 s")


def test_host_that_ends_early_is_held_until_the_drain_is_done(start: Start) -> None:
    """`asyncio.run` returns only when everything that was told is handled, though nobody closed the bridge."""
    handled: list[Any] = []

    async def host() -> None:
        bridge = await start(tree(echo(handled)))
        for number in range(500):
            bridge.tell("echo", number)

    asyncio.run(host())
    assert list(range(500)) == handled
    assert "mocha-actors" not in {thread.name for thread in threading.enumerate()}


def test_loop_that_is_closed_without_a_word_is_drained_when_the_interpreter_exits(tmp_path: Path) -> None:
    """The thread outlives the loop, and the exit waits for it."""
    code = """
import asyncio, sys
from functools import partial
from pathlib import Path
from mocha_actors.runtime import Actor, ChildSpec, SupervisorSpec, open_supervisor
from mocha_actors.runtime.bridge import start_in_thread

class Writer(Actor):
    async def on_start(self, ctx):
        self.lines = []

    async def handle(self, line, ctx):
        self.lines.append(line)

    async def on_stop(self, outcome):
        Path(sys.argv[1]).write_text(",".join(self.lines))

async def host():
    bridge = await start_in_thread(partial(open_supervisor, SupervisorSpec(children=(ChildSpec("writer", Writer),))))
    for number in range(500):
        bridge.tell("writer", str(number))

loop = asyncio.new_event_loop()
loop.run_until_complete(host())
loop.close()
"""
    written = tmp_path / "written"
    command = [sys.executable, "-W", "ignore", "-c", code, str(written)]
    subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL)
    assert ",".join(map(str, range(500))) == written.read_text()


def test_callback_that_blocks_the_host_does_not_delay_actors_in_a_thread() -> None:
    """This is why the thread is the usual choice."""
    handled, done = list[Any](), threading.Event()

    async def tell_done() -> None:
        done.set()

    async def host() -> None:
        async with await start_in_thread(tree(echo(handled))) as bridge:
            bridge.tell("echo", tell_done)
            assert done.wait(30), "the actor works while this very call blocks the loop"

    asyncio.run(host())


def test_two_runtimes_live_side_by_side_in_threads() -> None:
    """Each with its own tree."""

    async def host() -> None:
        one, two = list[Any](), list[Any]()
        async with await start_in_thread(tree(echo(one))) as first, await start_in_thread(tree(echo(two))) as second:
            first.tell("echo", 1)
            second.tell("echo", 2)
        assert ([1], [2]) == (one, two)

    asyncio.run(host())


def test_package_does_not_bring_asyncio_in() -> None:
    """Whoever is on trio alone does not load the bridge."""
    code = "import sys, mocha_actors.runtime; sys.exit('asyncio' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
