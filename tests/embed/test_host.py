"""Mocha behind a program on asyncio: what the host may rely on."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import structlog

from mocha_actors.client import StatsClient
from mocha_actors.config import Config, Secret, SupervisionSection
from mocha_actors.embed import MochaStats, message
from mocha_actors.errors import ConfigError, MochaError
from mocha_actors.runtime import Actor, ActorRef, ChildSpec, Context, Event, Request, RuntimeClosed
from mocha_actors.stats.asking import Asking
from tests.embed.hosts import config_for

GUILD, CHANNEL, ADA = 100, 50, 1
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AROUND = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1)}


def in_a_loop(host: Coroutine[Any, Any, None]) -> None:
    """Run a program on asyncio as it runs itself."""
    asyncio.run(host)


def sent(number: int) -> Any:
    """A message at noon."""
    return message(NOON, guild_id=GUILD, channel_id=CHANNEL, user_id=ADA, number=number)


def messages_in(folder: Path, name: str = "mocha") -> int:
    """How many messages a database holds."""
    with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM message_events").fetchone()[0])


@pytest.mark.parametrize("guest", [False, True])
def test_every_question_is_an_awaitable_of_the_hosts_loop(tmp_path: Path, guest: bool) -> None:
    """In a thread of its own or as a guest of the loop: the same methods as on trio, with the same answers."""

    async def host() -> None:
        async with MochaStats(config_for(tmp_path), guest=guest) as stats:
            await stats.record([sent(number) for number in range(3)])
            counted, board = await asyncio.gather(
                stats.message_stats(GUILD, **AROUND), stats.leaderboard(GUILD, limit=1, **AROUND)
            )
            assert counted.messages == 3
            assert [(entry.user_id, entry.value) for entry in board.entries] == [(ADA, 3)]
        assert stats.report is not None
        assert stats.report.clean

    in_a_loop(host())
    questions = {name for name, _ in inspect.getmembers(Asking, inspect.iscoroutinefunction) if name[0] != "_"}
    assert len(questions) > 20
    assert questions <= set(dir(MochaStats))


def test_what_is_handed_over_before_the_end_is_committed(tmp_path: Path) -> None:
    """Leaving the block drains; what comes later is dropped and counted."""

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)) as stats:
            feed = stats.feed
            for number in range(700):
                feed.frame(0, sent(number).frame)
        assert not feed.frame(0, sent(700).frame)
        health = stats.health()
        assert (health.running, health.committed, health.dropped) == (False, 701, 1)
        with pytest.raises(RuntimeClosed):
            await stats.message_stats(GUILD)

    in_a_loop(host())
    assert messages_in(tmp_path) == 700


@pytest.mark.parametrize("seconds", [1, pytest.param(5, marks=pytest.mark.long)])
def test_a_host_that_blocks_for_seconds_loses_nothing(tmp_path: Path, seconds: int) -> None:
    """Another thread commits meanwhile: when the host's callback returns, what it had handed over is durable."""

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)) as stats:
            for number in range(1_000):
                stats.feed.frame(0, sent(number).frame)
            time.sleep(seconds)  # noqa: ASYNC251 - that is what bots do
            assert messages_in(tmp_path) == 1_000

    in_a_loop(host())


def test_a_host_that_ends_without_a_word_is_drained(tmp_path: Path) -> None:
    """`asyncio.run` cancels what still runs, and waits for the last commit."""

    async def host() -> None:
        stats = await MochaStats(config_for(tmp_path)).start()
        for number in range(300):
            stats.feed.frame(0, sent(number).frame)

    in_a_loop(host())
    assert messages_in(tmp_path) == 300


def test_several_live_in_one_process(tmp_path: Path) -> None:
    """Each with a thread and a database of its own."""

    async def host() -> None:
        one, two = MochaStats(config_for(tmp_path, "one")), MochaStats(config_for(tmp_path, "two"))
        async with one, two:
            await one.record([sent(1)])
            await two.record([sent(number) for number in range(5)])
            assert sum(thread.name == "mocha-actors" for thread in threading.enumerate()) == 2

    in_a_loop(host())
    assert (messages_in(tmp_path, "one"), messages_in(tmp_path, "two")) == (1, 5)


