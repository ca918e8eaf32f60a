from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import ChildSpec, RestartLimitExceeded, SupervisorSpec, open_supervisor
from mocha_actors.runtime.signals import StopRequest, open_stop_signals, run_until_signalled

from .toys import Boom, Echo, Forever, Recorder, child

STUBBORN = """
import signal, time, trio
from mocha_actors.runtime import Actor, ChildSpec, SupervisorSpec, open_supervisor
from mocha_actors.runtime.signals import run_until_signalled

class Stubborn(Actor):
    async def handle(self, message, ctx):
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
            {step}

async def main():
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("stubborn", Stubborn, shutdown=None),))) as supervisor:
        await supervisor.ref("stubborn").tell("work")
        print("ended by", await run_until_signalled(supervisor), flush=True)

trio.run(main)
"""


async def signal_and_settle(number: signal.Signals) -> None:
    """Send a signal to this process and let its consequences come."""
    signal.raise_signal(number)
    await trio.testing.wait_all_tasks_blocked()


async def run_signalled(spec: SupervisorSpec, act: Callable[[], Awaitable[Any]]) -> signal.Signals | None:
    """What `run_until_signalled` returns for a tree in which something happens."""
    async with open_supervisor(spec) as supervisor:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(act)
            return await run_until_signalled(supervisor)
    raise AssertionError("the block returns")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_first_signal_drains(number: signal.Signals, autojump_clock: trio.testing.MockClock) -> None:
    """What waits in the mailboxes is handled, and the handlers are those of before."""
    handled: list[Any] = []
    before = signal.getsignal(number)
    async with open_supervisor(SupervisorSpec(children=(ChildSpec("a", lambda: Echo(handled)),))) as supervisor:
        await supervisor.ref("a").tell(lambda: signal_and_settle(number))
        await supervisor.ref("a").tell("waits")
        assert number == await run_until_signalled(supervisor)
        assert ["waits"] == handled
    assert before == signal.getsignal(number)


async def test_second_signal_kills_whatever_it_is(autojump_clock: trio.testing.MockClock) -> None:
    """An endless drain is cut short; the first signal is the one that is reported."""

    async def impatient() -> None:
        await trio.sleep(1)
        await signal_and_settle(signal.SIGTERM)
        await trio.sleep(2)
        await signal_and_settle(signal.SIGINT)

    spec = SupervisorSpec(children=(ChildSpec("a", Forever, shutdown=None),))
    assert signal.SIGTERM == await run_signalled(spec, impatient)
    assert 3.0 == trio.current_time()


async def test_two_signals_of_a_kind_at_once_are_two() -> None:
    """They drain and kill, even if no task ran between them."""
    with open_stop_signals(signal.SIGTERM) as requests:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert StopRequest("drain", signal.SIGTERM) == await requests.receive()
        assert StopRequest("kill", signal.SIGTERM) == await requests.receive()
        assert signal.SIG_DFL == signal.getsignal(signal.SIGTERM)


async def test_tree_that_ends_by_itself_ends_the_wait() -> None:
    """Normally with None, and with its error when it gave up."""
    async with open_supervisor(SupervisorSpec()) as supervisor:
        supervisor.begin_stop()
        assert await run_until_signalled(supervisor) is None
    with pytest.raises(RestartLimitExceeded):
        async with open_supervisor(SupervisorSpec(children=(child("a"),), max_restarts=0)) as supervisor:
            await supervisor.ref("a").tell(Boom())
            await run_until_signalled(supervisor)


async def test_signals_outside_the_main_thread_are_refused_with_what_to_do_instead() -> None:
    """Python delivers signals to the main thread only."""

    async def catch() -> None:
        with open_stop_signals():
            pytest.fail("the block must not run")

    with pytest.raises(RuntimeError, match=r"signals reach the main thread only, .* call begin_stop\(\)"):
        await trio.to_thread.run_sync(trio.run, catch)


@pytest.fixture
def stubborn(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A program in the middle of a message that never ends; it has had two signals, which do not merge."""
    command = [sys.executable, "-c", STUBBORN.format(step=request.param)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("stubborn", ["await trio.sleep(0)"], indirect=True)
def test_two_signals_end_a_program_that_comes_back_to_its_loop(stubborn: subprocess.Popen[str]) -> None:
    """Even if one of its actors would never finish."""
    printed, _ = stubborn.communicate(timeout=60)
    assert (0, "ended by 2\n") == (stubborn.returncode, printed)


@pytest.mark.parametrize("stubborn", ["pass"], indirect=True)
def test_third_signal_ends_even_a_program_that_never_comes_back_to_its_loop(stubborn: subprocess.Popen[str]) -> None:
    """Nothing but the default action of the signal can."""
    for _ in range(20):
        stubborn.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            stubborn.wait(0.3)
            break
    assert -signal.SIGTERM == stubborn.returncode


async def press_ctrl_c() -> None:
    """While an actor runs, or a task of a nursery that it opened."""
    signal.raise_signal(signal.SIGINT)


async def press_ctrl_c_in_a_nursery() -> None:
    """Trio protects no task that an actor starts in a nursery of its own."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(press_ctrl_c)


async def interrupted(message: Callable[[], Awaitable[None]], handled: list[Any], recorder: Recorder) -> None:
    """A program without handlers of its own, in which Ctrl-C is pressed while an actor works and more waits for it."""
    children = (ChildSpec("z", lambda: Echo(handled)), ChildSpec("a", lambda: Echo(handled)))
    async with open_supervisor(SupervisorSpec(children), on_event=recorder) as supervisor:
        supervisor.ref("a").tell_nowait(message)
        supervisor.ref("a").tell_nowait("a waits")
        supervisor.ref("z").tell_nowait("z waits")
        await trio.sleep_forever()


def test_ctrl_c_is_for_the_program_and_not_for_the_actor_that_runs() -> None:
    """Without handlers it comes out of the block in the main task; no actor fails, and what waits is handled."""
    handled, recorder = list[Any](), Recorder()
    with pytest.raises(KeyboardInterrupt):
        trio.run(interrupted, press_ctrl_c, handled, recorder)
    assert {"a waits", "z waits"} == set(handled)
    assert {"stopped"} == {event.fields["outcome"] for event in recorder.named("child.exited")}


def test_ctrl_c_in_a_nursery_of_an_actor_comes_out_plain() -> None:
    """The actor fails; the neighbours drain, and the program gets a KeyboardInterrupt, not a group."""
    handled, recorder = list[Any](), Recorder()
    with pytest.raises(KeyboardInterrupt):
        trio.run(interrupted, press_ctrl_c_in_a_nursery, handled, recorder)
    assert "z waits" in handled


async def waiting_for_the_tree(message: Callable[[], Awaitable[None]]) -> None:
    """A program whose block waits for its tree, as `run_until_signalled` does."""
    async with open_supervisor(SupervisorSpec((ChildSpec("a", Echo),))) as supervisor:
        supervisor.ref("a").tell_nowait(message)
        await supervisor.wait()


@pytest.mark.parametrize("where", [press_ctrl_c, press_ctrl_c_in_a_nursery], ids=lambda function: function.__name__)
def test_ctrl_c_comes_out_plain_of_a_block_that_waits_for_the_tree(where: Callable[[], Awaitable[None]]) -> None:
    """It is one interrupt, though both the block and the tree have seen it."""
    with pytest.raises(KeyboardInterrupt):
        trio.run(waiting_for_the_tree, where)
