"""Promise P1: `kill -9` at any instant loses nothing and counts nothing twice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from tests.end_to_end.harness import COMMUNITY, EVERY_INTENT, EVERY_TABLE, House, open_house, until

SLOWLY = ("--rate", "300")
"""Rate of the long campaigns: a session keeps 250,000 events for a RESUME, so even one of 800 seconds, on a busy machine, loses none."""


async def kill_repeatedly(house: House, kills: int, rng: random.Random) -> None:
    """Kill the service ``kills`` times at random moments: by turns in the middle of its work, and from the start of its process on."""
    first = await house.start()
    await until(lambda: house.durable() > 0, f"the first session is durable; {first.text[-2000:]}")
    service = first
    for kill in range(kills):
        if kill % 2:
            before = house.durable()
            await until(lambda before=before: house.durable() > before, f"it goes on; {service.text[-2000:]}")  # type: ignore[misc]
        await trio.sleep(rng.uniform(0.0, 1.5))
        service.process.kill()
        assert await service.process.wait() == -9, service.text
        service = await house.start()
    last = (await house.simulator.stop_traffic())[0]
    await house.drain(service, last)


async def check(
    folder: Path,
    kills: int,
    seed: int,
    *options: str,
    compression: str = "zlib-stream",
    url: str = "sqlite:///mocha.db",
    intents: Sequence[str] = (),
) -> str:
    """One campaign; returns what `mocha verify` said."""
    rate = options or ("--rate", "1500")
    async with open_house(folder, *rate, compression=compression, url=url, intents=intents) as house:
        await kill_repeatedly(house, kills, random.Random(seed))
        verdict = house.verify()
        recounted = house.recounted()
        print(
            f"{kills} kills, seed {seed}, {compression}: {verdict} with the ledger, {recounted} with the raw rows; {len(house.dispatches())} dispatches, {house.sessions()} session"
        )
        assert house.sessions() == 1, "a session was not resumed"
        assert house.rows("SELECT reason FROM coverage_gaps") == [("first_start",)]
        assert house.rows("SELECT * FROM dead_letters") == []
        for table in EVERY_TABLE if intents else ():
            assert house.rows(f"SELECT count(*) FROM {table}") > [(0,)], table
        return verdict


@pytest.mark.parametrize("compression", ["none", "zlib-stream", "zstd-stream"])
async def test_killing_the_service_at_random_moments_changes_no_number(tmp_path: Path, compression: str) -> None:
    """Five kills under live traffic: one session throughout, and a database equal to the ledger."""
    verdict = await check(tmp_path, 5, seed=1, compression=compression)

    total, _, rest = verdict.partition(" of ")
    assert rest.startswith(f"{total} equal")
    assert int(total.replace(",", "")) > 100


async def check_everything(
    folder: Path, kills: int, seed: int, *, rate: Sequence[str] = ("--rate", "800"), url: str = "sqlite:///mocha.db"
) -> None:
    """One campaign with every kind of event."""
    await check(folder, kills, seed, *COMMUNITY, *rate, url=url, intents=EVERY_INTENT)


async def test_killing_the_service_changes_no_number_of_any_kind_of_event(tmp_path: Path) -> None:
    """Messages with their edits and deletions, reactions, members, voice and presence: three kills."""
    await check_everything(tmp_path, 3, seed=4)


async def test_killing_the_service_changes_no_number_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """The server ends the transaction and the ownership of a killed writer; the next one takes both up at once."""
    verdict = await check(tmp_path, 4, seed=3, url=postgres_url)

    assert int(verdict.partition(" of ")[0].replace(",", "")) > 100


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killing_the_service_fifty_times_changes_no_number(tmp_path: Path) -> None:
    """The campaign: fifty kills."""
    await check(tmp_path, 50, 2, *SLOWLY)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killing_the_service_fifty_times_changes_no_number_of_any_kind_of_event(tmp_path: Path) -> None:
    """The campaign of every kind: fifty kills."""
    await check_everything(tmp_path, 50, seed=5, rate=SLOWLY)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killing_the_service_changes_no_number_of_any_kind_of_event_on_postgresql(
    tmp_path: Path, postgres_url: str
) -> None:
    """The same on a server: twenty kills."""
    await check_everything(tmp_path, 20, seed=6, rate=SLOWLY, url=postgres_url)