def test_the_second_on_one_database_is_refused(tmp_path: Path) -> None:
    """One owner (promise P10); the error comes out of the start."""

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)):
            with pytest.raises(MochaError, match="mocha.db"):
                await MochaStats(config_for(tmp_path)).start()

    in_a_loop(host())


class Grenade(Actor[object]):
    """An actor that fails as soon as it starts."""

    async def run(self, ctx: Context[object]) -> None:
        """Fail."""
        raise RuntimeError("a fault of the worst kind")


async def throw(client: StatsClient) -> None:
    """Add an actor that no restart mends."""
    await client.supervisor.start_child(ChildSpec("grenade", Grenade))


def test_a_tree_that_gives_up_leaves_the_host_running_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line of the standard logging at level error; questions are refused, and events are dropped and counted."""
    caplog.set_level(logging.ERROR)

    async def host() -> None:
        limits = SupervisionSection(max_restarts=2, backoff_base_s=0.01, backoff_cap_s=0.02)
        config = Config(database=config_for(tmp_path).database, supervision=limits)
        async with MochaStats(config) as stats:
            stats.feed.frame(0, sent(0).frame)
            await stats.run(throw)
            async with asyncio.timeout(20):
                while stats.health().running:
                    await asyncio.sleep(0.01)
            for number in range(1, 100):
                stats.feed.frame(0, sent(number).frame)
            await asyncio.sleep(0.1)
            health = stats.health()
            assert "RestartLimitExceeded" in health.error
            assert health.dropped == 99
            with pytest.raises(RuntimeClosed):
                await stats.guilds()
        assert not stats.report.clean  # type: ignore[union-attr]

    in_a_loop(host())
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
    assert messages_in(tmp_path) == 1


class Total(Request[int]):
    """How many messages came."""


class Tally(Actor[Any]):
    """Somebody's own actor: counts what it is told."""

    def __init__(self) -> None:
        self.total = 0

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        """Count, or tell."""
        if isinstance(message, Total):
            return self.total
        self.total += 1
        return None


def test_an_actor_of_ones_own_lives_in_the_tree(tmp_path: Path) -> None:
    """Supervised like ours, and seen in the status."""

    async def add(client: StatsClient) -> ActorRef[Any]:
        await client.supervisor.start_child(ChildSpec("tally", Tally))
        return client.supervisor.ref("tally")

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)) as stats:
            ref = await stats.run(add)

            async def use(_: StatsClient) -> int:
                for word in ("a", "b"):
                    await ref.tell(word)
                return await ref.ask(Total(), timeout=5)

            assert await stats.run(use) == 2
            assert "tally" in [node.name for node in (await stats.status()).tree.children]

    in_a_loop(host())


def test_structured_events_come_by_callback_and_by_iterator(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the host's loop, until the end; a callback that raises harms nobody."""
    threads: list[threading.Thread] = []

    def faulty(event: Event) -> None:
        threads.append(threading.current_thread())
        raise ValueError(event.name)

    async def host() -> None:
        seen: list[str] = []
        async with MochaStats(config_for(tmp_path)) as stats:
            stop = stats.on_event(faulty)
            events = stats.events()

            async def follow() -> None:
                seen.extend([event.name async for event in events])

            following = asyncio.create_task(follow())
            await asyncio.sleep(0)
            stats.feed.ready(0)
            stats.feed.disconnected(0)
            stats.feed.resumed(0)
            await stats.flush()
            await asyncio.sleep(0.05)
            stop()
        await following
        assert seen[:3] == ["host.ready", "host.disconnected", "host.resumed"]
        assert "shutdown.phase" in seen

    in_a_loop(host())
    assert threads == [threading.main_thread()] * 3
    assert "callback.failed" in caplog.text


def test_logs_go_to_the_hosts_standard_logging(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the name `mocha_actors`, nothing on standard output; the host's own structlog, unconfigured, prints as before."""
    caplog.set_level(logging.INFO)

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)):
            structlog.get_logger().info("hosts.own", number=7)

    in_a_loop(host())
    started = [record for record in caplog.records if record.getMessage().startswith("service.started")]
    assert [(record.name, record.levelname) for record in started] == [("mocha_actors", "INFO")]
    printed = capsys.readouterr().out
    assert "hosts.own" in printed
    assert "service." not in printed


