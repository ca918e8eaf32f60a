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

from mocha_actors.control import Control, Node, NotRunningError, RateMeter, Status, ask, connect, socket_path
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.runtime import ChildSpec, SupervisorSpec, open_supervisor


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


@asynccontextmanager
async def serving(database: Path) -> AsyncIterator[None]:
    """A tree with nothing but the control socket."""
    child = ChildSpec("control", partial(Control, database, lambda: 0, status))
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
        for line in (b"hello", b'{"cmd": "stop"}', b'{"cmd": "status", "verbose": true}'):
            await stream.send_all(line + b"\n")
            answer = await stream.receive_some()

            assert answer.startswith(b'{"error":"not a command')
            assert rb"allowed is {\"cmd\": \"status\"}" in answer


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
