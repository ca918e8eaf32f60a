"""The control socket: who may ask, what is answered, and what is left behind."""

from __future__ import annotations

import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from mocha_actors.administration import AnyCommand, Done, Forget, Progress
from mocha_actors.control import (
    Control,
    Node,
    NotRunningError,
    Perform,
    RateMeter,
    Status,
    ask,
    connect,
    order,
    socket_path,
)
from mocha_actors.errors import ConfigError, TransientError
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.runtime import AskTimeout, ChildSpec, SupervisorSpec, open_supervisor


def status(rate: float) -> Status:
    """A status that shows what the meter said."""
    numbers = dict.fromkeys(
        (
            "pid",
            "shards",
            "connected",
            "received",
            "committed",
            "ignored",
            "dead_lettered",
            "spooled",
            "resumes",
            "identifies",
            "restarts",
        ),
        1,
    )
    return Status(
        version="1", uptime_seconds=2.0, database="x.db", ready=True, durable={0: 7}, events_per_second=rate,
        lag_p50_seconds=None, lag_p99_seconds=0.1, breakers={"database": "closed"}, tree=Node("mocha", "running"), caches={"user": CacheCounters(hits=3)}, **numbers,
    )  # fmt: skip


async def refuse(_command: AnyCommand, _progress: Progress) -> Done:
    """Do no command."""
    raise ConfigError("not here")


@asynccontextmanager
async def serving(database: Path, perform: Perform = refuse) -> AsyncIterator[None]:
    """A tree with nothing but the control socket."""
    child = ChildSpec("control", partial(Control, database, lambda: 0, status, perform))
    async with open_supervisor(SupervisorSpec(children=(child,), max_restarts=0)):
        while not socket_path(database).exists():
            await trio.lowlevel.checkpoint()
        yield


async def test_the_status_comes_over_a_private_socket_beside_the_database(tmp_path: Path) -> None:
    """Mode 0600, and the socket goes with the service."""
    database = tmp_path / "mocha.db"
    async with serving(database):
        path = socket_path(database)

        assert status(0.0) == await ask(database)
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert not path.exists()


async def test_a_socket_that_a_killed_service_left_is_replaced(tmp_path: Path) -> None:
    """Whoever starts owns the database, so the old socket is nobody's."""
    database = tmp_path / "mocha.db"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(socket_path(database)))
    async with serving(database):
        assert 1 == (await ask(database)).pid


async def test_a_folder_may_lie_as_deep_as_it_likes(tmp_path: Path) -> None:
    """The limit of a socket's address, 108 bytes, is not the user's problem."""
    database = tmp_path / ("deep" * 30) / ("deeper" * 20) / "mocha.db"
    database.parent.mkdir(parents=True)
    async with serving(database):
        assert 1 == (await ask(database)).pid


async def test_what_is_no_command_is_answered_with_what_is_allowed(tmp_path: Path) -> None:
    """The connection lives on, so that a person can try again."""
    database = tmp_path / "mocha.db"
    async with serving(database), await connect(socket_path(database)) as stream:
        for line in (
            b"hello",
            b'{"cmd": "status", "x": ' + b"[" * 20_000,
            b'{"cmd": "stop"}',
            b'{"cmd": "status", "verbose": true}',
        ):
            await stream.send_all(line + b"\n")
            answer = await stream.receive_some()

            assert answer.startswith(b'{"answer":"refused","error":"not a command')
            assert rb"{\"cmd\": \"status\"}" in answer


async def test_a_command_is_done_and_tells_how_far_it_is(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Twice a second, however often it says so itself."""
    database, told = tmp_path / "mocha.db", []

    async def slowly(command: AnyCommand, progress: Progress) -> Done:
        for step in range(30):
            progress(step, 30)
            await trio.sleep(0.1)
        return Done(f"done for {command.actor}", {"rows": 7})

    async with serving(database, slowly):
        command = Forget(actor="ada", user_id=5)
        done = await order(database, command, lambda done, of: told.append((done, of)))

    assert Done("done for ada", {"rows": 7}) == done
    assert 5 <= len(told) <= 6
    assert told == sorted(told)
    assert {30} == {of for _, of in told}


@pytest.mark.parametrize(
    ("error", "kind"), [(ConfigError("no such"), ConfigError), (AskTimeout("writer", "Chore", 1.0), TransientError)]
)
async def test_a_command_that_cannot_be_done_is_an_error_of_who_is_at_fault(
    tmp_path: Path, error: Exception, kind: type[Exception]
) -> None:
    """A wrong command is the asker's; everything else may be asked again. The service goes on."""

    async def fail(_command: AnyCommand, _progress: Progress) -> Done:
        raise error

    database = tmp_path / "mocha.db"
    async with serving(database, fail):
        with pytest.raises(kind):
            await order(database, Forget(actor="ada", user_id=5), lambda _done, _of: None)
        assert 1 == (await ask(database)).pid


async def test_a_service_that_ends_before_it_answers_is_told_from_one_that_does_not_run(tmp_path: Path) -> None:
    """The first may be asked again, the second must be started."""
    database = tmp_path / "mocha.db"

    async def for_ever(_command: AnyCommand, _progress: Progress) -> Done:
        await trio.sleep_forever()
        raise AssertionError

    stop = trio.CancelScope()

    async def serve(task_status: trio.TaskStatus[None]) -> None:
        with stop:
            async with serving(database, for_ever):
                task_status.started()
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        await nursery.start(serve)
        nursery.start_soon(stop_soon, stop)
        with pytest.raises(TransientError, match="ended before it answered"):
            await order(database, Forget(actor="ada", user_id=5), lambda _done, _of: None)
    with pytest.raises(NotRunningError):
        await order(database, Forget(actor="ada", user_id=5), lambda _done, _of: None)


async def stop_soon(scope: trio.CancelScope) -> None:
    """Cancel once everything waits."""
    await wait_all_tasks_blocked(0.05)
    scope.cancel()


async def test_a_client_that_goes_in_the_middle_of_a_line_disturbs_nobody(tmp_path: Path) -> None:
    """The actor has a restart budget of 0 here; it is not spent."""
    database = tmp_path / "mocha.db"
    async with serving(database):
        async with await connect(socket_path(database)) as stream:
            await stream.send_all(b'{"cmd"')
        assert 1 == (await ask(database)).pid


async def test_without_a_service_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    """It names the database and the reason."""
    with pytest.raises(NotRunningError, match=r"no service answers for .*mocha\.db \(No such file.*mocha-run"):
        await ask(tmp_path / "mocha.db")


@given(st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 10_000)), min_size=1, max_size=30))
def test_the_rate_is_the_mean_over_the_last_samples(steps: list[tuple[float, int]]) -> None:
    """Older samples do not count."""
    meter, now, total = RateMeter(samples=5), 0.0, 0
    meter.add(now, total)
    assert 0.0 == meter.rate
    for seconds, events in steps:
        now, total = now + seconds, total + events
        meter.add(now, total)

    last = steps[-5:]
    assert meter.rate == pytest.approx(sum(events for _, events in last) / sum(seconds for seconds, _ in last))