def test_logs_pass_the_hosts_structlog_where_it_is_set_up(tmp_path: Path) -> None:
    """Its configuration stays as it is."""
    lines: list[Any] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:
        lines.append(event["event"])
        raise structlog.DropEvent

    structlog.configure(processors=[keep])

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)):
            pass

    in_a_loop(host())
    assert {"service.started", "service.stopped"} <= set(lines)
    assert structlog.get_config()["processors"] == [keep]


def test_ctrl_c_stays_with_the_host(tmp_path: Path) -> None:
    """The host gets its KeyboardInterrupt as if Mocha were not there, and what was handed over is committed."""
    program = dedent(f"""
        import asyncio, sys
        from mocha_actors.embed import MochaStats

        async def host():
            async with MochaStats(database="sqlite:///{tmp_path}/mocha.db") as stats:
                stats.feed.frame(0, {sent(1).frame!r})
                print("up", flush=True)
                await asyncio.sleep(60)

        try:
            asyncio.run(host())
        except KeyboardInterrupt:
            print("interrupted")
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    assert (printed, process.returncode) == ("interrupted\n", 0)
    assert messages_in(tmp_path) == 1


def test_what_was_lost_by_a_kill_is_a_gap(tmp_path: Path) -> None:
    """After `kill -9` the next start records the time since the last evidence; nothing committed is lost or doubled."""
    program = dedent(f"""
        import asyncio
        from mocha_actors.embed import MochaStats

        async def host():
            async with MochaStats(database="sqlite:///{tmp_path}/mocha.db") as stats:
                stats.feed.frame(0, {sent(1).frame!r})
                await stats.flush()
                print("up", flush=True)
                await asyncio.sleep(60)

        asyncio.run(host())
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
    before = _last_alive(tmp_path)

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)) as stats:
            stats.feed.ready(0)
            stats.feed.frame(0, sent(2).frame)

    in_a_loop(host())
    with closing(sqlite3.connect(tmp_path / "mocha.db")) as connection:
        gaps = connection.execute("SELECT from_ms, reason FROM coverage_gaps ORDER BY from_ms").fetchall()
    assert gaps == [(0, "first_start"), (before, "host_disconnected")]
    assert messages_in(tmp_path) == 2


def _last_alive(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "mocha.db")) as connection:
        return int(connection.execute("SELECT last_alive_ms FROM gateway_sessions").fetchone()[0])


def test_a_bot_cannot_feed_one_that_has_its_own_connection(tmp_path: Path) -> None:
    """Everything would be counted twice; the sentence says what to change."""
    stats = MochaStats(config_for(tmp_path), gateway=True, token=Secret("x"))
    with pytest.raises(RuntimeClosed):
        _ = stats.feed
    stats._client = StatsClient.__new__(StatsClient)
    stats._client.feed = None
    with pytest.raises(ConfigError, match="gateway=True"):
        _ = stats.feed


def test_a_configuration_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """As a path, as an object, or as the URL of a database."""
    path = tmp_path / "mocha.toml"
    path.write_text('[database]\nurl = "sqlite:///x.db"\n')
    assert MochaStats(path).config.database.url == "sqlite:///x.db"
    assert MochaStats(path, database="sqlite:///y.db").config.database.url == "sqlite:///y.db"
    with pytest.raises(ConfigError):
        MochaStats(database="mysql://x")


def test_a_frame_that_is_handed_over_survives_json_of_any_kind(tmp_path: Path) -> None:
    """A frame over several lines is one frame."""

    async def host() -> None:
        async with MochaStats(config_for(tmp_path)) as stats:
            for number in range(3):
                stats.feed.frame(0, json.dumps(json.loads(sent(number).frame), indent=2).encode())

    in_a_loop(host())
    assert messages_in(tmp_path) == 3
