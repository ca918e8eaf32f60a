"""Ten minutes of a busy community, compressed into one, through an outage of the database with a `kill -9` in its middle: nothing is lost, nothing doubled."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

from tests.end_to_end.harness import EVERY_INTENT, House, Process, open_house, run_mocha, until
from tests.end_to_end.proxy import Proxy

RATE = 500
MINUTES_10 = 30_000
"""Events: fifty a second, as the profile has it, for ten minutes."""

FEW = 4_000
SCRIPT = Path(__file__).with_name("full_disk.py")


class Outage:
    """How the database of a house is taken away and given back; ``starts`` tells whether a service can be started meanwhile."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None], *, starts: bool) -> None:
        self.begin, self.end, self.starts = begin, end, starts


class Sent:
    """How many lines the ledger has; only what is new of it is read."""

    def __init__(self, ledger: Path) -> None:
        self._ledger, self._position, self.lines = ledger, 0, 0

    def __call__(self) -> int:
        """Count on."""
        with self._ledger.open("rb") as file:
            file.seek(self._position)
            new = file.read()
        self._position += len(new)
        self.lines += new.count(b"\n")
        return self.lines


def spool_of(house: House) -> Path | None:
    """The spool, once there is one."""
    return next((path for path in house.folder.rglob("*.spool") if path.stat().st_size > 100), None)


async def spooling(house: House, service: Process, least: int) -> None:
    """Wait until the spool has grown to so many bytes."""
    await until(
        lambda: (found := spool_of(house)) is not None and found.stat().st_size > least,
        f"a spool of {least} bytes; {service.text[-2000:]}",
    )


async def campaign(house: House, outage: Outage, events: int) -> str:
    """Record, lose the database, die, start again, get it back; returns figures."""
    began, sent = time.monotonic(), Sent(house.ledger)
    first = await house.start()
    await until(lambda: sent() > events // 6 and house.durable() > events // 12, "it records")
    outage.begin()
    await spooling(house, first, 50_000)
    await until(lambda: sent() > events // 3, "a sixth of it in the outage")
    spooled = spool_of(house)
    size = spooled.stat().st_size if spooled else 0
    first.process.kill()
    assert await first.process.wait() == -9, first.text
    second = await house.start()
    if outage.starts:
        await spooling(house, second, size + 20_000)
        await until(lambda: sent() > events // 2, "another sixth of it in the outage")
    else:
        assert await second.process.wait() == 1, second.text
    outage.end()
    last = second if outage.starts else await house.start()
    await until(lambda: "spool.emptied" in last.text, f"the spool is drained; {last.text[-2000:]}")
    outage.begin()
    seen = sent()
    await until(lambda: sent() > seen + events // 6, "a sixth of it in a second outage")
    outage.end()
    await until(lambda: sent() >= events, "all of it", patience=300)
    durable = (await house.simulator.stop_traffic())[0]
    await house.drain(last, durable)
    assert "spool.found" in last.text
    assert ("database.checked" in last.text) is house.url.startswith("sqlite:")
    assert "spool.started" in first.text
    return (
        f"{sent():,} lines of the ledger in {time.monotonic() - began:.0f} s, a spool of {size:,} bytes at the kill, "
        f"{house.sessions()} session"
    )


def judge(house: House, figures: str) -> None:
    """The database equals the ledger, and its rollups their recounts."""
    verdict = house.verify()
    recounted = run_mocha("verify", "--database", house.url, cwd=house.folder)
    print(f"{figures}; ledger: {verdict}; recount: {recounted.stdout.strip().splitlines()[-1]}")
    assert recounted.returncode == 0, recounted.stdout + recounted.stderr
    total, _, rest = verdict.partition(" of ")
    assert rest == f"{total} equal"
    assert int(re.sub(r"\D", "", total)) > 1000
    assert house.sessions() == 1
    assert house.rows("SELECT count(*) FROM dead_letters") == [(0,)]
    assert [reason for (reason,) in house.rows("SELECT reason FROM coverage_gaps")] == ["first_start"]
    assert spool_of(house) is None


async def on_postgresql(folder: Path, url: str, events: int) -> None:
    """The server is cut off by the wire, as when it is stopped: its connections end, and it takes no new one."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 5432)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.serve)
        through = parts._replace(netloc=f"{parts.username}@127.0.0.1:{proxy.port}").geturl()
        async with open_house(folder, *options(), url=url) as house:
            configure(house, lambda text: text.replace(url, through))
            figures = await campaign(house, Outage(proxy.cut, proxy.mend, starts=False), events)
            await trio.to_thread.run_sync(judge, house, figures)
        nursery.cancel_scope.cancel()


async def on_sqlite(folder: Path, events: int) -> None:
    """The disk is full: the database may not grow by a page."""
    full = folder / "full"
    async with open_house(folder, *options()) as house:
        configure(house, str)
        house.program = (str(SCRIPT),)
        figures = await campaign(house, Outage(full.touch, full.unlink, starts=True), events)
        await trio.to_thread.run_sync(judge, house, figures)


def options() -> tuple[str, ...]:
    """Of the simulator."""
    return "--profile", "community", "--rate", str(RATE), "--guilds", "3", "--members", "60"


def configure(house: House, change: Callable[[str], str]) -> None:
    """Record everything, and change the configuration as said."""
    path = house.folder / "mocha.toml"
    path.write_text(change(path.read_text().replace("[discord]", f"[discord]\nintents = {list(EVERY_INTENT)}")))


async def test_a_server_that_is_cut_off_and_a_kill_cost_nothing(tmp_path: Path, postgres_url: str) -> None:
    """While it is away a new start says so and ends; afterwards the next one drains the spool first."""
    await on_postgresql(tmp_path, postgres_url, FEW)


async def test_a_full_disk_and_a_kill_cost_nothing(tmp_path: Path) -> None:
    """A service can even be started on the full disk: it goes on with the spool."""
    await on_sqlite(tmp_path, FEW)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_ten_minutes_through_an_outage_of_the_server(tmp_path: Path, postgres_url: str) -> None:
    """The campaign on PostgreSQL."""
    await on_postgresql(tmp_path, postgres_url, MINUTES_10)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_ten_minutes_through_a_full_disk(tmp_path: Path) -> None:
    """The campaign on SQLite."""
    await on_sqlite(tmp_path, MINUTES_10)
